import type { CacheControl } from './cache-control.ts';
import { endToEnd } from './connection.ts';
import { type FieldLines, without } from './fields.ts';

/**
 * The lines of a response that may be stored (RFC 9111 §3.1): end-to-end fields without those that `no-cache="…"` or
 * `private="…"` name (§5.2.2.4, §5.2.2.7), and without cookies if the route strips them.
 */
export function storedFields(
  lines: FieldLines,
  directives: CacheControl,
  setCookie: 'bypass' | 'store' | 'strip',
): string[] {
  const through = endToEnd(lines);
  const { noCache, private: isPrivate } = directives;
  if (typeof noCache === 'boolean' && typeof isPrivate === 'boolean' && setCookie !== 'strip') return through;
  const dropped = new Set<string>();
  for (const limit of [noCache, isPrivate]) {
    if (typeof limit !== 'boolean') for (const name of limit) dropped.add(name);
  }
  if (setCookie === 'strip') {
    dropped.add('set-cookie');
    dropped.add('set-cookie2');
  }
  return without(through, (name) => dropped.has(name));
}
