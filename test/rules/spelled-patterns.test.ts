import { expect, test } from 'vitest';
import type { PathDifference } from '../../src/route/spelling.ts';
import { SpelledPatterns } from '../../src/rules/spelled-patterns.ts';

/* Patterns that find what they name under every spelling. `a=b, c` stands for the params. */

function patternsOf(ignored: readonly PathDifference[], patterns: readonly string[]) {
  const spelled = new SpelledPatterns<{ readonly pattern: string }>({
    ignored: ignored.length === 0 ? [] : [ignored],
    ignoredAt: () => ignored,
  });
  for (const pattern of patterns) spelled.add(pattern, { pattern });
  return spelled;
}

const written = (params: Readonly<Record<string, string>>): string =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');

test.each<[string, readonly PathDifference[], string[], string, [string, string, string?][]]>([
  ['a literal', ['case'], ['/Items/:id'], '/ITEMS/B', [['/Items/:id', 'id=B']]],
  ['text around a param', ['case'], ['/named/:id.json'], '/NAMED/B.JSON', [['/named/:id.json', 'id=B']]],
  ['text between two', ['case'], ['/two/:a-x-:b'], '/two/A-X-B', [['/two/:a-x-:b', 'a=A, b=B']]],
  ['a text that is longer in one case', ['case'], ['/x/:id.ss'], '/x/%C3%9F.%C3%9F', [['/x/:id.ss', 'id=ss']]],
  ['an extension', ['extension'], ['/items/:id'], '/items/b.json', [['/items/:id', 'id=b', 'id=b.json']]],
  ['another extension', ['extension'], ['/items/:id.json'], '/items/b.xml', [['/items/:id.json', 'id=b']]],
  ['its own extension', ['extension'], ['/items/:id.json'], '/items/b.json', [['/items/:id.json', 'id=b']]],
  [
    'an extension that is a param',
    ['extension'],
    ['/items/:id.:ext'],
    '/items/b.c',
    [['/items/:id.:ext', 'id=b, ext=c']],
  ],
  ['none, where it is a param', ['extension'], ['/items/:id.:ext'], '/items/b', [['/items/:id.:ext', 'id=b']]],
  [
    'an extension that is a param, behind parameters',
    ['extension', 'parameters'],
    ['/items/:id.:ext'],
    '/items/b%3Bv=1.c',
    [['/items/:id.:ext', 'id=b, ext=c', 'id=b;v=1, ext=c']],
  ],
  ['a literal extension', ['extension'], ['/report.csv'], '/report.pdf', [['/report.csv', '']]],
  ['a dot at the beginning', ['extension'], ['/.hidden'], '/.other', []],
  ['parameters', ['parameters'], ['/items/:id/x'], '/items/b%3Bv=1/x', [['/items/:id/x', 'id=b', 'id=b;v=1']]],
  [
    'case and an extension',
    ['case', 'extension'],
    ['/items/:id'],
    '/ITEMS/B.json',
    [['/items/:id', 'id=B', 'id=B.json']],
  ],
  [
    'patterns that match one of the two, in the order of adding',
    ['extension'],
    ['/a/:x.:ext', '/a/1', '/a/:id'],
    '/a/1.json',
    [
      ['/a/:x.:ext', 'x=1, ext=json'],
      ['/a/1', ''],
      ['/a/:id', 'id=1', 'id=1.json'],
    ],
  ],
])('%s', (_what, ignored, patterns, resource, expected) => {
  const found = patternsOf(ignored, patterns).matches(resource);
  expect(
    found.map(({ data, params, asSent }) => [data.pattern, written(params), ...(asSent ? [written(asSent)] : [])]),
  ).toEqual(expected);
});

test.each<[string, readonly PathDifference[], string[], string, [string, string][]]>([
  [
    'the first as it is sent, and all of what is left: an extension hides nothing that is read without it',
    ['extension'],
    ['/a/:x.:ext', '/a/:id.xml', '/a/:id', '/a/*', '/b/:id'],
    '/a/1.json',
    [
      ['/a/:x.:ext', 'x=1, ext=json'],
      ['/a/:id.xml', 'id=1'],
      ['/a/:id', 'id=1'],
      ['/a/*', ''],
    ],
  ],
  [
    'one with both of its ids',
    ['extension'],
    ['/a/:id'],
    '/a/1.c',
    [
      ['/a/:id', 'id=1.c'],
      ['/a/:id', 'id=1'],
    ],
  ],
  [
    'each once, in every case',
    ['case'],
    ['/A/:id', '/a/:id'],
    '/a/B',
    [
      ['/A/:id', 'id=B'],
      ['/a/:id', 'id=B'],
    ],
  ],
  ['only the first, where nothing is ignored', [], ['/a/:id', '/a/*'], '/a/1', [['/a/:id', 'id=1']]],
  ['none', ['extension'], ['/a/:id'], '/b/1', []],
])('which may be the first of a spelling: %s', (_what, ignored, patterns, resource, expected) => {
  const found = patternsOf(ignored, patterns).firstCandidates(resource);
  expect(found.map(({ data, params }) => [data.pattern, written(params)])).toEqual(expected);
});

test('where nothing is ignored, patterns match as they stand', () => {
  const patterns = new SpelledPatterns<{ readonly pattern: string }>({ ignored: [], ignoredAt: () => [] });
  patterns.add('/items/:id', { pattern: '' });
  expect([
    patterns.matches('/items/b.json').map(({ params }) => written(params)),
    patterns.firstCandidates('/ITEMS/b'),
  ]).toEqual([['id=b.json'], []]);
});
