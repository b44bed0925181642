import { isConfirmed, type MemoryStore } from '../store/memory.ts';
import type { Pace } from './pace.ts';

/** Twice as many uses are another bucket: a use more or less makes no difference. */
const BUCKETS = 33;

/**
 * All cache keys, the most used first. Only their texts are held, so that what is removed while they are worked off is
 * not kept in memory.
 */
export async function keysByUse(
  store: Pick<MemoryStore, 'keys' | 'unconfirmedKeys' | 'variantsOf' | 'size'>,
  pace: Pace,
): Promise<Iterable<string>> {
  const buckets: string[][] = Array.from({ length: BUCKETS }, () => []);
  const add = async (keys: Iterable<string>, confirmed: boolean): Promise<void> => {
    // Keys that come meanwhile are visited too: an end that recedes for ever is none.
    let rest = store.size;
    for (const key of keys) {
      const variants = store.variantsOf(key);
      const [first] = variants;
      // With a confirmed variant, it is among the keys of those.
      if (first !== undefined && isConfirmed(first) === confirmed) {
        const uses = variants.reduce((most, response) => Math.max(most, response.uses), 0);
        buckets[BUCKETS - 1 - Math.min(BUCKETS - 1, Math.ceil(Math.log2(uses + 1)))]?.push(key);
      }
      rest -= 1;
      if (rest <= 0) return;
      if (pace.isOver) await pace.rest();
    }
  };
  await add(store.keys(), true);
  await add(store.unconfirmedKeys(), false);
  return inTurn(buckets);
}

function* inTurn(buckets: readonly (readonly string[])[]): Iterable<string> {
  for (const bucket of buckets) yield* bucket;
}
