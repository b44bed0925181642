import { type FieldLines, Fields } from './fields.ts';
import { isToken, splitList, trimWhitespace, unquote } from './list.ts';

/** How a request reached the gateway. */
export interface Received {
  /** The address of the peer; empty if it has none. */
  readonly peer: string;
  /** The peer is a trusted proxy. */
  readonly trusted: boolean;
  readonly scheme: 'http' | 'https';
  /** As in `Host`. */
  readonly host: string;
  /** What tells this gateway from others in `Via`. */
  readonly gateway?: string | undefined;
}

/** Fields that tell origins who the client is. Only those from a trusted proxy are reliable. */
const claims = new Set([
  'cf-connecting-ip',
  'client-ip',
  'fastly-client-ip',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-forwarded',
  'x-original-forwarded-for',
  'x-real-ip',
]);
/** Always replaced; see `forwardingLines`. */
const remade = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);

/** Whether a field (in lower case) is not forwarded as received. */
export function isForwardingField(name: string, trusted: boolean): boolean {
  return remade.has(name) || (!trusted && (claims.has(name) || name.startsWith('x-forwarded-')));
}

/** The origin of a request and its target, as far as they are reliable. `address` is empty if unknown. */
interface ClientView {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
}

/**
 * What a trusted proxy in front of the gateway reports, otherwise what the gateway sees. The last member of a list
 * counts, because the trusted peer wrote it; the client may have invented the others. The origin gets this scheme and
 * host, so they belong in the cache key.
 */
export function clientView(lines: FieldLines, received: Received): ClientView {
  const { peer, trusted, scheme, host } = received;
  const direct = { address: plainAddress(peer), scheme, host };
  if (!trusted) return direct;
  const headers = new Fields(lines);
  const element = parseForwarded(headers.get('forwarded'))?.at(-1);
  const lastOf = (name: string): string | undefined => splitList(headers.get(name) ?? '').at(-1);
  const saidScheme = (element?.get('proto') ?? lastOf('x-forwarded-proto'))?.toLowerCase();
  const saidHost = (element?.get('host') ?? lastOf('x-forwarded-host'))?.toLowerCase();
  const address = plainAddress(element?.get('for') ?? lastOf('x-forwarded-for') ?? peer);
  return {
    // RFC 7239 §6.2, §6.3: `unknown` and obfuscated names are not addresses.
    address: isAddress(address) ? address : '',
    scheme: saidScheme === 'http' || saidScheme === 'https' ? saidScheme : scheme,
    host: saidHost !== undefined && authority.test(saidHost) ? saidHost : host,
  };
}

/** A valid `Host` (RFC 3986 §3.2.2): no user information. */
const authority = /^(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;

/**
 * The forwarding lines to send. The chain of a trusted peer is continued in both notations. If one is missing, it is
 * derived from the other, so that origins get the same information from either. The chain of an untrusted peer is
 * dropped.
 */
export function forwardingLines(lines: FieldLines, received: Received): string[] {
  const peer = plainAddress(received.peer) || 'unknown';
  const own = `for=${node(peer)};host=${tokenOrQuoted(received.host)};proto=${received.scheme}`;
  if (!received.trusted) return linesFrom(peer, received, own);
  const view = clientView(lines, received);
  const headers = new Fields(lines);
  const said = parseForwarded(headers.get('forwarded'));
  const hops = splitList(headers.get('x-forwarded-for') ?? '');
  const addresses =
    hops.length > 0 ? hops : (said ?? []).map((element) => plainAddress(element.get('for') ?? 'unknown'));
  const elements = said === undefined ? hops.map((hop) => `for=${node(hop)}`) : [headers.get('forwarded') ?? ''];
  return linesFrom([...addresses, peer].join(', '), view, [...elements, own].join(', '));
}

function linesFrom(addresses: string, { host, scheme }: Omit<ClientView, 'address'>, forwarded: string): string[] {
  const first = ['X-Forwarded-For', addresses, 'X-Forwarded-Host', host];
  first.push('X-Forwarded-Proto', scheme, 'Forwarded', forwarded);
  return first;
}

/** The elements of `Forwarded` (RFC 7239 §4), names in lower case; undefined if absent or malformed. */
export function parseForwarded(value: string | undefined): ReadonlyMap<string, string>[] | undefined {
  const elements: Map<string, string>[] = [];
  for (const member of splitList(value ?? '')) {
    const element = new Map<string, string>();
    for (const pair of splitList(member, ';')) {
      const equals = pair.indexOf('=');
      const name = trimWhitespace(pair.slice(0, Math.max(0, equals))).toLowerCase();
      const written = trimWhitespace(pair.slice(equals + 1));
      const text = isToken(written) ? written : unquote(written);
      // Each name occurs once per element (RFC 7239 §4): duplicates are ambiguous.
      if (!isToken(name) || text === undefined || element.has(name)) return undefined;
      element.set(name, text);
    }
    elements.push(element);
  }
  return elements.length === 0 ? undefined : elements;
}

const ipv4 = /^[0-9.]+$/;

/** The bare address: no brackets, port or zone; IPv4-mapped IPv6 as IPv4. */
function plainAddress(node: string): string {
  if (ipv4.test(node)) return node;
  const bracketed = /^\[([^\]]*)\](?::[0-9]+)?$/.exec(node)?.[1];
  const address = (bracketed ?? node.replace(/^([0-9.]+):[0-9]+$/, '$1')).replace(/%.*$/, '');
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

/** RFC 7239 §6: an IPv6 address in brackets and quotes; other names in quotes unless they are tokens. */
function node(name: string): string {
  return tokenOrQuoted(name.includes(':') && isAddress(name) ? `[${name}]` : name);
}

function isAddress(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text);
}

function tokenOrQuoted(text: string): string {
  if (isToken(text)) return text;
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;
}
