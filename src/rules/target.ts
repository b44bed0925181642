import { type Coverage, namedTag, pathTag, queryTag, severalQueriesTag, type Tag } from '../coherence/tag.ts';
import type { Target } from './types.ts';

/** What the routes and rules of a configuration say of paths. */
export interface PathKnowledge {
  /** The part of the path's query that is in the cache key; undefined if the route keys the whole query. */
  keyedQuery(path: string, query: string): string | undefined;
  /** How they spell a path that the origin takes for the same; undefined if they spell it like this. */
  plainSpelling(path: string): string | undefined;
  /** One form of all spellings of it that the origin takes for the same; undefined if it has that form. */
  foldedPath(path: string): string | undefined;
}

/**
 * The tags and patterns that the targets cover. If a route keys only some parameters, its responses are stored under
 * the reduced query that `keyedQuery` returns.
 */
export function coverageOf(targets: readonly Target[], paths?: PathKnowledge): Coverage {
  const tags = new Set<Tag>();
  const patterns = new Set<string>();
  const tagPatterns = new Map<string, readonly string[]>();
  for (const target of targets) {
    switch (target.kind) {
      case 'path':
        for (const path of spellingsOf(target.path, paths)) tags.add(pathTag(path));
        break;
      case 'query':
        for (const path of spellingsOf(target.path, paths)) {
          tags.add(queryTag(path, target.query));
          tags.add(severalQueriesTag(path));
          const keyed = paths?.keyedQuery(target.path, target.query);
          if (keyed !== undefined) tags.add(queryTag(path, keyed));
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

/** A response carries the tags of its own path, and of the one form of all its spellings. */
function spellingsOf(path: string, paths: PathKnowledge | undefined): readonly string[] {
  const folded = paths?.foldedPath(path);
  return folded === undefined ? [path] : [path, folded];
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
