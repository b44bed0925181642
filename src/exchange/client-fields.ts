import type { ClientPolicy } from '../config/model.ts';
import { type CacheControl, parseCacheControl } from '../http/cache-control.ts';
import { isStructuredList } from '../http/cache-status.ts';
import { eachLine, type FieldLines, Fields, without } from '../http/fields.ts';
import { splitList } from '../http/list.ts';
import { tagFields } from '../http/tags.ts';

/** Replaced by the route's client policy, set for each answer, or for caches alone: never copied to clients as they are. */
const replaced = new Set(['age', 'content-length']);
const ofTags = new Set(tagFields);

/**
 * The fields that clients get of a response: the origin's end-to-end fields with the route's `Cache-Control` and an
 * `ETag`. `etag` is what the gateway made; undefined leaves the origin's.
 */
export function clientFields(
  origin: FieldLines,
  options: {
    policy: ClientPolicy;
    directives: CacheControl;
    etag: string | undefined;
    date: string;
    stripped: readonly string[];
  },
): string[] {
  const { policy, etag } = options;
  const literal = policy.cacheControl === 'origin' ? undefined : policy.cacheControl;
  const lines: string[] = [];
  let dated = false;
  let varied = '';
  eachLine(origin, (field, value) => {
    const name = field.toLowerCase();
    if (replaced.has(name) || options.stripped.includes(name)) return;
    if (policy.tags === 'strip' && ofTags.has(name)) return;
    // It would make the whole field, and so our member behind it, unreadable (RFC 9211 §2).
    if (name === 'cache-status' && !isStructuredList(value)) return;
    if (name === 'vary') varied = `${varied}, ${value}`;
    // Expires and Pragma would contradict the literal for HTTP/1.0 caches (RFC 9111 §5.3, §5.4).
    if (literal !== undefined && (name === 'cache-control' || name === 'expires' || name === 'pragma')) return;
    if (etag !== undefined && name === 'etag') return;
    if (name === 'date') dated = true;
    lines.push(field, value);
  });
  // Which coding a client gets depends on what it accepts: no cache behind may hand one to somebody who did not ask for it.
  if (policy.encode.length > 0 && !namesEncoding(varied)) lines.push('Vary', 'Accept-Encoding');
  // RFC 9110 §6.6.1: a recipient with a clock that stores a response without a Date adds the time it was received.
  if (!dated) lines.push('Date', options.date);
  if (literal !== undefined) {
    // A targeted field speaks to caches like this one; what `Cache-Control` forbids is meant for the client.
    const said = parseCacheControl(new Fields(origin).get('cache-control'));
    lines.push('Cache-Control', withProhibitions(literal, [options.directives, said]));
  }
  if (etag !== undefined) lines.push('ETag', etag);
  return lines;
}

/** The fields of an answer that is passed on as it came, to a write above all. */
export function passedFields(lines: FieldLines, { tags }: ClientPolicy): string[] {
  return without(lines, (name, value) => {
    return (tags === 'strip' && ofTags.has(name)) || (name === 'cache-status' && !isStructuredList(value));
  });
}

function namesEncoding(vary: string): boolean {
  return splitList(vary).some((name) => name === '*' || name.toLowerCase() === 'accept-encoding');
}

/** Whatever a route says to clients, an origin's `no-store` and `private` reach them. */
function withProhibitions(literal: string, said: readonly CacheControl[]): string {
  let value = literal;
  for (const [forbidden, name] of [
    [said.some(({ noStore }) => noStore), 'no-store'],
    [said.some((each) => each.private !== false), 'private'],
  ] as const) {
    if (forbidden && !new RegExp(`(^|[\\s,])${name}($|[\\s,;=])`, 'i').test(value)) value = `${value}, ${name}`;
  }
  return value;
}
