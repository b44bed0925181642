import { matchesParts } from '../coherence/tag.ts';
import { withoutQuery } from '../route/path.ts';
import type { HeldEvent } from './held-event.ts';
import { PatternIndex } from './pattern-index.ts';
import { hasWildcard, type Topic } from './topic.ts';

/** Topics compared with one name in one step, before the index yields. */
const TOPICS_PER_STEP = 4;

type Names = Pick<HeldEvent, 'paths' | 'tags'>;

/** Finds the topics that match an event's names. The cost depends on the topics that match, not on their number. */
export class TopicIndex {
  readonly #all = new Map<string, Topic>();
  /** By literal path (`p…`) and by tag without a wildcard (`t…`). */
  readonly #byName = new Map<string, Set<Topic>>();
  readonly #byPattern = new PatternIndex<Topic>();
  /** Tag patterns by the text before their first `*`, and the number of such prefixes of each length. */
  readonly #byTagPrefix = new Map<string, Map<Topic, string[][]>>();
  readonly #prefixLengths = new Map<number, number>();
  readonly #everything = new Set<Topic>();

  get(key: string): Topic | undefined {
    return this.#all.get(key);
  }

  /** Whether nothing of any topic is left. */
  get isEmpty(): boolean {
    const { size } = this.#all;
    const named = this.#byName.size + this.#byTagPrefix.size + this.#prefixLengths.size + this.#everything.size;
    return size + named === 0 && this.#byPattern.isEmpty;
  }

  get size(): number {
    return this.#all.size;
  }

  add(topic: Topic): void {
    this.#all.set(topic.key, topic);
    if (topic.isEverything) this.#everything.add(topic);
    for (const name of namesOf(topic)) {
      const topics = this.#byName.get(name) ?? new Set();
      topics.add(topic);
      this.#byName.set(name, topics);
    }
    for (const pattern of topic.patterns) this.#byPattern.add(pattern, topic);
    for (const tag of topic.tagPatterns) {
      const parts = tag.split('*');
      const prefix = parts[0] as string;
      const topics = this.#byTagPrefix.get(prefix) ?? new Map<Topic, string[][]>();
      if (topics.size === 0) this.#prefixLengths.set(prefix.length, (this.#prefixLengths.get(prefix.length) ?? 0) + 1);
      this.#byTagPrefix.set(prefix, topics);
      const own = topics.get(topic) ?? [];
      own.push(parts);
      topics.set(topic, own);
    }
  }

  remove(topic: Topic): void {
    this.#all.delete(topic.key);
    this.#everything.delete(topic);
    for (const name of namesOf(topic)) {
      const topics = this.#byName.get(name);
      topics?.delete(topic);
      if (topics?.size === 0) this.#byName.delete(name);
    }
    for (const pattern of topic.patterns) this.#byPattern.remove(pattern, topic);
    for (const prefix of new Set(topic.tagPatterns.map((tag) => tag.split('*', 1)[0] as string))) {
      const topics = this.#byTagPrefix.get(prefix);
      topics?.delete(topic);
      if (topics?.size !== 0) continue;
      this.#byTagPrefix.delete(prefix);
      const left = (this.#prefixLengths.get(prefix.length) ?? 0) - 1;
      if (left > 0) this.#prefixLengths.set(prefix.length, left);
      else this.#prefixLengths.delete(prefix.length);
    }
  }

  /** Yields each topic that matches an event once, and undefined after each step. */
  *matching(event: Names): Generator<Topic | undefined> {
    const found = new Set<Topic>();
    for (const topic of this.#candidates(event)) {
      if (topic === undefined) {
        yield undefined;
      } else if (!found.has(topic)) {
        found.add(topic);
        yield topic;
      }
    }
  }

  *#candidates({ paths, tags }: Names): Generator<Topic | undefined> {
    yield* this.#everything;
    for (const named of paths) {
      const path = withoutQuery(named);
      if (hasWildcard(path)) {
        yield* this.#overlapping((topic) => topic.overlapsPath(path));
      } else {
        yield* this.#byName.get(`p${path}`) ?? [];
        yield* this.#byPattern.matching(path);
      }
      yield undefined;
    }
    for (const tag of tags) {
      if (hasWildcard(tag)) {
        yield* this.#overlapping((topic) => topic.overlapsTag(tag));
      } else {
        yield* this.#byName.get(`t${tag}`) ?? [];
        yield* this.#byTagPattern(tag);
      }
      yield undefined;
    }
  }

  /** A name with a wildcard may match any topic, so all are compared. */
  *#overlapping(overlaps: (topic: Topic) => boolean): Generator<Topic | undefined> {
    let looked = 0;
    for (const topic of this.#all.values()) {
      if (overlaps(topic)) yield topic;
      looked += 1;
      if (looked % TOPICS_PER_STEP === 0) yield undefined;
    }
  }

  *#byTagPattern(tag: string): Generator<Topic | undefined> {
    let looked = 0;
    for (const length of this.#prefixLengths.keys()) {
      if (length > tag.length) continue;
      for (const [topic, patterns] of this.#byTagPrefix.get(tag.slice(0, length)) ?? []) {
        if (patterns.some((parts) => matchesParts(tag, parts))) yield topic;
        looked += 1;
        if (looked % TOPICS_PER_STEP === 0) yield undefined;
      }
    }
  }
}

const namesOf = ({ paths, tags }: Topic): string[] => [
  ...paths.map((path) => `p${path}`),
  ...tags.map((tag) => `t${tag}`),
];
