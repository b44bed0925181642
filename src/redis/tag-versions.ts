import { createHash } from 'node:crypto';
import type { Coverage, Tagged } from '../coherence/tag.ts';

/**
 * The names under which versions are kept. A record changes those of what it covers, a response remembers those of what can hit it.
 * Tags have one each. So that patterns need no index, a response has one for each beginning of its path, and for each of its
 * named tags up to the first colon; a pattern changes that of its longest literal beginning, and so covers too much at times, and
 * never too little.
 */
export function versionsOf({ path, tags }: Tagged): string[] {
  const names = new Set(tags.map(short));
  const segments = path === '/' ? [] : path.slice(1).split('/');
  for (let depth = 0; depth <= segments.length; depth++) names.add(short(below(segments.slice(0, depth))));
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
    const segments = pattern === '/' ? [] : pattern.slice(1).split('/');
    const wild = segments.findIndex((segment) => segment === '*' || segment === '**');
    names.add(short(below(wild < 0 ? segments : segments.slice(0, wild))));
  }
  for (const [head = ''] of tagPatterns) {
    const colon = head.indexOf(':');
    names.add(short(headed(colon < 0 ? '' : head.slice(0, colon + 1))));
  }
  return [...names];
}

const below = (segments: readonly string[]): string => `P:/${segments.join('/')}`;
const headed = (head: string): string => `T:${head}`;

/** Of a key in Redis; what is longer is named by its hash. */
const MAX_NAME_LENGTH = 120;

function short(name: string): string {
  if (name.length <= MAX_NAME_LENGTH) return name;
  return `#:${createHash('sha256').update(name).digest('base64url')}`;
}
