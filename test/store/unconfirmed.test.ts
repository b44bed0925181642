import { beforeEach, describe, expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { everything, nothingCovered } from '../../src/coherence/record.ts';
import { pathTag } from '../../src/coherence/tag.ts';
import { Fields } from '../../src/http/fields.ts';
import { selectingValues } from '../../src/http/vary.ts';
import { FencedStore } from '../../src/store/fenced.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { storedBytes } from '../../src/store/stored-bytes.ts';
import { type StoredResponse, UNCONFIRMED } from '../../src/store/stored-response.ts';
import { stored } from '../support/stored.ts';

const options = { maxBytes: 100_000, maxEntryBytes: 20_000, maxVariants: 3 };
const anyRequest = new Fields([]);
const covering = (path: string) => ({ ...nothingCovered, tags: new Set([pathTag(path)]) });
const german = { vary: ['accept-language'], selecting: selectingValues(['accept-language'], languages('de')) };

function languages(language: string): Fields {
  return new Fields(['Accept-Language', language]);
}

let fence: Fence;
let store: MemoryStore;
beforeEach(() => {
  fence = new Fence();
  store = new MemoryStore(options, fence);
});

const copyOf = (path: string, part: Parameters<typeof stored>[1] = {}): StoredResponse =>
  stored(path, { named: ['step'], asOf: UNCONFIRMED, ...part });
const restore = (response: StoredResponse, loadedAt = 0, maxBytes = options.maxBytes) =>
  store.restore(response, loadedAt, maxBytes);

describe('no reader sees a copy that the origin has not confirmed', () => {
  const copy = copyOf('/steps/7');
  const reads: readonly [string, (store: Store) => unknown][] = [
    ['select', (each) => each.select(copy.key, anyRequest)],
    ['varyOf', (each) => each.varyOf(copy.key)],
    ['tagged, by path', (each) => each.tagged(pathTag('/steps/7'))[0]],
    ['tagged, by name', (each) => each.tagged('t:step')[0]],
  ];

  test.each(reads)('%s', (_, read) => {
    expect(restore(copy)).toBe('restored');
    expect(read(store)).toBeUndefined();
    expect(read(new FencedStore(store, () => true))).toBeUndefined();
    // The same of a confirmed one, so that the table cannot be empty by mistake.
    store.put(stored('/steps/7', { named: ['step'] }));
    expect(read(store)).toBeDefined();
  });

  test('the fetch of a miss does, on a node that may serve', () => {
    restore(copy);
    expect(store.unconfirmed(copy.key, anyRequest)).toBe(copy);
    expect(new FencedStore(store, () => true).unconfirmed(copy.key, anyRequest)).toBe(copy);
    expect(new FencedStore(store, () => false).unconfirmed(copy.key, anyRequest)).toBeUndefined();
  });

  test('the fetch sees the variant that its request selects', () => {
    const other = copyOf('/steps/7', german);
    restore(other);
    expect(store.unconfirmed(other.key, languages('de'))).toBe(other);
    expect(store.unconfirmed(other.key, languages('fr'))).toBeUndefined();
  });

  test('a response of its position is never stored as a confirmed one', () => {
    expect(store.put(copy)).toBe('newer-record');
    expect(store.put(copy.with({ content: 'derived' }))).toBe('newer-record');
  });
});

describe('what is in memory is newer than a snapshot', () => {
  test('a confirmed response replaces the copy, and is not replaced by one', () => {
    const copy = copyOf('/steps/7');
    restore(copy);
    const fresh = stored('/steps/7', { body: Buffer.from('fresh') });
    store.put(fresh);
    expect(store.unconfirmed(copy.key, anyRequest)).toBeUndefined();
    expect(store.size).toBe(1);
    expect(restore(copy)).toBe('present');
    expect(restore(stored('/steps/7'))).toBe('present');
    expect(store.select(copy.key, anyRequest)).toBe(fresh);
  });

  test('one of another variant stays, up to the bound of variants', () => {
    restore(copyOf('/steps/7', german));
    store.put(stored('/steps/7'));
    expect(store.size).toBe(2);
    for (const language of ['a', 'b', 'c']) {
      const selecting = selectingValues(['accept-language'], languages(language));
      store.put(stored('/steps/7', { vary: ['accept-language'], selecting }));
    }
    expect(store.size).toBe(3);
    // It went first.
    expect(store.unconfirmed(copyOf('/steps/7').key, languages('de'))).toBeUndefined();
    expect(restore(copyOf('/steps/7', german))).toBe('no-room');
  });

  test('loading evicts nothing, and stops at its share', () => {
    const response = stored('/steps/1', { body: Buffer.alloc(10_000) });
    const share = 2 * storedBytes(response) + 1_000;
    store.put(response);
    expect(restore(copyOf('/steps/2', { body: Buffer.alloc(10_000) }), 0, share)).toBe('restored');
    expect(restore(copyOf('/steps/3', { body: Buffer.alloc(10_000) }), 0, share)).toBe('no-room');
    expect(restore(copyOf('/steps/4', { body: Buffer.alloc(20_001) }))).toBe('no-room');
    expect(store.select(response.key, anyRequest)).toBe(response);
  });
});

describe('records apply to copies as to all others', () => {
  test('one after the load began keeps a copy out, trusted or not', () => {
    fence.apply({ coverage: covering('/steps/7'), announcements: [], position: 5, at: '' });
    expect(restore(copyOf('/steps/7'), 4)).toBe('covered');
    expect(restore(stored('/steps/7', { asOf: 4 }), 4)).toBe('covered');
    expect(restore(copyOf('/steps/7'), 5)).toBe('restored');
  });

  test('a reset after the load began keeps all of them out', () => {
    fence.reset(9, []);
    expect(restore(copyOf('/steps/7'), 4)).toBe('covered');
  });

  test('an open quarantine keeps a copy out', () => {
    const quarantined = { coverage: covering('/steps/7'), announcements: [], position: 5, at: '', quarantine: true };
    fence.apply(quarantined);
    expect(restore(copyOf('/steps/7'), 5)).toBe('covered');
  });

  test.each([
    ['its path', covering('/steps/7')],
    ['its tag', { ...nothingCovered, tags: new Set(['t:step']) }],
    ['a pattern', { ...nothingCovered, patterns: ['/steps/*'] }],
    ['everything', everything],
  ])('%s removes it', (_, coverage) => {
    restore(copyOf('/steps/7'));
    expect(store.coveredBy(coverage).size).toBe(1);
    expect(store.invalidate(coverage)).toBe(1);
    expect(store.unconfirmed(copyOf('/steps/7').key, anyRequest)).toBeUndefined();
    expect([store.size, store.unconfirmedSize, store.bytes]).toEqual([0, 0, 0]);
  });

  test('eviction removes it, and its indexes', () => {
    restore(copyOf('/steps/7', { body: Buffer.alloc(10_000) }));
    for (let i = 0; i < 12; i++) store.put(stored(`/inns/${i}`, { body: Buffer.alloc(10_000) }));
    expect(store.unconfirmedSize).toBe(0);
    expect([...store.unconfirmedKeys()]).toEqual([]);
  });
});

test('an operator drops the copies, and nothing else', () => {
  restore(copyOf('/steps/7'));
  restore(copyOf('/steps/7', german));
  store.put(stored('/steps/8'));
  expect(store.dropUnconfirmed()).toBe(2);
  expect(store.size).toBe(1);
  expect(store.dropUnconfirmed()).toBe(0);
});
