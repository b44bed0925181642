import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Coverage, isCoveredBy } from '../../src/coherence/tag.ts';
import { versionsOf, versionsToBump } from '../../src/redis/tag-versions.ts';

const segment = fc.constantFrom('steps', 'trips', '7', '9', 'a:b');
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
const name = fc.constantFrom(
  'step:7',
  'step:9',
  'trip:7',
  'plain',
  'step:',
  ':',
  '',
  `long:${'x'.repeat(200)}`,
  'stepper:1',
);
const response = fc
  .record({ path, folded: fc.option(path), names: fc.array(name, { maxLength: 4 }) })
  .map(({ path, folded, names }) => ({
    path,
    tags: [`p:${path}`, `q:${path}?`, ...(folded === null ? [] : [`p:${folded}`]), ...names.map((each) => `t:${each}`)],
  }));
const pattern = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([segments, rest]) => `/${[...segments, ...(rest ? ['**'] : [])].join('/')}`);
const parts = fc.constantFrom(
  ['step:', ''],
  ['st', ''],
  ['', ''],
  ['', ':7'],
  ['step:', '', ''],
  ['pl', 'n'],
  ['long:x', ''],
);
const coverage = fc
  .record({
    tags: fc.array(
      fc.oneof(
        path.map((each) => `p:${each}`),
        path.map((each) => `q:${each}?`),
        name.map((each) => `t:${each}`),
      ),
      { maxLength: 2 },
    ),
    patterns: fc.array(pattern, { maxLength: 2 }),
    tagPatterns: fc.array(parts, { maxLength: 2 }),
  })
  .map(({ tags, patterns, tagPatterns }): Coverage => ({ tags: new Set(tags), patterns, tagPatterns }));

test('every response that a record covers has a version that the record changes', () => {
  fc.assert(
    fc.property(response, coverage, (stored, record) => {
      const changed = new Set(versionsToBump(record));
      const shared = versionsOf(stored).some((version) => changed.has(version));
      if (isCoveredBy(stored, record)) expect(shared).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  [{ tags: new Set(['p:/steps/7']), patterns: [], tagPatterns: [] }, '/steps/9', ['t:step:9']],
  [{ tags: new Set<string>(), patterns: ['/steps/*'], tagPatterns: [] }, '/trips/7', []],
  [{ tags: new Set<string>(), patterns: [], tagPatterns: [['step:', '']] }, '/trips/7', ['t:trip:7']],
] as [Coverage, string, string[]][])('what has nothing to do with it keeps its versions (%#)', (record, at, tags) => {
  const changed = new Set(versionsToBump(record));
  expect(versionsOf({ path: at, tags: [`p:${at}`, ...tags] }).filter((version) => changed.has(version))).toEqual([]);
});

test('no version has a name that is longer than a key should be', () => {
  const long = `/${'x'.repeat(5_000)}`;
  for (const version of versionsOf({ path: long, tags: [`p:${long}`, `t:${'y'.repeat(5_000)}`] })) {
    expect(version.length).toBeLessThan(130);
  }
});
