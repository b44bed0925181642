import type { MemoryStore } from '../store/memory.ts';
import type { Pace } from './pace.ts';

/** Twice as many uses are another bucket: a use more or less makes no difference. */
const BUCKETS = 33;
/** Keys between two looks at the clock. */
const STRIDE = 16;

/**
 * All cache keys, the most used first. Only their texts are held, so that what is removed while they are worked off is
 * not kept in memory.
 */
export async function keysByUse(
  store: Pick<MemoryStore, 'keys' | 'unconfirmedKeys' | 'isConfirmedKey' | 'usesOf' | 'size'>,
  pace: Pace,
): Promise<Iterable<string>> {
  const buckets = Array.from({ length: BUCKETS }, () => new Keys());
  const add = async (keys: Iterable<string>, confirmed: boolean): Promise<void> => {
    // Keys that come meanwhile are visited too: an end that recedes for ever is none.
    let rest = store.size;
    for (const key of keys) {
      // With a confirmed variant, it is among the keys of those.
      if (store.isConfirmedKey(key) === confirmed) {
        buckets[BUCKETS - 1 - Math.min(BUCKETS - 1, Math.ceil(Math.log2(store.usesOf(key) + 1)))]?.push(key);
      }
      rest -= 1;
      if (rest <= 0) return;
      if (rest % STRIDE === 0 && pace.isOver) await pace.rest();
    }
  };
  await add(store.keys(), true);
  await add(store.unconfirmedKeys(), false);
  return inTurn(buckets);
}

function* inTurn(buckets: readonly Keys[]): Iterable<string> {
  for (const bucket of buckets) yield* bucket.all();
}

/** A list in parts. A single one of a million keys is copied as it grows, and while it is young by the collector. */
class Keys {
  static readonly #PART = 1_024;
  readonly #parts: string[][] = [];
  #last: string[] | undefined;

  push(key: string): void {
    if (this.#last === undefined || this.#last.length === Keys.#PART) {
      this.#last = [];
      this.#parts.push(this.#last);
    }
    this.#last.push(key);
  }

  *all(): Iterable<string> {
    for (const part of this.#parts) yield* part;
  }
}
