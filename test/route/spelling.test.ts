import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldedPath, foldedQuery, foldedTag, plainPattern, spelledPlainly } from '../../src/route/spelling.ts';

/* One form of all spellings. */

const folded = (text: string): string => foldedTag(text, ['case']);

// A sigma at the end of a word has a form of its own; "ß" and "ẞ" are "SS" in upper case.
const piece = fc.constantFrom('ΟΔΟΣ', 'Σ', 'σ', 'ς', ':', 'B', 'ß', 'ẞ', 'SS', 'É', ' ');
const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));

test('the form of a text is that of its parts: a pattern of tags has parts, and a tag is whole', () => {
  fc.assert(fc.property(text, text, (one, other) => folded(one + other) === folded(one) + folded(other)));
});

test('all cases of a text have one form, and that has itself', () => {
  fc.assert(
    fc.property(text, (each) => {
      const form = folded(each);
      for (const again of [each.toLowerCase(), each.toUpperCase(), form]) expect(folded(again)).toBe(form);
    }),
  );
});

test.each([
  ['names and values', 'Item=B&a=1', 'a=1&item=b'],
  ['one that is no UTF-8 beside one that is', 'a=caf%C3%89&x=%E9', 'a=caf%C3%A9&x=%C3%A9'],
  ['an escaped separator', 'item=B%26C%3DD', 'item=b%26c%3Dd'],
  ['one without a value', 'Item=', 'item='],
  ['none', '', ''],
])('the form of a query: %s', (_what, query, form) => {
  expect([query, form].map((each) => foldedQuery(each, ['case']))).toEqual([form, form]);
});

test.each([
  ['/items/:id.json', '/items/:id'],
  ['/report.csv', '/report'],
  ['/items/:id.:ext', '/items/:id'],
  ['/files/.:ext', '/files/.:ext'],
  ['/files/*.tar.gz', '/files/*.tar'],
  // A dot at the beginning is part of a name.
  ['/.hidden', '/.hidden'],
  ['/files/.hidden', '/files/.hidden'],
])('without an extension, the pattern %s is %s', (pattern, plain) => {
  expect(plainPattern(pattern, ['extension'])).toBe(plain);
  // Of a pattern without params, as of the path that it is.
  if (!pattern.includes(':')) expect(spelledPlainly(pattern, ['extension'])).toBe(plain);
});

test.each([
  ['/Items/*', '/items/*'],
  ['/Items/*.JSON', '/items/*.json'],
  ['/Items/A*B/**', '/items/a*b/**'],
  // A star that is meant.
  ['/Items/A%2AB', '/items/a%2Ab'],
])('in one case, the wildcards of %s stay: %s', (pattern, form) => {
  expect(foldedPath(pattern, ['case'])).toBe(form);
});
