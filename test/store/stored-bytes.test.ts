import { describe, expect, test } from 'vitest';
import { namedTag, pathTag } from '../../src/coherence/tag.ts';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { Fields } from '../../src/http/fields.ts';
import { nameOf, ownBytes, ownText, sharedText } from '../../src/http/own-memory.ts';
import { storedBytes } from '../../src/store/stored-bytes.ts';
import { type PartsOfStored, stored } from '../support/stored.ts';

const N = 10_000;
const text = 'x'.repeat(N);
const many = Array.from({ length: N }, () => 'x');

describe('a stored response is charged for all that it keeps', () => {
  test.each<[string, PartsOfStored, number]>([
    ['its body', { body: Buffer.alloc(N) }, N],
    ['its key', { key: text }, N],
    ['its tags', { tags: [namedTag(text)] }, N],
    ['many tags', { tags: many.map((_each, i) => namedTag(String(i))) }, 100 * N],
    ['other paths that find it', { tags: many.map((_each, i) => pathTag(`/${i}`)) }, 400 * N],
    ['its fields', { headers: new Fields(['a', text]) }, N],
    ['many fields', { headers: new Fields(many) }, 20 * N],
    ['the fields that clients get', { clientHeaders: ['a', text] }, N],
    ['the values that select it', { vary: ['a'], selecting: [text] }, N],
    ['the names of the fields that select it', { vary: [text], selecting: [''] }, N],
    ['fields that are kept apart', { directives: parseCacheControl(`private="${text}"`) }, N],
    ['its entity tag', { etag: text }, N],
    ['its codings', { encoded: { gzip: { content: Buffer.alloc(N), etag: '', clientHeaders: [] } } }, N],
    ['the fields of its codings', { encoded: { br: { content: '', etag: '', clientHeaders: ['a', text] } } }, N],
    ['the segments of its path, each a node of the index', { path: `/${many.join('/')}` }, 100 * N],
    ['the range that was asked for', { part: { start: 0, size: 1, saidEnd: 0, asked: text } }, N],
  ])('%s', (_what, part, atLeast) => {
    const plain = storedBytes(stored('/a'));
    expect(storedBytes(stored('/a', part)) - plain).toBeGreaterThan(atLeast - 200);
  });

  test('the names of its fields, as long as few others have the same', () => {
    const invented = (i: number, value = 'a'): Fields =>
      new Fields(Array.from({ length: 10 }, (_, n) => [`X-${i}-${n}`.padEnd(64, 'x'), value]).flat());
    const bytesOf = (headers: Fields, key = 'k00'): number => storedBytes(stored('/a', { key, headers }));
    const plain = storedBytes(stored('/a', { key: 'k00' }));
    for (let i = 0; i < 100; i++) expect(bytesOf(invented(i)) - plain).toBeGreaterThan(10 * 64);
    // One that is fetched again is not another.
    for (let i = 0; i < 20; i++) expect(bytesOf(invented(0)) - plain).toBeGreaterThan(10 * 64);
    const ofOne = Array.from({ length: 20 }, (_, i) => bytesOf(invented(0), `k${10 + i}`));
    expect(ofOne[1]).toBeGreaterThan(plain + 10 * 64);
    expect(ofOne.at(-1)).toBeLessThan(plain + 10 * 64);
    // Those that derive from it are not others.
    let derived = stored('/a', { key: 'k00', headers: invented(200) });
    for (let i = 0; i < 20; i++) derived = derived.with({ headers: invented(200, String(i)) });
    expect(storedBytes(derived)).toBeGreaterThan(plain + 10 * 64);
  });

  test('what makes the fields that clients get, as long as few others have it made so', () => {
    const headers = new Fields(Array.from({ length: 10 }, (_, n) => ['X', String(n)]).flat());
    const last = (i: number): string[] =>
      Array.from({ length: 60 }, (_, n) => ['X', String((i >> (n % 10)) % 10)]).flat();
    const bytesOf = (i: number, key: string): number =>
      storedBytes(stored('/a', { key, headers, clientHeaders: last(i) }));
    const bytesOfMany = (i: number): number[] => Array.from({ length: 20 }, (_, n) => bytesOf(i, `k${10 + n}`));
    // The names are common then.
    const shared = bytesOfMany(0).at(-1) ?? 0;
    expect(bytesOfMany(1_000)).toEqual([...Array(8).fill(shared + 8 * 120), ...Array(12).fill(shared)]);
  });

  test('an ordinary path costs no more than its letters', () => {
    const { tags } = stored('/a');
    expect(storedBytes(stored('/a', { path: '/a/b/c' })) - storedBytes(stored('/a'))).toBe(4);
    expect(tags).toEqual([pathTag('/a')]);
  });
});

describe('what is kept has memory of its own', () => {
  test('octets', () => {
    const cut = Buffer.from('small');
    expect(cut.buffer.byteLength).toBeGreaterThan(cut.byteLength);
    expect(ownBytes(cut)).toEqual(cut);
    expect(ownBytes(cut).buffer.byteLength).toBe(5);
    const whole = Buffer.allocUnsafeSlow(9);
    expect(ownBytes(whole)).toBe(whole);
  });

  test.each(['', 'plain', 'é\u00ff', '\u4e2d\u6587', '\ud800', 'a\n'])('the text %j', (each) => {
    expect(ownText(each)).toBe(each);
  });

  test('texts of many responses are one', () => {
    const cut = `${text}application/json`.slice(N);
    expect(sharedText(cut)).toBe('application/json');
    // More texts than two generations hold: what nobody asked for meanwhile is forgotten, and comes back the same.
    for (let i = 0; i < 20_000; i++) sharedText(`"${i}"`);
    expect(sharedText(cut)).toBe('application/json');
    expect(sharedText(text)).toBe(text);
  });

  test('a long name is known by its digest', () => {
    expect(nameOf('a')).toBe('a');
    expect(nameOf(text).length).toBeLessThan(60);
    expect(nameOf(text)).not.toBe(nameOf(`${text}y`));
  });
});
