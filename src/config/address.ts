import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Address } from './model.ts';
import { ValueError } from './value-error.ts';

const form = '127.0.0.1:8080, [::1]:8080, or :8080 for every interface';

/**
 * `127.0.0.1:8080`, `localhost:8080`, `[::]:8080`; `:8080` means every interface, including IPv4, and `8080` is
 * `127.0.0.1:8080`. Port 0 lets the system choose.
 * @throws ValueError
 */
export function parseAddress(text: string): Address {
  // Nobody else's machine is reached by a port alone.
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
  if (match === null) throw new ValueError(`"${text}" is not an address and a port`, `write ${form}`);
  const [, bracketed, bare = '', digits = ''] = match;
  const port = Number(digits);
  if (port > 65_535) throw new ValueError(`the port ${digits} does not exist`, 'ports go from 0 to 65535');
  if (bracketed !== undefined) {
    if (isIPv6(bracketed)) return { host: bracketed, port };
    throw new ValueError(`"${bracketed}" is not an IPv6 address`, `write ${form}`);
  }
  if (bare === '') return { host: '::', port };
  // Otherwise `127.0.0.300` would be resolved as a name.
  const isName = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(bare) && !/^[\d.]+$/.test(bare);
  if (isName || isIPv4(bare)) return { host: bare, port };
  throw new ValueError(`"${bare}" is not a host`, `write ${form}`);
}

/** Whether the address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const address = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host;
  if (isIPv4(address)) return address.startsWith('127.');
  if (isIPv6(address)) return /^(?:0{0,4}:){2,7}0{0,3}1$/.test(address);
  return address.toLowerCase() === 'localhost';
}

/** An address or an address block: `10.0.0.0/8`, `fd00::/8`. @throws ValueError */
export function parseNetwork(text: string): string {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) {
    throw new ValueError(`"${text}" is not an address or an address block`, 'write 10.1.2.3, 10.0.0.0/8 or fd00::/8');
  }
  const bits = family === 4 ? 32 : 128;
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) {
    throw new ValueError(`"/${prefix}" is not a prefix length of IPv${family}`, `write a number from 0 to ${bits}`);
  }
  return text;
}

/**
 * An `http:` or `https:` URL of an origin, optionally with a base path; without a trailing slash. @throws ValueError
 */
export function parseOriginUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The messages do not repeat the URL: it may contain a password.
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ValueError('this is not an http or https URL', 'write http://127.0.0.1:4000');
  }
  if (url.username !== '' || url.password !== '') {
    throw new ValueError('an origin URL cannot have credentials', 'remove everything before the "@"');
  }
  if (/[?#]/.test(text)) {
    throw new ValueError('an origin URL cannot have a query or a fragment', 'remove everything after the path');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** A `Host`: a name or an address, perhaps with a port; or one of the words that choose one. @throws ValueError */
export function parseHost(text: string): string {
  const host = text.toLowerCase();
  if (/^(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.test(host)) return host;
  throw new ValueError(`"${text}" is not a host`, 'write origin, client, or a name: api.example');
}

/** @throws ValueError */
export function parseRedisUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['redis:', 'rediss:', 'unix:'].includes(url.protocol)) return text;
  throw new ValueError('this is not a Redis URL', 'write redis://127.0.0.1:6379');
}
