import { expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { nothingCovered } from '../../src/coherence/record.ts';
import { pathTag } from '../../src/coherence/tag.ts';
import { Fields } from '../../src/http/fields.ts';
import { Frequencies } from '../../src/store/frequencies.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { type StoredResponse, UNCONFIRMED } from '../../src/store/stored-response.ts';
import { stored } from '../support/stored.ts';

/* `store.memory.admission`: what may replace what is popular, once memory is full. */

const anyRequest = new Fields([]);
const POPULAR = 20;

const storeWith = (admission: 'all' | 'frequency'): MemoryStore =>
  new MemoryStore({ maxBytes: 40_000_000, maxEntryBytes: 2_000_000, maxVariants: 3, admission }, new Fence());
/** In a tier of 40 MB there are so many counters that hardly ever two of a few hundred keys share all of theirs. */
const body = Buffer.alloc(1_200_000);
const large = (path: string): StoredResponse => stored(path, { body });

/** Asks for each, as a client does: what is not there is put. Returns how many were there. */
function ask(store: MemoryStore, prefix: string, count: number): number {
  let hits = 0;
  for (let i = 0; i < count; i++) {
    const wanted = large(`${prefix}/${i}`);
    if (store.select(wanted.key, anyRequest) === undefined) store.put(wanted);
    else hits += 1;
  }
  return hits;
}

function popular(store: MemoryStore, rounds = 5): void {
  for (let round = 0; round < rounds; round++) {
    ask(store, '/popular', POPULAR);
    // Something else is asked for in between.
    store.put(large('/other'));
  }
}

test.each([
  ['all', 0],
  ['frequency', POPULAR],
] as const)('admission: %s; after a scan, so many popular responses are left: %i', (admission, left) => {
  const store = storeWith(admission);
  popular(store);
  for (let round = 0; round < 2; round++) ask(store, '/scanned', 200);
  expect(ask(store, '/popular', POPULAR)).toBe(left);
});

test('the counts of a tier of any size take 16 MiB at most', () => {
  const before = process.memoryUsage().arrayBuffers;
  const frequencies = new Frequencies(2 ** 40);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThanOrEqual(16 * 2 ** 20);
  frequencies.count('/a', 1);
  expect(frequencies.of('/a')).toBe(1);
});

test('as long as there is room, everything is stored', () => {
  const store = storeWith('frequency');
  popular(store);
  expect(store.put(large('/new'))).toBeUndefined();
});

test('what is not admitted leaves no trace, and evicts nothing', () => {
  const store = storeWith('frequency');
  for (let round = 0; round < 3; round++) ask(store, '/popular', 40);
  const { size, bytes } = store;
  expect(store.put(large('/new'))).toBe('not-admitted');
  expect([store.size, store.bytes]).toEqual([size, bytes]);
  expect(store.coveredBy({ ...nothingCovered, tags: new Set([pathTag('/new')]) }).size).toBe(0);
});

test('what is there is replaced, however seldom it is asked for', () => {
  const store = storeWith('frequency');
  const [older, newer] = [large('/seldom'), large('/seldom')];
  store.put(older);
  popular(store);
  ask(store, '/scanned', 200);
  // It is not the next to go either.
  expect(store.select(older.key, anyRequest)).toBe(older);
  expect(store.put(newer)).toBeUndefined();
  expect(store.select(newer.key, anyRequest)).toBe(newer);
});

test('a copy out of a snapshot is replaced by what confirms it, though nobody has asked for it before', () => {
  const store = storeWith('frequency');
  for (let round = 0; round < 3; round++) ask(store, '/popular', 40);
  store.invalidate({ ...nothingCovered, tags: new Set([pathTag('/popular/0')]) });
  const copy = stored('/restored', { body, asOf: UNCONFIRMED });
  expect(store.restore(copy, 0, 40_000_000)).toBe('restored');
  expect(store.put(large('/new'))).toBe('not-admitted');
  const confirmed = large('/restored');
  expect(store.put(confirmed)).toBeUndefined();
  expect(store.variantsOf(confirmed.key)).toEqual([confirmed]);
});

test('what a write has removed is stored again: it is still popular', () => {
  const store = storeWith('frequency');
  popular(store);
  ask(store, '/scanned', 200);
  store.invalidate({ ...nothingCovered, tags: new Set([pathTag('/popular/3')]) });
  ask(store, '/others', 200);
  const again = large('/popular/3');
  expect(store.put(again)).toBeUndefined();
  expect(store.select(again.key, anyRequest)).toBe(again);
});

test('what was popular once makes room for what is now', () => {
  const store = storeWith('frequency');
  popular(store, 50);
  for (let round = 0; round < 200; round++) ask(store, '/new', POPULAR);
  expect(ask(store, '/new', POPULAR)).toBe(POPULAR);
});
