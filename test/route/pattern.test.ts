import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isPatternWithin,
  PatternError,
  PatternTrie,
  parsePattern,
  pathMatchesPattern,
  patternShape,
  patternsOverlap,
} from '../../src/route/pattern.ts';

describe('a pattern', () => {
  test.each([
    ['/steps/:id', '/steps/7', { id: '7' }],
    ['/steps/:id', '/steps/a%2Fb', { id: 'a/b' }],
    ['/steps/:id', '/steps', undefined],
    ['/steps/:id', '/steps/7/thumbnail', undefined],
    ['/steps/*', '/steps/7', {}],
    ['/steps/*', '/steps', undefined],
    ['/steps/*/thumbnail', '/steps/7/thumbnail', {}],
    ['/files/**', '/files', {}],
    ['/files/**', '/files/a/b/c', {}],
    ['/files/**', '/filesystem', undefined],
    ['/**', '/', {}],
    ['/', '/', {}],
    ['/', '/a', undefined],
    ['/trips/:trip/steps/:step', '/trips/3/steps/7', { trip: '3', step: '7' }],
    ['/a(b)', '/a%28b%29', {}],
    ['/steps/', '/steps', {}],
  ])('%s against %s', (pattern, path, params) => {
    const trie = new PatternTrie<string>();
    trie.add(pattern, 'found');
    const match = trie.first(path);
    expect(match === undefined ? undefined : { ...match.params }).toEqual(params);
    expect(pathMatchesPattern(path, patternShape(parsePattern(pattern)))).toBe(params !== undefined);
  });

  test.each([
    ['steps/:id', 'must start with a slash'],
    ['/steps?x=1', 'cannot have a query'],
    ['/**/steps', 'must be the last'],
    ['/steps/:', 'not a parameter name'],
    ['/steps/:a-b', 'not a parameter name'],
    ['/:id/:id', 'occurs twice'],
    ['/step*', 'mixes'],
  ])('%s is none: %s', (pattern, message) => {
    expect(() => parsePattern(pattern)).toThrow(PatternError);
    expect(() => parsePattern(pattern)).toThrow(message);
  });

  test('a parameter called __proto__ is only a name', () => {
    const trie = new PatternTrie<string>();
    trie.add('/:__proto__', 'found');
    expect(trie.first('/x')?.params).toHaveProperty('__proto__', 'x');
    expect({}).not.toHaveProperty('x');
  });
});

test('literals can be compared in another form; values stay as they are', () => {
  const trie = new PatternTrie<string>((segment) => segment.toLowerCase());
  trie.add('/Steps/:id', 'found');
  expect(trie.first('/sTEPS/aB')?.params).toHaveProperty('id', 'aB');
  expect(trie.first('/step/aB')).toBeUndefined();
});

test('all matching patterns come in the order in which they were added', () => {
  const trie = new PatternTrie<number>();
  for (const [i, pattern] of ['/**', '/a/:x', '/a/b', '/*/b', '/a/**', '/c'].entries()) trie.add(pattern, i);
  expect(trie.matches('/a/b').map(({ data }) => data)).toEqual([0, 1, 2, 3, 4]);
  expect(trie.first('/a/b')?.data).toBe(0);
  expect(trie.matches('/c').map(({ data }) => data)).toEqual([0, 5]);
});

test('the first match is the first of all matches, whatever was added before it', () => {
  const segment = fc.constantFrom('a', 'b', 'c');
  const wild = fc.oneof(segment, fc.constantFrom('*', ':x'));
  const pattern = fc
    .tuple(fc.array(wild, { maxLength: 3 }), fc.constantFrom([], ['**']))
    .map(([head, rest]) => `/${[...head, ...rest].map((s, i) => (s === ':x' ? `:x${i}` : s)).join('/')}`);
  const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 12 }), path, (patterns, resource) => {
      const trie = new PatternTrie<number>();
      for (const [i, each] of patterns.entries()) trie.add(each, i);
      const expected = patterns.flatMap((each, i) =>
        pathMatchesPattern(resource, patternShape(parsePattern(each))) ? [i] : [],
      );
      expect(trie.matches(resource).map(({ data }) => data)).toEqual(expected);
      expect(trie.first(resource)).toEqual(trie.matches(resource)[0]);
    }),
  );
});

test.each([
  ['/steps/7', '/steps/7', true],
  ['/steps/7', '/steps/8', false],
  ['/steps/*', '/steps/7', true],
  ['/steps/*', '/*/7', true],
  ['/steps/*', '/steps', false],
  ['/steps/*', '/trips/*', false],
  ['/steps/**', '/steps', true],
  ['/**', '/a/b/c', true],
  ['/a/*/c', '/a/**', true],
  ['/', '/**', true],
])('%s and %s overlap: %s', (a, b, overlap) => {
  expect(patternsOverlap(a, b)).toBe(overlap);
  expect(patternsOverlap(b, a)).toBe(overlap);
});

test.each([
  ['/steps/7', '/steps/7', true],
  ['/steps/7', '/steps/*', true],
  ['/steps/*', '/steps/7', false],
  ['/steps/*', '/steps/*', true],
  ['/steps/*', '/steps/**', true],
  ['/steps/**', '/steps/*', false],
  ['/steps', '/steps/**', true],
  ['/steps', '/steps/*', false],
  ['/steps/7/inns', '/steps/*', false],
  ['/', '/**', true],
  ['/', '/*', false],
  ['/**', '/', false],
  ['/', '/', true],
])('%s is within %s: %s', (narrow, wide, within) => {
  expect(isPatternWithin(narrow, wide)).toBe(within);
});
