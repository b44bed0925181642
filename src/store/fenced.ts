import type { Coverage, Tag } from '../coherence/tag.ts';
import type { Fields } from '../http/fields.ts';
import type { Refusal, Store } from './store.ts';
import type { StoredResponse } from './stored-response.ts';

/**
 * The memory tier of one node of several: reads find nothing in it while the node may not serve (coherence.md,
 * invariant 8). Puts still store: records that arrive late remove what they cover, and a new epoch empties the tier.
 */
export class FencedStore implements Store {
  readonly #store: Store;
  readonly #serving: () => boolean;

  constructor(store: Store, serving: () => boolean) {
    this.#store = store;
    this.#serving = serving;
  }

  select(key: string, request: Fields): StoredResponse | undefined {
    return this.#serving() ? this.#store.select(key, request) : undefined;
  }

  selectSole(response: StoredResponse): boolean {
    return this.#serving() && this.#store.selectSole(response);
  }

  unconfirmed(key: string, request: Fields): StoredResponse | undefined {
    return this.#serving() ? this.#store.unconfirmed(key, request) : undefined;
  }

  varyOf(key: string): readonly string[] | undefined {
    return this.#serving() ? this.#store.varyOf(key) : undefined;
  }

  get hasParts(): boolean {
    return this.#store.hasParts;
  }

  put(response: StoredResponse): Refusal | undefined {
    return this.#store.put(response);
  }

  tagged(tag: Tag): readonly StoredResponse[] {
    return this.#serving() ? this.#store.tagged(tag) : [];
  }

  remove(response: StoredResponse): void {
    this.#store.remove(response);
  }

  coveredBy(coverage: Coverage): ReadonlySet<StoredResponse> {
    return this.#store.coveredBy(coverage);
  }

  invalidate(coverage: Coverage): number {
    return this.#store.invalidate(coverage);
  }

  get sequence(): number {
    return this.#store.sequence;
  }

  get size(): number {
    return this.#store.size;
  }

  get bytes(): number {
    return this.#store.bytes;
  }
}
