import { LRUCache } from 'lru-cache';
import type { Fence } from '../coherence/fence.ts';
import { type Coverage, matchesParts, pathTag, type Tag } from '../coherence/tag.ts';
import type { Fields } from '../http/fields.ts';
import { matchesVary, VariantSelector } from '../http/vary.ts';
import { Holders } from './holders.ts';
import { PathIndex } from './path-index.ts';
import type { Refusal, Store } from './store.ts';
import { storedBytes } from './stored-bytes.ts';
import type { StoredResponse } from './stored-response.ts';

export interface MemoryStoreOptions {
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  /** Variants kept for one key: bounds what a client can store by varying a header field without end. */
  readonly maxVariants: number;
  /** Called for each response that has to make room for others. */
  readonly onEvicted?: (response: StoredResponse) => void;
}

/**
 * The memory tier. Evicts single variants, least recently used first. Indexes by key and by tag make a hit two
 * look-ups, and an invalidation cost as much as what it removes.
 */
export class MemoryStore implements Store {
  readonly #options: MemoryStoreOptions;
  readonly #fence: Fence;
  readonly #responses: LRUCache<StoredResponse, StoredResponse>;
  /** The variants of a key, oldest first. */
  readonly #byKey = new Holders<string, StoredResponse>();
  readonly #byTag = new Holders<Tag, StoredResponse>();
  readonly #paths = new PathIndex();
  #sequence = 0;
  #puts = 0;

  constructor(options: MemoryStoreOptions, fence: Fence) {
    this.#options = options;
    this.#fence = fence;
    this.#responses = new LRUCache<StoredResponse, StoredResponse>({
      maxSize: options.maxBytes,
      sizeCalculation: storedBytes,
      dispose: (response, _, reason) => {
        this.#unindex(response);
        if (reason === 'evict') options.onEvicted?.(response);
      },
    });
  }

  select(key: string, request: Fields): StoredResponse | undefined {
    const found = this.#byKey.get(key);
    if (found === undefined) return undefined;
    const response = found instanceof Set ? newestOf(found, request) : suitable(found, request);
    if (response === undefined) return undefined;
    response.uses += 1;
    // Only a put evicts. Between two of them the order of use is changed once for each response, not by every hit: in a
    // large cache the list of that order is in no CPU cache.
    if (response.touched === this.#puts) return response;
    response.touched = this.#puts;
    return this.#responses.get(response);
  }

  varyOf(key: string): readonly string[] | undefined {
    return [...this.#byKey.of(key)].at(-1)?.vary;
  }

  tagged(tag: Tag): readonly StoredResponse[] {
    return [...this.#byTag.of(tag)];
  }

  get sequence(): number {
    return this.#sequence;
  }

  put(response: StoredResponse): Refusal | undefined {
    if (response.body.byteLength > this.#options.maxEntryBytes) return 'too-large';
    if (!this.#fence.admits(response, response.asOf)) return 'newer-record';
    if (this.#fence.isQuarantined(response)) return 'quarantined';
    const variants = [...this.#byKey.of(response.key)];
    const same = variants.find((other) => sameVariant(other, response));
    // A slower fill must not put an older representation over a newer one.
    if (same !== undefined && same.asOf > response.asOf) return 'newer-variant';
    if (same !== undefined) this.remove(same);
    const others = variants.filter((other) => other !== same);
    const excess = others.length + 1 - this.#options.maxVariants;
    if (excess > 0) for (const oldest of others.slice(0, excess)) this.remove(oldest);
    response.since ??= ++this.#sequence;
    this.#puts += 1;
    response.touched = this.#puts;
    this.#index(response);
    this.#responses.set(response, response);
    return this.#responses.has(response) ? undefined : this.#tooLarge(response);
  }

  remove(response: StoredResponse): void {
    this.#responses.delete(response);
  }

  coveredBy(coverage: Coverage): ReadonlySet<StoredResponse> {
    const found = new Set<StoredResponse>();
    this.#each(coverage, (response) => found.add(response));
    return found;
  }

  invalidate(coverage: Coverage): number {
    let removed = 0;
    this.#each(coverage, (response) => {
      this.remove(response);
      removed++;
    });
    return removed;
  }

  /** Visits every response that `coverage` covers. May visit one twice if the visit does not remove it. */
  #each(coverage: Coverage, visit: (response: StoredResponse) => void): void {
    const visitAll = (tag: Tag): void => {
      for (const response of this.#byTag.of(tag)) visit(response);
    };
    for (const tag of coverage.tags) visitAll(tag);
    for (const pattern of coverage.patterns) {
      for (const resource of this.#paths.matching(pattern)) visitAll(pathTag(resource));
    }
    // Only a tag with a wildcard (`step:*`) gets here. Searches the names of tags, not the responses.
    for (const parts of coverage.tagPatterns) {
      for (const tag of [...this.#byTag.keys()]) {
        if (tag.startsWith('t:') && matchesParts(tag.slice(2), parts)) visitAll(tag);
      }
    }
  }

  /** Removes every response. */
  clear(): void {
    for (const response of [...this.#responses.keys()]) this.remove(response);
  }

  get size(): number {
    return this.#responses.size;
  }

  get bytes(): number {
    return this.#responses.calculatedSize;
  }

  // lru-cache silently declines what is larger than the whole cache. The indexes must not keep it.
  #tooLarge(response: StoredResponse): Refusal {
    this.#unindex(response);
    return 'too-large';
  }

  #index(response: StoredResponse): void {
    this.#byKey.add(response.key, response);
    if (!this.#byTag.has(pathTag(response.path))) this.#paths.add(response.path);
    for (const tag of response.tags) this.#byTag.add(tag, response);
  }

  #unindex(response: StoredResponse): void {
    this.#byKey.delete(response.key, response);
    for (const tag of response.tags) this.#byTag.delete(tag, response);
    if (!this.#byTag.has(pathTag(response.path))) this.#paths.remove(response.path);
  }
}

function suitable(response: StoredResponse, request: Fields): StoredResponse | undefined {
  if (response.vary.length === 0) return response;
  return matchesVary(response.vary, response.selecting, request, response.language) ? response : undefined;
}

function newestOf(variants: Iterable<StoredResponse>, request: Fields): StoredResponse | undefined {
  const selector = new VariantSelector(request);
  return [...variants].findLast(({ vary, selecting, language }) => selector.matches(vary, selecting, language));
}

function sameVariant(a: StoredResponse, b: StoredResponse): boolean {
  const equal = (x: readonly string[], y: readonly string[]): boolean =>
    x.length === y.length && x.every((text, i) => text === y[i]);
  return equal(a.vary, b.vary) && equal(a.selecting, b.selecting);
}
