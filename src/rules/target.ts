import { type Coverage, namedTag, pathTag, queryTag, severalQueriesTag, type Tag } from '../coherence/tag.ts';
import type { Target } from './types.ts';

/** The part of a path's query that is in the cache key; undefined if the route keys the whole query. */
export type KeyedQuery = (path: string, query: string) => string | undefined;

/**
 * The tags and patterns that the targets cover. If a route keys only some parameters, its responses are stored under
 * the reduced query that `keyed` returns.
 */
export function coverageOf(targets: readonly Target[], keyed?: KeyedQuery): Coverage {
  const tags = new Set<Tag>();
  const patterns = new Set<string>();
  const tagPatterns = new Map<string, readonly string[]>();
  for (const target of targets) {
    switch (target.kind) {
      case 'path':
        tags.add(pathTag(target.path));
        break;
      case 'query':
        tags.add(queryTag(target.path, target.query));
        tags.add(severalQueriesTag(target.path));
        for (const query of [keyed?.(target.path, target.query)].filter((each) => each !== undefined)) {
          tags.add(queryTag(target.path, query));
        }
        break;
      case 'pattern':
        patterns.add(target.pattern);
        break;
      case 'tag':
        tags.add(namedTag(target.tag));
        break;
      case 'tagPattern':
        tagPatterns.set(JSON.stringify(target.parts), target.parts);
        break;
    }
  }
  return { tags, patterns: [...patterns], tagPatterns: [...tagPatterns.values()] };
}

/** For logs and events, as written in a configuration: `/steps/7`, `/steps/*`, `tag:step:7`, `tag:step:*`. */
export function describeTarget(target: Target): string {
  switch (target.kind) {
    case 'path':
      return target.path;
    case 'query':
      return `${target.path}?${target.query}`;
    case 'pattern':
      return target.pattern;
    case 'tag':
      return `tag:${target.tag}`;
    case 'tagPattern':
      return `tag:${target.parts.join('*')}`;
  }
}
