import { createHash } from 'node:crypto';
import { type Coverage, pathsOf, type Tagged } from '../coherence/tag.ts';
import { segmentsOf } from '../route/path.ts';

/**
 * The names of versions in Redis. A record changes the versions of what it covers; a response remembers the versions of
 * what can cover it. Each tag has a version. Patterns need no index: a response also has a version for each ancestor of
 * its path, and for the part of each named tag up to the first colon. A pattern changes the version of its longest
 * literal beginning. That may cover too much, never too little.
 */
export function versionsOf(response: Tagged): string[] {
  const { tags } = response;
  const names = new Set(tags.map(short));
  for (const segments of pathsOf(response).map(segmentsOf)) {
    for (let depth = 0; depth <= segments.length; depth++) names.add(short(below(segments.slice(0, depth))));
  }
  for (const tag of tags) {
    if (!tag.startsWith('t:')) continue;
    names.add(headed(''));
    const colon = tag.indexOf(':', 2);
    if (colon > 0) names.add(short(headed(tag.slice(2, colon + 1))));
  }
  return [...names];
}

export function versionsToBump({ tags, patterns, tagPatterns }: Coverage): string[] {
  const names = new Set([...tags].map(short));
  for (const pattern of patterns) {
    const segments = segmentsOf(pattern);
    const wild = segments.findIndex((segment) => segment === '*' || segment === '**');
    names.add(short(below(wild < 0 ? segments : segments.slice(0, wild))));
  }
  for (const [head = ''] of tagPatterns) {
    const colon = head.indexOf(':');
    names.add(short(headed(colon < 0 ? '' : head.slice(0, colon + 1))));
  }
  return names.has(rootVersion) ? [rootVersion] : [...names];
}

const below = (segments: readonly string[]): string => `P:/${segments.join('/')}`;
const headed = (head: string): string => `T:${head}`;

/** The version that every response has, and that a pattern of all paths changes. */
export const rootVersion = below([]);

/** Limit for a name in a Redis key. A longer one is replaced by its hash. */
const MAX_NAME_LENGTH = 120;

function short(name: string): string {
  if (name.length <= MAX_NAME_LENGTH) return name;
  return `#:${createHash('sha256').update(name).digest('base64url')}`;
}
