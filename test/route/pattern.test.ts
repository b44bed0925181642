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
    ['/steps/:id.json', '/steps/7.json', { id: '7' }],
    ['/steps/:id.json', '/steps/7.json.json', { id: '7.json' }],
    ['/steps/:id.json', '/steps/.json', undefined],
    ['/steps/:id.json', '/steps/7', undefined],
    ['/steps/:id.json', '/steps/7.xml', undefined],
    ['/issues.:format', '/issues.json', { format: 'json' }],
    ['/issues.:format', '/issues.', undefined],
    ['/issues.:format', '/issues', undefined],
    ['/files/:name.:ext', '/files/a.tar.gz', { name: 'a.tar', ext: 'gz' }],
    ['/files/:name.:ext', '/files/a..gz', { name: 'a.', ext: 'gz' }],
    ['/files/:name.:ext', '/files/.gz', undefined],
    ['/files/:name.:ext', '/files/a.', undefined],
    ['/v:major.:minor-:kind/a', '/v1.2-x/a', { major: '1', minor: '2', kind: 'x' }],
    ['/steps/:a-b', '/steps/x-b', { a: 'x' }],
    ['/:name%2F:rest', '/a%2Fb', { name: 'a', rest: 'b' }],
    ['/:id%32F', '/x%2F', undefined],
    ['/:a%32F:b', '/x%2Fy', undefined],
    ['/:aé', '/xe', undefined],
    ['/:aé', '/x%C3%A9', { a: 'x' }],
    ['/:a(b)', '/x%28b%29', { a: 'x' }],
    ['/a%3A:b', '/a%3Ax', { b: 'x' }],
    ['/things%3Abatch', '/things%3Abatch', {}],
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
    ['/steps/a:', 'not a parameter name'],
    ['/steps/a:1', 'not a parameter name'],
    ['/:a:b', 'no text between'],
    [`/:a${'-'.repeat(33)}:b`, 'too long'],
    ['/:id.:id', 'occurs twice'],
    ['/:id/x-:id', 'occurs twice'],
    ['/a/{id}', 'not a parameter'],
    ['/a/<int:id>', 'not a parameter'],
    ['/a/$id', 'not a parameter'],
    ['^/api/(.*)$', 'no regular expression'],
    ['/api/.*', 'no regular expression'],
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

test('so can the literal text around a parameter', () => {
  const trie = new PatternTrie<string>((segment) => segment.toLowerCase());
  trie.add('/steps/:id.json', 'found');
  expect(trie.first('/Steps/aB.JSON')?.data).toBe('found');
  expect(trie.first('/Steps/aB.json')?.params).toHaveProperty('id', 'aB');
});

test('matching is linear in the path, whatever the pattern', () => {
  const trie = new PatternTrie<string>();
  const names = Array.from({ length: 60 }, (_, i) => `:p${i}`);
  trie.add(`/${names.join('.'.repeat(32))}.b`, 'found');
  trie.add(`/${names.join('.-')}.c`, 'found');
  const path = `/${'.'.repeat(1_000_000)}`;
  // With backtracking, neither of these would end.
  expect(trie.first(`${path}b`)?.data).toBe('found');
  expect(trie.first(`${path}c`)?.data).toBeUndefined();
});

test.each([
  ['^/api/(.*)$', 'write /api/**'],
  ['/api/.*', 'write /api/**'],
  ['^/api/([^/]+)/x$', 'write /api/*/x'],
  ['^/api/(a|b)/x$', 'write "*" for one segment, and "**" for the rest: /api/**'],
  ['^/steps/(\\d+)$', 'write /steps/*'],
  ['/steps/[0-9]+/inns', 'write /steps/*/inns'],
  ['/a/{id}', 'write :id'],
  ['/a/{step-id}', 'write :stepId'],
  ['/a/<int:id>', 'write :id'],
  ['/a/$id', 'write :id; a literal dollar sign is %24'],
])('%s: %s', (pattern, hint) => {
  expect(() => parsePattern(pattern)).toThrow(expect.objectContaining({ hint }));
});

test('all matching patterns come in the order in which they were added', () => {
  const trie = new PatternTrie<number>();
  for (const [i, pattern] of ['/**', '/a/:x', '/a/b', '/*/b', '/a/**', '/c'].entries()) trie.add(pattern, i);
  expect(trie.matches('/a/b').map(({ data }) => data)).toEqual([0, 1, 2, 3, 4]);
  expect(trie.first('/a/b')?.data).toBe(0);
  expect(trie.matches('/c').map(({ data }) => data)).toEqual([0, 5]);
});

test('the first match is the first of all matches, whatever was added before it', () => {
  const segment = fc.constantFrom('a', 'b', 'c', 'ab', 'a.b', 'ca.b.b');
  const wild = fc.oneof(segment, fc.constantFrom('*', ':x', ':x.b', 'a:x', 'c:x.:y'));
  const pattern = fc
    .tuple(fc.array(wild, { maxLength: 3 }), fc.constantFrom([], ['**']))
    .map(
      ([head, rest]) => `/${[...head, ...rest].map((s, i) => s.replace(/:[xy]/g, (name) => `${name}${i}`)).join('/')}`,
    );
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
  ['/*.json', '/7.json', true],
  ['/*.json', '/.json', false],
  ['/*.json', '/*', true],
  ['/*.json', '/7*', true],
  ['/*.json', '/*.xml', false],
  ['/a*.json', '/ab*', true],
  ['/a*.json', '/b*', false],
  ['/*.json', '/a/7.json', false],
  ['/*2F', '/a%2F', false],
  ['/*2F', '/*%2F', false],
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
  ['/7.json', '/*.json', true],
  ['/*.json', '/*', true],
  ['/*', '/*.json', false],
  ['/*.json', '/*.*', true],
  ['/*.*', '/*.json', false],
  ['/a*.json', '/*.json', true],
  ['/*.json', '/a*.json', false],
  ['/*.b.json', '/*.json', true],
  ['/**', '/*.json', false],
])('%s is within %s: %s', (narrow, wide, within) => {
  expect(isPatternWithin(narrow, wide)).toBe(within);
});
