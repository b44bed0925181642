import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Coverage, isCoveredBy, namedTag, pathTag } from '../../src/coherence/tag.ts';
import { resourceOf } from '../../src/route/path.ts';
import { Matcher } from '../../src/snapshot/matcher.ts';

/** Few, so that many match. `(7)` and `a:b` are text that means something else in a route's pattern. */
const text = fc.constantFrom('steps', '7', '7.json', 'a:b', ':id', '$id', '(7)', '{id}', 'ü', '.*', '%2F');
const path = fc.array(text, { maxLength: 3 }).map((segments) => resourceOf(`/${segments.join('/')}`));
const wildcard = fc.constantFrom('*', '*.json', '7*', '*.*');
/** As rules make them: literal text is escaped. */
const pattern = fc
  .tuple(
    fc.array(
      fc.oneof(
        text.map((each) => resourceOf(`/${each}`).slice(1)),
        wildcard,
      ),
      { maxLength: 3 },
    ),
    fc.boolean(),
  )
  .map(([segments, rest]) => `/${[...segments, ...(rest ? ['**'] : [])].join('/')}`);
const name = fc.constantFrom('step:7', 'step:8', 'all');
const coverage: fc.Arbitrary<Coverage> = fc.record({
  tags: fc.array(fc.oneof(name.map(namedTag), path.map(pathTag)), { maxLength: 2 }).map((tags) => new Set(tags)),
  patterns: fc.array(pattern, { maxLength: 3 }),
  tagPatterns: fc.array(fc.constantFrom(['step:', ''], ['', ':8']), { maxLength: 1 }),
});

test('covers what one of the coverages covers, and nothing else', () => {
  let covered = 0;
  const response = fc
    .tuple(path, fc.array(path, { maxLength: 1 }), fc.array(name, { maxLength: 2 }))
    .map(([of, folded, names]) => ({ path: of, tags: [...[of, ...folded].map(pathTag), ...names.map(namedTag)] }));
  const property = fc.property(fc.array(coverage, { maxLength: 3 }), response, (coverages, each) => {
    const expected = coverages.some((one) => isCoveredBy(each, one));
    covered += Number(expected);
    expect(new Matcher(coverages).covers(each)).toBe(expected);
  });
  fc.assert(property, { numRuns: 5_000 });
  expect(covered).toBeGreaterThan(500);
});
