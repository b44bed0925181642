import { describe, expect, test } from 'vitest';
import { MAX_RECORD_BYTES } from '../../src/coherence/record-size.ts';
import { isCoveredBy, namedTag, pathTag, queryTag, type Tag } from '../../src/coherence/tag.ts';
import { decodeRecord, encodeRecord, type WireRecord } from '../../src/coherence/wire-record.ts';

const at = '2026-01-01T00:00:00.000Z';
const many = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
const cause = { method: 'PATCH', path: '/items', rule: 'batch' };

function batch(tags: readonly Tag[], paths: readonly string[] = [], names: readonly string[] = []): WireRecord {
  const coverage = { tags: new Set(tags), patterns: ['/lists/**'], tagPatterns: [['own:', '']] };
  return { coverage, announcements: [{ type: 'batch', paths, tags: names, cause }], at };
}

const long = 'x'.repeat(300);
const rows: [string, WireRecord][] = [
  [
    'paths and tags of many siblings',
    batch(
      many(1_000, (i) => [pathTag(`/items/${long}${i}`), namedTag(`item:${long}${i}`)]).flat(),
      many(1_000, (i) => `/items/${long}${i}`),
      many(1_000, (i) => `item:${long}${i}`),
    ),
  ],
  ['the root, and its children', batch([pathTag('/'), ...many(4_000, (i) => pathTag(`/${long}${i}`))])],
  [
    'a path with all below it, its children, and what has nothing in common',
    batch([
      ...many(8, (i) => pathTag(`/lists/${i}`)),
      ...many(70, (i) => many(20, (n) => pathTag(`/of${i}/${long}${n}`))).flat(),
    ]),
  ],
  ['queries of one path', batch(many(2_000, (i) => queryTag('/items', `q=${long}${i}`)))],
  ['paths that have nothing in common', batch(many(4_000, (i) => pathTag(`/${long}${i}/${i}`)))],
  ['names that have nothing in common', batch(many(4_000, (i) => namedTag(`${long}${i}:${i}`)))],
  [
    'an event that carries too much',
    batch(
      [pathTag('/a')],
      many(4_000, (i) => `/${long}${i}/${i}`),
    ),
  ],
];

describe('a record is bounded in bytes', () => {
  test.each(rows)('%s: what is sent covers them', (_, record) => {
    const text = encodeRecord(record);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_RECORD_BYTES);
    const sent = decodeRecord(text);
    for (const tag of record.coverage.tags) {
      const path = tag.startsWith('t:') ? '/elsewhere' : tag.slice(2).replace(/\?.*/, '');
      expect(isCoveredBy({ path, tags: [tag] }, sent.coverage)).toBe(true);
    }
    expect(isCoveredBy({ path: '/lists/1/2', tags: [] }, sent.coverage)).toBe(true);
    expect(isCoveredBy({ path: '/elsewhere', tags: ['t:own:1'] }, sent.coverage)).toBe(true);
    expect(sent.announcements.map(({ type }) => type)).toEqual(['batch']);
  });

  test('siblings become their wildcard, and nothing else', () => {
    const [, record] = rows[0] as (typeof rows)[0];
    const { coverage, announcements } = decodeRecord(encodeRecord(record));
    expect([coverage.patterns, coverage.tagPatterns]).toEqual([
      ['/items/*', '/lists/**'],
      [
        ['item:', ''],
        ['own:', ''],
      ],
    ]);
    expect(announcements[0]).toMatchObject({ paths: ['/items/*'], tags: ['item:*'] });
    expect(isCoveredBy({ path: '/steps/7', tags: [pathTag('/steps/7')] }, coverage)).toBe(false);
  });

  test('a batch of 900 is named one by one', () => {
    const record = batch(
      many(900, (i) => [pathTag(`/items/k${i}`), namedTag(`item:k${i}`), pathTag(`/steps/s${i}`)]).flat(),
    );
    expect(decodeRecord(encodeRecord(record)).coverage).toEqual(record.coverage);
  });
});
