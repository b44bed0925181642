import { matchesParts } from '../coherence/tag.ts';
import { parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import type { Event } from './event.ts';

/** What a subscriber wants to hear of: the union of path patterns and tags; neither means everything. */
export interface Filter {
  /** As written: `/steps/:id`, `/steps/7`. */
  readonly match: readonly string[];
  readonly tags: readonly string[];
}

/** One distinct filter, however many subscribers share it: an event is matched against it once. */
export class Topic {
  /** Equal for filters that let the same events through. */
  readonly key: string;
  /** Patterns of literal, `*` and `**` segments. */
  readonly patterns: readonly string[];
  readonly tags: readonly string[];

  /** @throws PatternError */
  constructor(filter: Filter) {
    this.patterns = [...new Set(filter.match.map((pattern) => patternShape(parsePattern(pattern))))].sort();
    this.tags = [...new Set(filter.tags)].sort();
    this.key = JSON.stringify([this.patterns, this.tags]);
  }

  get isEverything(): boolean {
    return this.patterns.length === 0 && this.tags.length === 0;
  }

  matches(event: Event): boolean {
    if (this.isEverything) return true;
    return (
      event.paths.some((path) => this.patterns.some((pattern) => patternsOverlap(withoutQuery(path), pattern))) ||
      event.tags.some((tag) => this.tags.some((wanted) => tagsOverlap(tag, wanted)))
    );
  }
}

/** The topics that have subscribers, found by what an event names: the cost follows what the event reaches. */
export class TopicIndex {
  readonly #all = new Map<string, Topic>();
  /** By each literal path and each tag without a wildcard. */
  readonly #byName = new Map<string, Set<Topic>>();
  /** Those that need to be looked at for each event: patterns, wildcards, everything. */
  readonly #wide = new Set<Topic>();

  get(key: string): Topic | undefined {
    return this.#all.get(key);
  }

  add(topic: Topic): void {
    this.#all.set(topic.key, topic);
    for (const name of namesOf(topic)) {
      const topics = this.#byName.get(name) ?? new Set();
      topics.add(topic);
      this.#byName.set(name, topics);
    }
    if (isWide(topic)) this.#wide.add(topic);
  }

  remove(topic: Topic): void {
    this.#all.delete(topic.key);
    this.#wide.delete(topic);
    for (const name of namesOf(topic)) {
      const topics = this.#byName.get(name);
      topics?.delete(topic);
      if (topics?.size === 0) this.#byName.delete(name);
    }
  }

  matching(event: Event): Iterable<Topic> {
    const names = [...event.paths.map((path) => `p${withoutQuery(path)}`), ...event.tags.map((tag) => `t${tag}`)];
    // An event that names a set of paths or tags may reach any topic.
    if (names.some((name) => name.includes('*')))
      return [...this.#all.values()].filter((topic) => topic.matches(event));
    const found = new Set<Topic>();
    for (const name of names) for (const topic of this.#byName.get(name) ?? []) found.add(topic);
    for (const topic of this.#wide) if (!found.has(topic) && topic.matches(event)) found.add(topic);
    return found;
  }
}

const withoutQuery = (path: string): string => path.split('?', 1)[0] as string;
const hasWildcard = (name: string): boolean => name.includes('*');
const isWide = (topic: Topic): boolean =>
  topic.isEverything || topic.patterns.some(hasWildcard) || topic.tags.some(hasWildcard);
const namesOf = (topic: Topic): string[] => [
  ...topic.patterns.filter((pattern) => !hasWildcard(pattern)).map((pattern) => `p${pattern}`),
  ...topic.tags.filter((tag) => !hasWildcard(tag)).map((tag) => `t${tag}`),
];

/** Whether some tag is in both; a `*` in either stands for any text. */
function tagsOverlap(a: string, b: string): boolean {
  if (!hasWildcard(a) && !hasWildcard(b)) return a === b;
  const [fixedA, fixedB] = [a.split('*'), b.split('*')];
  const prefix = ends(fixedA[0] ?? '', fixedB[0] ?? '', (x, y) => x.startsWith(y));
  if (!hasWildcard(a) || !hasWildcard(b)) {
    const [text, parts] = hasWildcard(a) ? [b, fixedA] : [a, fixedB];
    return matchesParts(text, parts);
  }
  // Two wildcards: their ends must agree; what lies between can always be filled in.
  return prefix && ends(fixedA.at(-1) ?? '', fixedB.at(-1) ?? '', (x, y) => x.endsWith(y));
}

function ends(a: string, b: string, has: (long: string, short: string) => boolean): boolean {
  return a.length > b.length ? has(a, b) : has(b, a);
}
