import type { FieldLines, Fields } from './fields.ts';
import { forwardingLines, isForwardingField, type Received } from './forwarded.ts';
import { isToken, splitList } from './list.ts';

/**
 * Fields that are for one connection or one proxy, never forwarded and never stored (RFC 9111 §3.1):
 * - `Connection` and what it lists, `Proxy-Connection`, `Keep-Alive`, `TE`, `Transfer-Encoding`, `Upgrade`: RFC 9110 §7.6.1.
 * - `HTTP2-Settings`: only ever beside `Upgrade: h2c`, which must not be smuggled past the gateway (RFC 7540 §3.2.1).
 * - `Proxy-Authenticate`, `Proxy-Authentication-Info`, `Proxy-Authorization`: between a client and a proxy (RFC 9110 §11.7).
 * - `Trailer`: RFC 9110 §6.6.2 lets it through, but it announces fields of a framing that each hop makes anew; one that is
 *   not chunked must not carry it. Who passes trailers on announces them again.
 */
const hopByHop = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** RFC 9110 §7.6.2: how often an OPTIONS or TRACE may still be forwarded; undefined where it does not say, or not with a number. */
export function maxForwards(headers: Fields): number | undefined {
  const value = headers.get('max-forwards');
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/**
 * Fields that no `Connection` takes away. RFC 9110 §7.6.1 forbids senders to list what is meant for all recipients, and who
 * does it wants the origin to miss something: a request without `Authorization` or `Cookie` that is cached for everyone, without
 * `X-Forwarded-For` that passes for an internal one, a response without `no-store` or `Set-Cookie`. The listing is ignored, so
 * that the message means what it would have meant without it.
 */
const notForOneConnection = new Set([
  'age',
  'authorization',
  'cdn-cache-control',
  'cookie',
  'date',
  'edge-cache-tag',
  'etag',
  'expires',
  'forwarded',
  'host',
  'last-modified',
  'location',
  'no-vary-search',
  'origin',
  'pragma',
  'range',
  'set-cookie',
  'set-cookie2',
  'surrogate-control',
  'surrogate-key',
  'vary',
  'via',
  'www-authenticate',
  'x-real-ip',
  'xkey',
]);
const notForOneConnectionPrefixes = ['content-', 'if-', 'x-forwarded-', 'access-control-', 'sec-', 'cache-'];

/** The lines that are for everyone on the way: what is forwarded, and what is stored. */
export function endToEnd(lines: FieldLines): string[] {
  const listed = connectionOptions(lines);
  const kept: string[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || listed.has(lower)) continue;
    kept.push(name, lines[i + 1] ?? '');
  }
  return kept;
}

/** The fields that `Connection` names, in lower case, without those that it cannot name. */
function connectionOptions(lines: FieldLines): ReadonlySet<string> {
  const options = new Set<string>();
  for (let i = 0; i + 1 < lines.length; i += 2) {
    if ((lines[i] ?? '').toLowerCase() !== 'connection') continue;
    for (const member of splitList(lines[i + 1] ?? '')) {
      const name = member.toLowerCase();
      if (isToken(name) && !isForEveryone(name)) options.add(name);
    }
  }
  return options;
}

function isForEveryone(name: string): boolean {
  return notForOneConnection.has(name) || notForOneConnectionPrefixes.some((prefix) => name.startsWith(prefix));
}

/** This gateway's name in `Via` (RFC 9110 §7.6.3). */
const PSEUDONYM = 'unstale';
const VIA = `1.1 ${PSEUDONYM}`;

/**
 * How many gateways of this name a request may have come through: several may be chained, on purpose, and a request that has
 * passed more of them than this is going round in circles.
 */
export const MAX_HOPS = 8;

/**
 * The field that CGI, WSGI and their like take a name for (RFC 3875 §4.1.18): to them `X_Forwarded_For` is `X-Forwarded-For`.
 * undefined where there is no other.
 */
export function disguised(name: string): string | undefined {
  return /[^a-z0-9-]/.test(name) ? name.replace(/[^a-z0-9-]/g, '-') : undefined;
}

/**
 * A name that stands for a field which the gateway makes, hides, or goes by: `Content_Length`, `X_Forwarded_For`, and `Proxy` is
 * an environment variable (CVE-2016-5385).
 */
function isDisguised(name: string): boolean {
  const meant = disguised(name);
  if (meant === undefined) return false;
  return hopByHop.has(meant) || isForEveryone(meant) || isForwardingField(meant, false) || goneBy.has(meant);
}

/** What else decides how a request is answered, and whom for. */
const goneBy = new Set(['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'expect', 'max-forwards']);

/**
 * The request lines to send on: end-to-end ones, with `Forwarded` and `X-Forwarded-For`, `-Host` and `-Proto` that tell the truth as
 * far as it is known, and this gateway in `Via`.
 */
export function forwardedFields(lines: FieldLines, received: Received): string[] {
  const kept: string[] = [];
  const through = endToEnd(lines);
  for (let i = 0; i + 1 < through.length; i += 2) {
    const [name = '', value = ''] = [through[i], through[i + 1]];
    const lower = name.toLowerCase();
    if (isForwardingField(lower, received.trusted) || isDisguised(lower) || lower === 'proxy') continue;
    // As it is keyed: an origin that tells "API.example" from "api.example" would decide for both what is stored.
    kept.push(name, lower === 'host' ? value.toLowerCase() : value);
  }
  return [...kept, ...forwardingLines(lines, received), 'Via', VIA];
}

/** The request has passed this gateway, or others of its name, so often that it must be in a loop (RFC 9110 §7.6.3). */
export function isLoop(lines: FieldLines): boolean {
  let passed = 0;
  for (let i = 0; i + 1 < lines.length; i += 2) {
    if ((lines[i] ?? '').toLowerCase() !== 'via') continue;
    for (const member of splitList(lines[i + 1] ?? '')) if (member.split(/[ \t]+/)[1] === PSEUDONYM) passed++;
  }
  return passed >= MAX_HOPS;
}
