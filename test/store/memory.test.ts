import { beforeEach, describe, expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { nothingCovered } from '../../src/coherence/record.ts';
import { type Coverage, namedTag, pathTag } from '../../src/coherence/tag.ts';
import { commonCredentials } from '../../src/http/credentials.ts';
import { Fields } from '../../src/http/fields.ts';
import { selectingValues } from '../../src/http/vary.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { stored } from '../support/stored.ts';

const options = { maxBytes: 100_000, maxEntryBytes: 20_000, maxVariants: 3 };
const anyRequest = new Fields([]);
/** The secondary key of a request for one language. */
const selecting = (language: string): string[] =>
  selectingValues(['accept-language'], new Fields(['Accept-Language', language]));
const coverage = (part: Partial<Coverage>): Coverage => ({ ...nothingCovered, ...part });

let fence: Fence;
let store: MemoryStore;
beforeEach(() => {
  fence = new Fence();
  store = new MemoryStore(options, fence);
});

describe('selecting', () => {
  test('gives the variant that the request selects, the newest first', () => {
    const german = stored('/steps/7', { vary: ['accept-language'], selecting: selecting('de') });
    const english = stored('/steps/7', { vary: ['accept-language'], selecting: selecting('en') });
    store.put(german);
    store.put(english);
    expect(store.select(german.key, new Fields(['Accept-Language', 'de']))).toBe(german);
    expect(store.select(german.key, new Fields(['Accept-Language', 'en']))).toBe(english);
    expect(store.select(german.key, new Fields(['Accept-Language', 'fr']))).toBeUndefined();
    expect(store.varyOf(german.key)).toEqual(['accept-language']);
    expect(store.varyOf('other')).toBeUndefined();
  });

  test('the same variant is replaced', () => {
    const older = stored('/steps/7');
    const newer = stored('/steps/7', { body: Buffer.from('newer') });
    store.put(older);
    store.put(newer);
    expect(store.select(older.key, anyRequest)).toBe(newer);
    expect(store.size).toBe(1);
  });

  test('the same variant is replaced where an earlier version has kept its credentials as they were', () => {
    const vary = ['authorization'];
    const request = new Fields(['Authorization', 'Bearer S3CRET']);
    const older = stored('/steps/7', { vary, selecting: selectingValues(vary, request) });
    const newer = stored('/steps/7', { vary, selecting: selectingValues(vary, request, commonCredentials) });
    store.put(older);
    expect(store.select(older.key, request)).toBe(older);
    store.put(newer);
    expect(store.select(older.key, request)).toBe(newer);
    expect(store.size).toBe(1);
  });

  test('a slower fill does not replace what a later one brought', () => {
    fence.apply({ coverage: nothingCovered, announcements: [], position: 5, at: '' });
    const newer = stored('/steps/7', { asOf: 5 });
    store.put(newer);
    expect(store.put(stored('/steps/7', { asOf: 3 }))).toBe('newer-variant');
    expect(store.select(newer.key, anyRequest)).toBe(newer);
  });
});

test('it is known whether any part of a representation is stored', () => {
  const parts = ['/1', '/2'].map((path) =>
    stored(path, { part: { start: 0, size: 9, saidEnd: 1, asked: 'bytes=0-1' } }),
  );
  store.put(stored('/3'));
  expect(store.hasParts).toBe(false);
  for (const part of parts) store.put(part);
  expect(store.hasParts).toBe(true);
  for (const part of parts) {
    expect(store.hasParts).toBe(true);
    store.remove(part);
  }
  expect(store.hasParts).toBe(false);
});

describe('bounds', () => {
  test('a key keeps its newest variants', () => {
    for (const language of ['a', 'b', 'c', 'd']) {
      store.put(stored('/steps/7', { vary: ['accept-language'], selecting: selecting(language) }));
    }
    expect(store.size).toBe(3);
    expect(store.select(stored('/steps/7').key, new Fields(['Accept-Language', 'a']))).toBeUndefined();
    expect(store.select(stored('/steps/7').key, new Fields(['Accept-Language', 'b']))).toBeDefined();
  });

  test('a body beyond the limit is refused', () => {
    expect(store.put(stored('/big', { body: Buffer.alloc(20_001) }))).toBe('too-large');
    expect(store.size).toBe(0);
  });

  test('one larger than the whole store evicts nothing and leaves no index entry', () => {
    const small = new MemoryStore({ ...options, maxBytes: 5_000 }, fence);
    const response = stored('/big', { body: Buffer.alloc(10_000) });
    expect(small.put(response)).toBe('too-large');
    expect(small.varyOf(response.key)).toBeUndefined();
    expect(small.invalidate(coverage({ tags: new Set([pathTag('/big')]) }))).toBe(0);
  });

  test('the least recently used go first, and their indexes with them', () => {
    for (let i = 0; i < 12; i++) store.put(stored(`/steps/${i}`, { body: Buffer.alloc(10_000) }));
    expect(store.bytes).toBeLessThanOrEqual(options.maxBytes);
    expect(store.select(stored('/steps/0').key, anyRequest)).toBeUndefined();
    expect(store.invalidate(coverage({ patterns: ['/steps/*'] }))).toBeLessThan(12);
    expect(store.size).toBe(0);
    expect(store.bytes).toBe(0);
  });
});

describe('invalidating', () => {
  beforeEach(() => {
    store.put(stored('/steps/7', { named: ['accommodation:42', 'step:7'] }));
    store.put(stored('/steps/7', { key: 'another query', named: ['step:7'] }));
    store.put(stored('/steps/8', { named: ['accommodation:43'] }));
    store.put(stored('/trips/3'));
  });

  test.each([
    ['a path, with all its keys', coverage({ tags: new Set([pathTag('/steps/7')]) }), 2],
    ['a tag', coverage({ tags: new Set([namedTag('accommodation:42')]) }), 1],
    [
      'a path and a tag of the same response, once',
      coverage({ tags: new Set([pathTag('/steps/7'), namedTag('step:7')]) }),
      2,
    ],
    ['a pattern', coverage({ patterns: ['/steps/*'] }), 3],
    ['everything', coverage({ patterns: ['/**'] }), 4],
    ['a wildcard for a tag', coverage({ tagPatterns: [['accommodation:', '']] }), 2],
    ['a tag that nothing carries', coverage({ tags: new Set([namedTag('step:9')]) }), 0],
  ])('%s', (_what, hit, removed) => {
    expect(store.invalidate(hit)).toBe(removed);
    expect(store.size).toBe(4 - removed);
    expect(store.invalidate(hit)).toBe(0);
  });
});

describe('the fence', () => {
  test('a response that a record has covered since its fill began is refused', () => {
    const tags = new Set([namedTag('step:7')]);
    fence.apply({ coverage: coverage({ tags }), announcements: [], position: 1, at: '' });
    expect(store.put(stored('/steps/7', { named: ['step:7'], asOf: 0 }))).toBe('newer-record');
    expect(store.put(stored('/steps/7', { named: ['step:7'], asOf: 1 }))).toBeUndefined();
  });

  test('a quarantined response is not stored', () => {
    const tags = new Set([namedTag('step:7')]);
    fence.apply({ coverage: coverage({ tags }), announcements: [], position: 1, at: '', quarantine: true });
    expect(store.put(stored('/steps/7', { named: ['step:7'], asOf: 1 }))).toBe('quarantined');
    fence.apply({ coverage: coverage({ tags }), announcements: [], position: 2, at: '', endsQuarantine: 1 });
    expect(store.put(stored('/steps/7', { named: ['step:7'], asOf: 1 }))).toBe('newer-record');
    expect(store.put(stored('/steps/7', { named: ['step:7'], asOf: 2 }))).toBeUndefined();
  });
});
