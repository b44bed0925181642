import {
  type Coverage,
  isNamedTag,
  namedTag,
  pathOfTag,
  pathTag,
  queryTag,
  severalQueriesTag,
  type Tag,
} from '../coherence/tag.ts';
import type { FoldedForms } from './spellings.ts';
import type { Target } from './types.ts';

/** What the routes and rules of a configuration say of paths. */
export interface PathKnowledge {
  /** The parts of the path's query that may be in a cache key, besides the whole query. */
  keyedQueries(path: string, query: string): readonly string[];
  /** How they spell a path that the origin takes for the same; undefined if they spell it like this. */
  plainSpelling(path: string): string | undefined;
  readonly folded: FoldedForms;
}

/**
 * The tags and patterns that the targets cover. If a route keys only some parameters, its responses are stored under
 * a reduced query, which `keyedQueries` returns.
 */
export function coverageOf(targets: readonly Target[], paths?: PathKnowledge): Coverage {
  const tags = new Set<Tag>();
  const patterns = new Set<string>();
  const tagPatterns = new Map<string, readonly string[]>();
  const folded = paths?.folded;
  for (const target of targets) {
    switch (target.kind) {
      case 'path':
        tags.add(pathTag(target.path));
        tags.add(pathTag(folded?.path(target.path) ?? target.path));
        break;
      case 'query':
        for (const tag of queryTags(target, paths)) tags.add(tag);
        break;
      case 'pattern':
        patterns.add(target.pattern);
        for (const pattern of folded?.patterns(target.pattern) ?? []) patterns.add(pattern);
        break;
      case 'tag':
        tags.add(namedTag(target.tag));
        if (folded !== undefined) tags.add(namedTag(folded.tag(target.tag)));
        break;
      case 'tagPattern':
        tagPatterns.set(JSON.stringify(target.parts), target.parts);
        if (folded !== undefined) {
          const parts = target.parts.map((part) => folded.tag(part));
          tagPatterns.set(JSON.stringify(parts), parts);
        }
        break;
    }
  }
  return { tags, patterns: [...patterns], tagPatterns: [...tagPatterns.values()] };
}

/** What is covered under one node's configuration, with the folded forms of another's paths and patterns. */
export function foldedCoverage({ tags, patterns, tagPatterns }: Coverage, folded: FoldedForms): Coverage {
  const paths = [...tags].filter((tag) => !isNamedTag(tag)).flatMap((tag) => folded.path(pathOfTag(tag)) ?? []);
  return {
    tags: new Set([...tags, ...paths.map(pathTag)]),
    patterns: [...new Set([...patterns, ...patterns.flatMap((pattern) => folded.patterns(pattern))])],
    tagPatterns,
  };
}

/** A response carries the tags of its own path and query, and of the one form of all their spellings. */
function queryTags({ path, query }: Target & { kind: 'query' }, paths: PathKnowledge | undefined): Tag[] {
  if (paths === undefined) return [queryTag(path, query), severalQueriesTag(path)];
  const { folded } = paths;
  const tags = [severalQueriesTag(path)];
  const foldedPath = folded.path(path) ?? path;
  if (foldedPath !== path) tags.push(severalQueriesTag(foldedPath));
  for (const each of [query, ...paths.keyedQueries(path, query)]) {
    tags.push(queryTag(path, each), queryTag(foldedPath, folded.query(path, each)));
  }
  return tags;
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
