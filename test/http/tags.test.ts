import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import {
  groupInvalidations,
  MAX_TAG_BYTES,
  MAX_TAGS,
  MAX_TAGS_BYTES,
  originTags,
  tagFields,
} from '../../src/http/tags.ts';

describe("an origin's tags", () => {
  test.each<[string, string[], string[]]>([
    ['none', ['Content-Type', 'text/plain'], []],
    ['RFC 9875 §2 Cache-Groups', ['Cache-Groups', '"a b", "c,d";x=1, "a b"'], ['a b', 'c,d']],
    ['on several lines', ['Cache-Groups', '"a"', 'cache-groups', '"b"'], ['a', 'b']],
    ['with escapes', ['Cache-Groups', '"a\\"b"'], ['a"b']],
    ['case matters', ['Cache-Groups', '"A", "a"'], ['A', 'a']],
    ['empty', ['Cache-Groups', ''], []],
    ['Surrogate-Key by blanks', ['Surrogate-Key', ' a  b\tc,d '], ['a', 'b', 'c,d']],
    ['on several lines, without a comma between', ['Surrogate-Key', 'a', 'Surrogate-Key', 'b'], ['a', 'b']],
    ['Cache-Tag by commas', ['Cache-Tag', 'a, b c ,,d'], ['a', 'b c', 'd']],
    ['Edge-Cache-Tag by commas', ['Edge-Cache-Tag', 'a,b'], ['a', 'b']],
    ['xkey by either', ['xkey', 'a b, c'], ['a', 'b', 'c']],
    ['all of them together, each once', ['xkey', 'a b', 'Cache-Tag', 'b', 'Cache-Groups', '"c"'], ['c', 'b', 'a']],
  ])('%s', (_, lines, tags) => {
    expect(originTags(new Fields(lines))).toEqual({ tags, overflow: false });
  });

  const many = (count: number, length: number): string[] =>
    Array.from({ length: count }, (_, i) => String(i).padStart(length, 'x'));
  test.each<[string, string[], boolean]>([
    ['as many as are kept', ['xkey', many(MAX_TAGS, 4).join(' ')], false],
    ['one more', ['xkey', many(MAX_TAGS + 1, 4).join(' ')], true],
    ['as long as is kept', ['xkey', 'x'.repeat(MAX_TAG_BYTES)], false],
    ['longer', ['xkey', 'x'.repeat(MAX_TAG_BYTES + 1)], true],
    ['as much as is kept', ['xkey', many(MAX_TAGS_BYTES / 512, 512).join(' ')], false],
    ['more, over several fields', ['xkey', many(MAX_TAGS_BYTES / 512, 512).join(' '), 'Cache-Tag', 'x'], true],
    ['not to be read', ['Cache-Groups', '"a", "b'], true],
    ['not strings', ['Cache-Groups', '"a", b'], true],
    ['an inner list', ['Cache-Groups', '("a" "b")'], true],
  ])('never stored with tags dropped: %s', (_, lines, overflow) => {
    const found = originTags(new Fields(lines));
    expect(found.overflow).toBe(overflow);
    expect(found.tags.length === 0).toBe(overflow);
  });

  test('no text makes it throw', () => {
    const lines = fc.array(fc.tuple(fc.constantFrom(...tagFields), fc.string())).map((all) => all.flat());
    fc.assert(
      fc.property(lines, (all) => {
        const headers = new Fields(all);
        expect(originTags(headers).tags.every((tag) => tag !== '')).toBe(true);
        expect(groupInvalidations(headers)).toBeInstanceOf(Array);
      }),
    );
  });
});

test('clients do without all of these fields', () => {
  const names = ['Cache-Groups', 'Cache-Group-Invalidation', 'Surrogate-Key', 'Cache-Tag', 'Edge-Cache-Tag', 'xkey'];
  expect([...tagFields].sort()).toEqual(names.map((name) => name.toLowerCase()).sort());
});

describe('RFC 9875 §3: Cache-Group-Invalidation', () => {
  test.each<[string, string[], string[]]>([
    ['none', [], []],
    ['groups', ['Cache-Group-Invalidation', '"a", "b";x, "a"'], ['a', 'b']],
    ['on several lines', ['Cache-Group-Invalidation', '"a"', 'Cache-Group-Invalidation', '"b"'], ['a', 'b']],
    ['not to be read', ['Cache-Group-Invalidation', 'a b'], []],
    ['not strings', ['Cache-Group-Invalidation', '"a", b'], []],
    ['not the groups of the response itself', ['Cache-Groups', '"a"'], []],
  ])('%s', (_, lines, groups) => {
    expect(groupInvalidations(new Fields(lines))).toEqual(groups);
  });

  test('has no bound of its own: one that is left out leaves something stale', () => {
    const groups = Array.from({ length: 5000 }, (_, i) => `"${i}"`).join(', ');
    expect(groupInvalidations(new Fields(['Cache-Group-Invalidation', groups]))).toHaveLength(5000);
  });
});
