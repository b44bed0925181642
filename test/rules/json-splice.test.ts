import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Change, spliceElement } from '../../src/rules/json-splice.ts';
import { locate } from '../../src/rules/json-text.ts';

const put = (text: string, add: 'end' | 'start' | 'never' | 'unknown' = 'end'): Change => ({ kind: 'put', text, add });
const over = (was: unknown, text: string): Change => ({ kind: 'put', text, add: 'end', was: { value: was } });
const remove = (key: string): Change => ({ kind: 'remove', key });
const inns = { at: ['inns'], key: 'id' };

describe('everything but the element stands as it was written', () => {
  const rows: [string, Change, string][] = [
    [
      '{ "inns" : [ {"id":1, "n":"a"} , {"id":2,"n":"b"} ] }',
      put('{"n":"é","id":2}'),
      '{ "inns" : [ {"id":1, "n":"a"} , {"n":"é","id":2} ] }',
    ],
    ['{"inns":[{"id":1}]}', put('{"id":2}'), '{"inns":[{"id":1},{"id":2}]}'],
    ['{"inns":[{"id":1}]}', put('{"id":2}', 'start'), '{"inns":[{"id":2},{"id":1}]}'],
    ['{"inns":[ ]}', put('{"id":2}'), '{"inns":[{"id":2}]}'],
    ['{"inns":[{"id":1} , {"id":2} , {"id":3}]}', remove('1'), '{"inns":[{"id":2} , {"id":3}]}'],
    ['{"inns":[{"id":1} , {"id":2} , {"id":3}]}', remove('2'), '{"inns":[{"id":1} , {"id":3}]}'],
    ['{"inns":[{"id":1} , {"id":2} , {"id":3}]}', remove('3'), '{"inns":[{"id":1} , {"id":2}]}'],
    ['{"inns":[{"id":1}]}', remove('1'), '{"inns":[]}'],
    ['{"inns":[{"id":1}]}', remove('9'), '{"inns":[{"id":1}]}'],
    // Numbers beyond 2^53 stay as they were written, and tell elements apart.
    [
      '{"x":9007199254740993,"inns":[{"id":9007199254740993}]}',
      put('{"id":9007199254740992}'),
      '{"x":9007199254740993,"inns":[{"id":9007199254740993},{"id":9007199254740992}]}',
    ],
    ['{"\\u0069nns":[{"i\\u0064":"\\"]}"}]}', remove('"]}'), '{"\\u0069nns":[]}'],
  ];
  test.each(rows)('%s', (parent, change, expected) => {
    expect(spliceElement(parent, inns, change)).toMatchObject({ text: expected });
  });
});

test('members may be there or not, and stand in any order, where it takes the place of what was', () => {
  const parent = '{"inns":[{"id":1,"n":2},{"id":2,"note":"x"}]}';
  expect(spliceElement(parent, inns, over({ n: 2, id: 1 }, '{"id":1,"n":3}'))).toEqual({
    text: '{"inns":[{"id":1,"n":3},{"id":2,"note":"x"}]}',
    inPlace: true,
  });
});

describe('whether there are as many as before', () => {
  const rows: [Change, boolean][] = [
    [put('{"id":1}'), true],
    [put('{"id":2}'), false],
    [remove('1'), false],
    // Of a page that does not hold it, another may.
    [remove('9'), false],
  ];
  test.each(rows)('%j', (change, inPlace) => {
    expect(spliceElement('{"inns":[{"id":1}]}', inns, change)).toMatchObject({ inPlace });
  });
});

describe('what is uncertain', () => {
  const rows: [string, readonly string[], Change, RegExp][] = [
    ['{"a":1}', ['inns'], put('{"id":1}'), /no value at that place/],
    ['{"inns":{"id":1}}', ['inns'], remove('1'), /only an element of an array/],
    ['{"inns":{"id":1}}', ['inns'], put('{"id":2}'), /the id differs/],
    ['{"inns":null}', ['inns'], put('{"id":2}'), /neither/],
    ['[{"id":1}]', ['01'], put('{"id":1}'), /no value at that place/],
    ['[{"id":1}]', ['-'], put('{"id":1}'), /no value at that place/],
    ['{"inns":[{"id":null}]}', ['inns'], put('{"id":1}'), /an element has no id/],
    ['{"inns":[{"id":1}]}', ['inns'], put('{"id":2}', 'never'), /the rule does not say where/],
    ['{"inns":[{"id":1}]}', ['inns'], put('{"id":2}', 'unknown'), /under another key: before is not known/],
    ['{"inns":[]}', ['inns'], put('{"name":1}'), /the representation has no id/],
    ['{"inns":[]}', ['inns'], put('[1]'), /the representation has no id/],
    ['{"inns":[{"id":"42"}]}', ['inns'], put('{"id":42}'), /differs from what it would replace/],
    ['{"inns":{"id":"42"}}', ['inns'], put('{"id":42}'), /differs from what it would replace/],
    ['{"inns":[{"id":1,"r":[1]}]}', ['inns'], put('{"id":1,"r":[{"id":1}]}'), /differs from what it would replace/],
    // Nothing is known of the element replaced; its neighbours are of another kind.
    ['{"inns":[{"id":1,"r":[]},{"id":2,"r":[1]}]}', ['inns'], put('{"id":1,"r":[{"id":1}]}'), /would replace/],
    [
      '{"inns":[{"id":1,"r":[]},{"id":2,"r":[1]}]}',
      ['inns'],
      put('{"id":3,"r":[{"id":1}]}'),
      /differs from the other elements/,
    ],
    ['{"inns":[{"id":1},{"id":2,"n":1}]}', ['inns'], put('{"id":3}'), /differs from the other elements/],
    [
      '{"inns":[{"id":1,"n":2}]}',
      ['inns'],
      over({ id: 1, n: 1 }, '{"id":1,"n":3}'),
      /differs from the resource before/,
    ],
    ['{"inns":{"id":1,"n":2}}', ['inns'], over({ id: 1, n: 1 }, '{"id":1,"n":3}'), /differs from the resource before/],
    [
      '{"inns":[{"id":1,"n":9007199254740993}]}',
      ['inns'],
      over({ id: 1, n: 2 ** 53 }, '{"id":1,"n":3}'),
      /differs from the resource/,
    ],
  ];
  test.each(rows)('%s at %s', (parent, at, change, reason) => {
    const spliced = spliceElement(parent, { at, key: 'id' }, change);
    expect('uncertain' in spliced && spliced.uncertain).toMatch(reason);
  });
});

test('every place in any JSON is found, and is what the parser says', () => {
  const space = fc.constantFrom('', ' ', '\n\t');
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), space, (value, indent) => {
      const text = `${indent}${JSON.stringify(value, null, indent)}${indent}`;
      const visit = (node: unknown, tokens: string[]): void => {
        const span = locate(text, tokens);
        expect(span && JSON.parse(text.slice(span.start, span.end))).toEqual(JSON.parse(JSON.stringify(node)));
        if (typeof node !== 'object' || node === null) return;
        for (const [key, below] of Object.entries(node)) visit(below, [...tokens, key]);
      };
      visit(value, []);
    }),
  );
});

test('a splice is what the same change to the parsed value would be', () => {
  const element = fc.record({ id: fc.integer({ min: 0, max: 9 }), name: fc.string() });
  const elements = fc.uniqueArray(element, { selector: ({ id }) => id, maxLength: 6 });
  fc.assert(
    fc.property(elements, element, fc.constantFrom('', '  '), (list, fresh, indent) => {
      const parent = JSON.stringify({ note: '"inns":[', inns: list }, null, indent);
      const known = list.some(({ id }) => id === fresh.id);
      const expected = known ? list.map((each) => (each.id === fresh.id ? fresh : each)) : [...list, fresh];
      const spliced = spliceElement(parent, inns, put(JSON.stringify(fresh)));
      expect('text' in spliced && JSON.parse(spliced.text)).toEqual({ note: '"inns":[', inns: expected });
      const removed = spliceElement(parent, inns, remove(String(fresh.id)));
      const left = list.filter(({ id }) => id !== fresh.id);
      expect('text' in removed && JSON.parse(removed.text)).toEqual({ note: '"inns":[', inns: left });
    }),
  );
});
