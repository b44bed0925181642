import { LRUCache } from 'lru-cache';
import type { Fence } from '../coherence/fence.ts';
import { type Coverage, matchesParts, pathTag, type Tag } from '../coherence/tag.ts';
import type { Fields } from '../http/fields.ts';
import { matchesVary, VariantSelector } from '../http/vary.ts';
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
  readonly #byKey = new Map<string, StoredResponse[]>();
  readonly #byTag = new Map<Tag, Set<StoredResponse>>();
  readonly #paths = new PathIndex();
  #sequence = 0;

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
    const variants = this.#byKey.get(key);
    if (variants === undefined) return undefined;
    const response = variants.length === 1 ? onlyOf(variants, request) : newestOf(variants, request);
    if (response === undefined) return undefined;
    response.uses = (response.uses ?? 0) + 1;
    return this.#responses.get(response);
  }

  varyOf(key: string): readonly string[] | undefined {
    return this.#byKey.get(key)?.at(-1)?.vary;
  }

  tagged(tag: Tag): readonly StoredResponse[] {
    return [...(this.#byTag.get(tag) ?? [])];
  }

  get sequence(): number {
    return this.#sequence;
  }

  put(response: StoredResponse): Refusal | undefined {
    if (response.body.byteLength > this.#options.maxEntryBytes) return 'too-large';
    if (!this.#fence.admits(response, response.asOf)) return 'newer-record';
    if (this.#fence.isQuarantined(response)) return 'quarantined';
    const variants = this.#byKey.get(response.key) ?? [];
    const same = variants.find((other) => sameVariant(other, response));
    // A slower fill must not put an older representation over a newer one.
    if (same !== undefined && same.asOf > response.asOf) return 'newer-variant';
    if (same !== undefined) this.remove(same);
    while (variants.length >= this.#options.maxVariants) this.remove(variants[0] as StoredResponse);
    response.since ??= ++this.#sequence;
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
      for (const response of this.#byTag.get(tag) ?? []) visit(response);
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
    for (const variants of [...this.#byKey.values()]) for (const response of [...variants]) this.remove(response);
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
    const variants = this.#byKey.get(response.key);
    if (variants === undefined) this.#byKey.set(response.key, [response]);
    else variants.push(response);
    for (const tag of response.tags) {
      const tagged = this.#byTag.get(tag);
      if (tagged === undefined) this.#byTag.set(tag, new Set([response]));
      else tagged.add(response);
    }
    if (this.#byTag.get(pathTag(response.path))?.size === 1) this.#paths.add(response.path);
  }

  #unindex(response: StoredResponse): void {
    const variants = this.#byKey.get(response.key);
    const at = variants?.indexOf(response) ?? -1;
    if (variants !== undefined && at >= 0) {
      variants.splice(at, 1);
      if (variants.length === 0) this.#byKey.delete(response.key);
    }
    for (const tag of response.tags) {
      const tagged = this.#byTag.get(tag);
      tagged?.delete(response);
      if (tagged?.size === 0) this.#byTag.delete(tag);
    }
    if (!this.#byTag.has(pathTag(response.path))) this.#paths.remove(response.path);
  }
}

function onlyOf([response]: readonly StoredResponse[], request: Fields): StoredResponse | undefined {
  if (response === undefined || response.vary.length === 0) return response;
  return matchesVary(response.vary, response.selecting, request, response.language) ? response : undefined;
}

function newestOf(variants: readonly StoredResponse[], request: Fields): StoredResponse | undefined {
  const selector = new VariantSelector(request);
  return variants.findLast(({ vary, selecting, language }) => selector.matches(vary, selecting, language));
}

function sameVariant(a: StoredResponse, b: StoredResponse): boolean {
  const equal = (x: readonly string[], y: readonly string[]): boolean =>
    x.length === y.length && x.every((text, i) => text === y[i]);
  return equal(a.vary, b.vary) && equal(a.selecting, b.selecting);
}
