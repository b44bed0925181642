import { LRUCache } from 'lru-cache';
import type { Fence } from '../coherence/fence.ts';
import type { Position } from '../coherence/record.ts';
import { type Coverage, isNamedTag, isPathTag, matchesParts, pathOfTag, type Tag } from '../coherence/tag.ts';
import { lengthOf } from '../http/content.ts';
import type { Fields } from '../http/fields.ts';
import { matchesVary, selectAlike, VariantSelector } from '../http/vary.ts';
import { Frequencies } from './frequencies.ts';
import { Holders } from './holders.ts';
import { PathIndex } from './path-index.ts';
import type { Refusal, Store } from './store.ts';
import { storedBytes } from './stored-bytes.ts';
import { type StoredResponse, UNCONFIRMED } from './stored-response.ts';

export interface MemoryStoreOptions {
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  /** Variants kept for one key: bounds what a client can store by varying a header field without end. */
  readonly maxVariants: number;
  /** `frequency`: once memory is full, a response is stored only if it is asked for more often than the next to go. */
  readonly admission?: 'all' | 'frequency';
  /** Called for each response that has to make room for others. */
  readonly onEvicted?: (response: StoredResponse) => void;
}

/** What became of a response out of a snapshot. `present`: a copy of the same variant is here. */
export type Restored = 'restored' | 'covered' | 'present' | 'no-room';

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
  /** Those that the origin has to confirm. Readers look in the other map, and so cannot find them. */
  readonly #unconfirmed = new Holders<string, StoredResponse>();
  /** Without their own path. Without their own query too, as long as a path has had but one response. */
  readonly #byTag = new Holders<Tag, StoredResponse>();
  readonly #byPath = new PathIndex<StoredResponse>();
  /** Those whose path is another spelling of the one by which tags find it. */
  readonly #byFoldedPath = new PathIndex<StoredResponse>();
  readonly #frequencies: Frequencies | undefined;
  #unconfirmedSize = 0;
  #parts = 0;
  #sequence = 0;
  #puts = 0;

  constructor(options: MemoryStoreOptions, fence: Fence) {
    this.#options = options;
    this.#fence = fence;
    this.#frequencies = options.admission === 'frequency' ? new Frequencies(options.maxBytes) : undefined;
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
    if (response !== undefined) this.#count(response);
    return response;
  }

  selectSole(response: StoredResponse): boolean {
    if (!response.isSole) return false;
    this.#count(response);
    return true;
  }

  #count(response: StoredResponse): void {
    response.uses += 1;
    // Only a put evicts. Between two of them the order of use is changed once for each response, not by every hit: in a
    // large cache the list of that order is in no CPU cache.
    if (response.touched === this.#puts) return;
    response.touched = this.#puts;
    this.#frequencies?.count(response.key, this.size);
    this.#responses.get(response);
  }

  unconfirmed(key: string, request: Fields): StoredResponse | undefined {
    const found = this.#unconfirmed.get(key);
    if (found === undefined) return undefined;
    return found instanceof Set ? newestOf(found, request) : suitable(found, request);
  }

  varyOf(key: string): readonly string[] | undefined {
    const found = this.#byKey.get(key);
    return found instanceof Set ? [...found].at(-1)?.vary : found?.vary;
  }

  get hasParts(): boolean {
    return this.#parts > 0;
  }

  tagged(tag: Tag): readonly StoredResponse[] {
    const found = new Set<StoredResponse>();
    this.#eachTagged(tag, (response) => found.add(response));
    return [...found].filter(isConfirmed);
  }

  get sequence(): number {
    return this.#sequence;
  }

  put(response: StoredResponse): Refusal | undefined {
    if (lengthOf(response.content) > this.#options.maxEntryBytes) return 'too-large';
    if (!this.#fence.admits(response, response.asOf)) return 'newer-record';
    if (this.#fence.isQuarantined(response)) return 'quarantined';
    this.#puts += 1;
    this.#frequencies?.count(response.key, this.size);
    const refusal = this.#makeWay(response);
    if (refusal !== undefined) return refusal;
    response.since ??= ++this.#sequence;
    response.touched = this.#puts;
    this.#index(response);
    this.#responses.set(response, response);
    return this.#responses.has(response) ? undefined : this.#tooLarge(response);
  }

  /** Removes what the response takes the place of, unless it may not. */
  #makeWay(response: StoredResponse): Refusal | undefined {
    const { key } = response;
    // Nearly all that is put is the first of its key.
    if (!this.#byKey.has(key) && !this.#unconfirmed.has(key)) {
      return this.#admits(response) ? undefined : 'not-admitted';
    }
    const variants = [...this.#byKey.of(key)];
    const same = variants.find((other) => sameVariant(other, response));
    // A slower fill must not put an older representation over a newer one.
    if (same !== undefined && same.asOf > response.asOf) return 'newer-variant';
    const copies = [...this.#unconfirmed.of(key)].filter((copy) => sameVariant(copy, response));
    // What takes the place of another needs no room, and that must not stay. Nor must one that would go on to answer
    // the request for which this one came.
    const isNewer = same !== undefined || copies.length > 0 || variants.some((other) => mayOverlap(other, response));
    if (!isNewer && !this.#admits(response)) return 'not-admitted';
    if (same !== undefined) this.remove(same);
    const others = variants.filter((other) => other !== same);
    for (const copy of copies) this.remove(copy);
    const removable = [...this.#unconfirmed.of(key), ...others];
    const excess = removable.length + 1 - this.#options.maxVariants;
    if (excess > 0) for (const oldest of removable.slice(0, excess)) this.remove(oldest);
    return undefined;
  }

  /** Whether there is room for a further response, or it is asked for more often than the one that has to go first. */
  #admits(response: StoredResponse): boolean {
    if (this.#frequencies === undefined) return true;
    const { key } = response;
    const [first] = this.#responses.rkeys();
    if (first === undefined || this.bytes + storedBytes(response) <= this.#options.maxBytes) return true;
    return first.key === key || this.#frequencies.of(key) > this.#frequencies.of(first.key);
  }

  /**
   * Takes a response out of a snapshot. It replaces and evicts nothing: what is here is newer.
   * @param loadedAt every record up to this position is known not to cover it
   * @param maxBytes what memory may hold with it
   */
  restore(response: StoredResponse, loadedAt: Position, maxBytes: number): Restored {
    const { key, content } = response;
    if (lengthOf(content) > this.#options.maxEntryBytes) return 'no-room';
    if (!this.#fence.admits(response, loadedAt) || this.#fence.isQuarantined(response)) return 'covered';
    const variants = this.variantsOf(key);
    if (variants.some((other) => sameVariant(other, response))) return 'present';
    if (variants.length >= this.#options.maxVariants) return 'no-room';
    const size = storedBytes(response);
    if (this.bytes + size > maxBytes) return 'no-room';
    response.since = ++this.#sequence;
    this.#index(response);
    this.#responses.set(response, response, { size });
    return 'restored';
  }

  /** As if it had just been used. What was restored first is what was used most, and is to be evicted last. */
  touch(response: StoredResponse): void {
    this.#responses.get(response);
  }

  /** The cache keys of what is stored. Those that come or go meanwhile may be visited or not. */
  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** The cache keys of unconfirmed copies, in the same way. */
  unconfirmedKeys(): Iterable<string> {
    return this.#unconfirmed.keys();
  }

  /** All variants of a key, confirmed or not. They must be sent to no client. */
  variantsOf(key: string): readonly StoredResponse[] {
    const confirmed = this.#byKey.of(key);
    const unconfirmed = this.#unconfirmed.get(key);
    return unconfirmed === undefined ? [...confirmed] : [...confirmed, ...this.#unconfirmed.of(key)];
  }

  /** Whether a variant of the key is confirmed. */
  isConfirmedKey(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** How often the variant of a key was used that was used most. */
  usesOf(key: string): number {
    return Math.max(mostUses(this.#byKey.get(key)), mostUses(this.#unconfirmed.get(key)));
  }

  /** Removes every unconfirmed copy. Returns how many there were. */
  dropUnconfirmed(): number {
    let dropped = 0;
    for (const key of [...this.#unconfirmed.keys()]) {
      for (const copy of [...this.#unconfirmed.of(key)]) {
        this.remove(copy);
        dropped += 1;
      }
    }
    return dropped;
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
    for (const tag of coverage.tags) this.#eachTagged(tag, visit);
    for (const pattern of coverage.patterns) {
      for (const response of this.#byPath.matching(pattern)) visit(response);
      for (const response of this.#byFoldedPath.matching(pattern)) visit(response);
    }
    // Only a tag with a wildcard (`step:*`) gets here. Searches the names of tags, not the responses.
    for (const parts of coverage.tagPatterns) {
      for (const tag of [...this.#byTag.keys()]) {
        if (isNamedTag(tag) && matchesParts(tag.slice(2), parts)) this.#eachTagged(tag, visit);
      }
    }
  }

  #eachTagged(tag: Tag, visit: (response: StoredResponse) => void): void {
    for (const response of this.#byTag.of(tag)) visit(response);
    if (isNamedTag(tag)) return;
    const here = this.#byPath.get(pathOfTag(tag));
    if (here === undefined) return;
    if (!isPathTag(tag)) {
      if (!(here instanceof Set) && here.ownQueryTag === tag) visit(here);
    } else if (here instanceof Set) {
      for (const response of here) visit(response);
    } else {
      visit(here);
    }
  }

  /** Removes every response. */
  clear(): void {
    for (const response of [...this.#responses.keys()]) this.remove(response);
  }

  get size(): number {
    return this.#responses.size;
  }

  /** How many unconfirmed copies there are. They count in `size`, too. */
  get unconfirmedSize(): number {
    return this.#unconfirmedSize;
  }

  get bytes(): number {
    return this.#responses.calculatedSize;
  }

  // lru-cache silently declines what is larger than the whole cache. The indexes must not keep it.
  #tooLarge(response: StoredResponse): Refusal {
    this.#unindex(response);
    return 'too-large';
  }

  #mapFor(response: StoredResponse): Holders<string, StoredResponse> {
    return isConfirmed(response) ? this.#byKey : this.#unconfirmed;
  }

  #index(response: StoredResponse): void {
    const held = this.#mapFor(response).add(response.key, response);
    if (held instanceof Set) for (const variant of held) variant.isSole = false;
    else response.isSole = isConfirmed(response) && response.vary.length === 0;
    if (!isConfirmed(response)) this.#unconfirmedSize += 1;
    if (response.part !== undefined) this.#parts += 1;
    const { path, otherTags } = response;
    const before = this.#byPath.add(path, response);
    // An entry for each query is needed only where a path has several: the response itself tells its own.
    if (before !== undefined) this.#indexQuery(response);
    if (before !== undefined && !(before instanceof Set)) this.#indexQuery(before);
    for (const tag of otherTags) {
      this.#byTag.add(tag, response);
      if (isPathTag(tag)) this.#byFoldedPath.add(pathOfTag(tag), response);
    }
  }

  #indexQuery(response: StoredResponse): void {
    const { ownQueryTag } = response;
    if (ownQueryTag !== undefined) this.#byTag.add(ownQueryTag, response);
  }

  #unindex(response: StoredResponse): void {
    this.#mapFor(response).delete(response.key, response);
    response.isSole = false;
    if (typeof response.prepared === 'object') response.prepared.retire();
    if (!isConfirmed(response)) this.#unconfirmedSize -= 1;
    if (response.part !== undefined) this.#parts -= 1;
    const { path, otherTags, ownQueryTag } = response;
    for (const tag of otherTags) {
      this.#byTag.delete(tag, response);
      if (isPathTag(tag)) this.#byFoldedPath.delete(pathOfTag(tag), response);
    }
    if (ownQueryTag !== undefined && this.#byPath.get(path) instanceof Set) this.#byTag.delete(ownQueryTag, response);
    this.#byPath.delete(path, response);
  }
}

function isConfirmed({ asOf }: StoredResponse): boolean {
  return asOf !== UNCONFIRMED;
}

function mostUses(held: StoredResponse | Set<StoredResponse> | undefined): number {
  if (held === undefined) return 0;
  if (!(held instanceof Set)) return held.uses;
  let most = 0;
  for (const { uses } of held) most = Math.max(most, uses);
  return most;
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
  return isEqual(a.vary, b.vary) && selectAlike(a.selecting, b.selecting);
}

/** Whether a request that selects `newer` may select `older`, too: by other fields, or by its preferred language. */
function mayOverlap(older: StoredResponse, newer: StoredResponse): boolean {
  return older.language !== undefined || !isEqual(older.vary, newer.vary);
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}
