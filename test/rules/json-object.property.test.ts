import fc from 'fast-check';
import { type Node, parseTree } from 'jsonc-parser';
import { expect, test } from 'vitest';
import { parseObjects, type TextValue } from '../../src/rules/json-object.ts';

/* Where values are in a JSON text, against a parser that nobody here wrote. */

type Found = { readonly start: number; readonly end: number; readonly members?: readonly [string, string, Found][] };

const found = ({ start, end, members }: TextValue): Found =>
  ({
    ...{ start, end },
    ...(members && {
      members: [...members.values()].map(({ name, key, value }) => [name, key, found(value)] as const),
    }),
  }) as Found;

function expected(text: string, { offset, length, type, children = [] }: Node): Found {
  const span = { start: offset, end: offset + length };
  if (type !== 'object') return span;
  const members = children.map(({ children: [key, value] = [] }) => {
    if (key === undefined || value === undefined) throw new Error('a member has a name and a value');
    return [key.value as string, text.slice(key.offset, key.offset + key.length), expected(text, value)] as const;
  });
  return { ...span, members: members as [string, string, Found][] };
}

const hostile = fc.constantFrom(
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\u2028',
  '\ud800',
  '__proto__',
  'null',
  '\n',
  '',
);
const string = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.array(hostile, { maxLength: 6 }).map((parts) => parts.join('')),
);
const { value: document } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.oneof(fc.constant(null), fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }), string),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(string, tie('value'), { maxKeys: 4 }),
  ),
}));
/** Every character as it is, as an escape, or as JSON.stringify writes it; with white space between tokens. */
const spaces = fc.constantFrom(undefined, 1, '\t', ' \r\n');
const escaped = (text: string): string =>
  text.replace(/[a-z_](?=[^"]*":)/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

test('members are where they are', () => {
  fc.assert(
    fc.property(document, spaces, fc.boolean(), fc.boolean(), (value, space, padded, escapes) => {
      const plain = JSON.stringify(value, undefined, space);
      const text = padded ? ` \n${plain}\r\t` : plain;
      const written = escapes ? sameValue(text, escaped(text)) : text;
      const tree = parseTree(written);
      if (tree === undefined) throw new Error('the text is JSON');
      expect(found(parseObjects(written))).toEqual(expected(written, tree));
    }),
  );
});

/** `other`, if it is the same value: otherwise an escape has gone wrong, and the text is left as it is. */
function sameValue(text: string, other: string): string {
  try {
    return JSON.stringify(JSON.parse(other)) === JSON.stringify(JSON.parse(text)) ? other : text;
  } catch {
    return text;
  }
}
