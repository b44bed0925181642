import { describe, expect, test } from 'vitest';
import { widenForOthers } from '../../../src/coherence/configurations.ts';
import { everything } from '../../../src/coherence/record.ts';
import { isCoveredBy, namedTag, pathTag, queryTag, severalQueriesTag, type Tag } from '../../../src/coherence/tag.ts';

const coverage = (tags: Tag[], more: { patterns?: string[]; tagPatterns?: string[][] } = {}) => ({
  tags: new Set(tags),
  patterns: more.patterns ?? [],
  tagPatterns: more.tagPatterns ?? [],
});

describe('a record of a node with another configuration', () => {
  test('covers the same paths and patterns, and nothing else', () => {
    const own = coverage([pathTag('/a'), pathTag('/b')], { patterns: ['/c/*'] });
    expect(widenForOthers(own)).toEqual(own);
  });

  test.each([queryTag('/a', 'x=1'), severalQueriesTag('/a')])(
    'covers all of a path of which it names a query: %s',
    (tag) => {
      const wide = widenForOthers(coverage([tag]));
      expect(isCoveredBy({ path: '/a', tags: [pathTag('/a'), queryTag('/a', 'x=1&y=2')] }, wide)).toBe(true);
      expect(isCoveredBy({ path: '/a/b', tags: [pathTag('/a/b')] }, wide)).toBe(false);
    },
  );

  test.each([
    ['a tag', coverage([pathTag('/a'), namedTag('item:1')])],
    ['a tag with a wildcard', coverage([], { tagPatterns: [['item:', '']] })],
  ])('covers everything where it names %s', (_, named) => {
    expect(widenForOthers(named)).toEqual(everything);
  });
});
