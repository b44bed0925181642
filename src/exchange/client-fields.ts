import type { ClientPolicy } from '../config/model.ts';
import { type CacheControl, parseCacheControl } from '../http/cache-control.ts';
import { isStructuredList } from '../http/cache-status.ts';
import { CURSOR_NAME, exposedCursor } from '../http/event-cursor.ts';
import { eachLine, type FieldLines, valuesOf, without } from '../http/fields.ts';
import { splitList } from '../http/list.ts';
import { tagFields } from '../http/tags.ts';

/** Fields that are set anew for each answer and never copied from the origin. */
const replaced = new Set(['age', 'content-length', CURSOR_NAME]);
const ofTags = new Set(tagFields);

/**
 * The fields of a response as sent to clients: the origin's end-to-end fields with the route's `Cache-Control` and an
 * `ETag`. `etag` is the entity tag that the gateway made; undefined keeps the origin's.
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
  const literal = literalFor(origin, policy, options.directives);
  const lines: string[] = [];
  let dated = false;
  let varied = '';
  eachLine(origin, (field, value) => {
    const name = field.toLowerCase();
    if (replaced.has(name) || options.stripped.includes(name)) return;
    if (policy.tags === 'strip' && ofTags.has(name)) return;
    // A malformed line would make the whole field unreadable, including the member that we append (RFC 9211 §2).
    if (name === 'cache-status' && !isStructuredList(value)) return;
    if (name === 'vary') varied = `${varied}, ${value}`;
    // Expires and Pragma would contradict the literal for HTTP/1.0 caches (RFC 9111 §5.3, §5.4).
    if (literal !== undefined && (name === 'cache-control' || name === 'expires' || name === 'pragma')) return;
    if (etag !== undefined && name === 'etag') return;
    if (name === 'date') dated = true;
    lines.push(field, value);
  });
  // The coding depends on what the client accepts, so downstream caches must not reuse it for other clients.
  if (policy.encode.length > 0 && !namesEncoding(varied)) lines.push('Vary', 'Accept-Encoding');
  // RFC 9110 §6.6.1: a recipient with a clock that stores a response without a Date adds the time it was received.
  if (!dated) lines.push('Date', options.date);
  if (literal !== undefined) {
    // The directives may come from a targeted field, which is for caches. `Cache-Control` also binds the client.
    const said = parseCacheControl(cacheControlIn(origin));
    lines.push('Cache-Control', withProhibitions(literal, [options.directives, said]));
  }
  if (etag !== undefined) lines.push('ETag', etag);
  if (policy.eventCursor) lines.push(...exposedCursor(lines));
  return lines;
}

/**
 * The route's own `Cache-Control`; undefined to leave the origin's. RFC 8246 §2: what is immutable does not change
 * while it is fresh, so no write makes a browser's copy of it stale.
 */
function literalFor(origin: FieldLines, policy: ClientPolicy, directives: CacheControl): string | undefined {
  if (policy.cacheControl === 'origin') return undefined;
  if (!policy.immutable) return policy.cacheControl;
  const { immutable, noStore, noCache } = parseCacheControl(cacheControlIn(origin));
  const isForbidden = noStore || noCache !== false || directives.noStore || directives.private !== false;
  return immutable && !isForbidden ? undefined : policy.cacheControl;
}

function cacheControlIn(lines: FieldLines): string | undefined {
  const values = valuesOf(lines, 'cache-control');
  return values.length > 1 ? values.join(', ') : values[0];
}

/** The fields of an answer that is passed on unchanged, such as the answer to a write. */
export function passedFields(lines: FieldLines, { tags }: ClientPolicy): string[] {
  return without(lines, (name, value) => {
    if (name === CURSOR_NAME) return true;
    return (tags === 'strip' && ofTags.has(name)) || (name === 'cache-status' && !isStructuredList(value));
  });
}

function namesEncoding(vary: string): boolean {
  return splitList(vary).some((name) => name === '*' || name.toLowerCase() === 'accept-encoding');
}

/** Adds the origin's `no-store` and `private` to the route's own `Cache-Control`: a route cannot lift them. */
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
