import { commonCredentials } from './credentials.ts';
import { disguised, eachLine, type FieldLines, type Fields, valuesOf } from './fields.ts';
import { forwardingLines, isForwardingField, type Received } from './forwarded.ts';
import { isToken, splitList } from './list.ts';
import { PerName } from './per-name.ts';

/**
 * Fields for a single connection or proxy, never forwarded and never stored (RFC 9111 §3.1):
 * - `Connection` and what it lists, `Proxy-Connection`, `Keep-Alive`, `TE`, `Transfer-Encoding`, `Upgrade`: RFC 9110
 *   §7.6.1.
 * - `HTTP2-Settings`: accompanies `Upgrade: h2c`, which must not be smuggled past the gateway (RFC 7540 §3.2.1).
 * - `Proxy-Authenticate`, `Proxy-Authentication-Info`, `Proxy-Authorization`: for client and proxy (RFC 9110 §11.7).
 * - `Trailer`: RFC 9110 §6.6.2 permits forwarding it, but it belongs to the framing, which each hop chooses itself; a
 *   message that is not chunked must not carry it. Code that forwards trailers announces them again.
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

/** How often an OPTIONS or TRACE may still be forwarded (RFC 9110 §7.6.2); undefined if absent or not a number. */
export function maxForwards(headers: Fields): number | undefined {
  const value = headers.get('max-forwards');
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/**
 * Fields that `Connection` cannot remove. RFC 9110 §7.6.1 forbids listing fields that are meant for all recipients. A
 * sender that does so wants the origin or a cache to miss something: `Authorization` or `Cookie`, so that the response
 * is cached for everyone; `X-Forwarded-For`, to pass as internal; `no-store` or `Set-Cookie` in a response. Such
 * listings are ignored.
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

/** The end-to-end lines: those that are forwarded and stored. */
export function endToEnd(lines: FieldLines): string[] {
  const listed = connectionOptions(lines);
  const kept: string[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const { name, isHopByHop } = sorts.of(lines[i] as string);
    if (!isHopByHop && !listed.has(name)) kept.push(lines[i] as string, lines[i + 1] as string);
  }
  return kept;
}

/** How a field is forwarded, by its name. */
interface Sort {
  /** In lower case. */
  readonly name: string;
  readonly isHopByHop: boolean;
  /** It is not forwarded as it was received, by a trusted peer and by any other. */
  readonly isDroppedOfTrusted: boolean;
  readonly isDropped: boolean;
}

const sorts = new PerName((name): Sort => {
  const isHopByHop = hopByHop.has(name);
  const isNeverSent = isHopByHop || isDisguised(name) || name === 'proxy';
  return {
    name,
    isHopByHop,
    isDroppedOfTrusted: isNeverSent || isForwardingField(name, true),
    isDropped: isNeverSent || isForwardingField(name, false),
  };
});

const nothing: ReadonlySet<string> = new Set();

/** The fields that `Connection` lists, in lower case, without those that it cannot remove. */
function connectionOptions(lines: FieldLines): ReadonlySet<string> {
  const values = valuesOf(lines, 'connection');
  // Nearly all say this alone, and the field of that name is hop-by-hop.
  if (values.every((value) => value.toLowerCase() === 'keep-alive')) return nothing;
  const options = new Set<string>();
  for (const value of values) {
    for (const member of splitList(value)) {
      const name = member.toLowerCase();
      if (isToken(name) && !isForEveryone(name) && !commonCredentials.has(name)) options.add(name);
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
 * How many gateways of this name may forward one request. Several may be chained on purpose; beyond this bound it is a
 * loop.
 */
export const MAX_HOPS = 8;

/**
 * Whether an origin may mistake the name for a field that the gateway sets, removes or evaluates: `Content_Length`,
 * `X_Forwarded_For`.
 */
function isDisguised(name: string): boolean {
  const meant = disguised(name);
  if (meant === undefined) return false;
  return hopByHop.has(meant) || isForEveryone(meant) || isForwardingField(meant, false) || goneBy.has(meant);
}

/** Further fields that decide how a request is answered. */
const goneBy = new Set(['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'expect', 'max-forwards']);

/**
 * The request lines to forward: end-to-end fields without those that `isDropped` selects, trustworthy `Forwarded` and
 * `X-Forwarded-For`, `-Host` and `-Proto`, and this gateway in `Via`. `isDropped` gets names in lower case.
 */
export function forwardedFields(
  lines: FieldLines,
  received: Received,
  isDropped: (name: string) => boolean = () => false,
): string[] {
  const { trusted, gateway } = received;
  const listed = connectionOptions(lines);
  const kept: string[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const sort = sorts.of(lines[i] as string);
    const { name } = sort;
    if ((trusted ? sort.isDroppedOfTrusted : sort.isDropped) || listed.has(name) || isDropped(name)) continue;
    const value = lines[i + 1] as string;
    // In lower case, as in the cache key: an origin may answer "API.example" and "api.example" differently.
    kept.push(lines[i] as string, name === 'host' ? value.toLowerCase() : value);
  }
  kept.push(...forwardingLines(lines, received), 'Via', gateway === undefined ? VIA : `${VIA} (${gateway})`);
  return kept;
}

/**
 * Whether the request is in a loop (RFC 9110 §7.6.3): it passed this very gateway, or gateways of this name so often
 * that it must be. `gateway` is what tells this one from others. A read that came back to it would wait for itself.
 */
export function isLoop(lines: FieldLines, gateway?: string): boolean {
  let passed = 0;
  eachLine(lines, (name, value) => {
    if (name.toLowerCase() !== 'via') return;
    for (const hop of splitList(value)) {
      const [, by, comment] = hop.split(/[ \t]+/);
      if (by === PSEUDONYM) passed += gateway !== undefined && comment === `(${gateway})` ? MAX_HOPS : 1;
    }
  });
  return passed >= MAX_HOPS;
}
