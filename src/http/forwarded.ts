import { type FieldLines, Fields } from './fields.ts';
import { isToken, splitList, trimWhitespace, unquote } from './list.ts';

/** How a request reached the gateway. */
export interface Received {
  /** The address at the other end of the connection; empty where it has none. */
  readonly peer: string;
  /** The peer is a proxy whose forwarding fields are believed. */
  readonly trusted: boolean;
  readonly scheme: 'http' | 'https';
  /** As in `Host`. */
  readonly host: string;
}

/** What clients use to tell origins who and where they are; from anyone but a trusted proxy these are claims. */
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
/** Always made anew; see `forwardingLines`. */
const remade = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);

/** Whether a request line (its name in lower case) is not sent on as it is. */
export function isForwardingField(name: string, trusted: boolean): boolean {
  return remade.has(name) || (!trusted && (claims.has(name) || name.startsWith('x-forwarded-')));
}

/** Where a request came from, and what it asked for, as far as can be believed. `address` is empty where it is not known. */
interface ClientView {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
}

/**
 * What the last proxy before the gateway saw, where it is trusted; else what the gateway sees. Of a list the last member is
 * taken, the one that the trusted peer itself wrote: those before it may be the client's invention. Scheme and host are what
 * the origin is told, so they are what belongs in a cache key.
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
    // RFC 7239 §6.2, §6.3: `unknown` and obfuscated names are no addresses.
    address: isAddress(address) ? address : '',
    scheme: saidScheme === 'http' || saidScheme === 'https' ? saidScheme : scheme,
    host: saidHost !== undefined && authority.test(saidHost) ? saidHost : host,
  };
}

/** RFC 3986 §3.2.2, without user information: what may stand in a `Host`. */
const authority = /^(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;

/**
 * The forwarding lines to send on. A trusted peer's chain is continued, in both notations, each made up from the other where it is
 * missing: an origin that reads the one must not learn less than one that reads the other. Anyone else's is dropped.
 */
export function forwardingLines(lines: FieldLines, received: Received): string[] {
  const view = clientView(lines, received);
  const headers = new Fields(received.trusted ? lines : []);
  const peer = plainAddress(received.peer) || 'unknown';
  const said = parseForwarded(headers.get('forwarded'));
  const hops = splitList(headers.get('x-forwarded-for') ?? '');
  const addresses =
    hops.length > 0 ? hops : (said ?? []).map((element) => plainAddress(element.get('for') ?? 'unknown'));
  const elements = said === undefined ? hops.map((hop) => `for=${node(hop)}`) : [headers.get('forwarded') ?? ''];
  const own = `for=${node(peer)};host=${tokenOrQuoted(received.host)};proto=${received.scheme}`;
  return [
    'X-Forwarded-For',
    [...addresses, peer].join(', '),
    'X-Forwarded-Host',
    view.host,
    'X-Forwarded-Proto',
    view.scheme,
    'Forwarded',
    [...elements, own].join(', '),
  ];
}

/** The elements of a `Forwarded` (RFC 7239 §4), names in lower case; undefined when absent or not as the grammar has it. */
export function parseForwarded(value: string | undefined): ReadonlyMap<string, string>[] | undefined {
  const elements: Map<string, string>[] = [];
  for (const member of splitList(value ?? '')) {
    const element = new Map<string, string>();
    for (const pair of splitList(member, ';')) {
      const equals = pair.indexOf('=');
      const name = trimWhitespace(pair.slice(0, Math.max(0, equals))).toLowerCase();
      const written = trimWhitespace(pair.slice(equals + 1));
      const text = isToken(written) ? written : unquote(written);
      // Each name stands once in an element (RFC 7239 §4): which of two would be believed, nobody can tell.
      if (!isToken(name) || text === undefined || element.has(name)) return undefined;
      element.set(name, text);
    }
    elements.push(element);
  }
  return elements.length === 0 ? undefined : elements;
}

/** An address alone: no brackets, port, zone, or IPv4 clad as IPv6. */
function plainAddress(node: string): string {
  const bracketed = /^\[([^\]]*)\](?::[0-9]+)?$/.exec(node)?.[1];
  const address = (bracketed ?? node.replace(/^([0-9.]+):[0-9]+$/, '$1')).replace(/%.*$/, '');
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

/** RFC 7239 §6: an IPv6 address in brackets, and so quoted; what is no address and no token, quoted. */
function node(name: string): string {
  return tokenOrQuoted(name.includes(':') && isAddress(name) ? `[${name}]` : name);
}

function isAddress(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text);
}

function tokenOrQuoted(text: string): string {
  return isToken(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
