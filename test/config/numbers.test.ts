import { expect, test } from 'vitest';
import { configOf } from './parse.ts';

/* Numbers that `when: equals` compares with those of a body, whose digits are kept. */

const rows: [string, string][] = [
  ['7', '7'],
  ['-7', '-7'],
  ['1.50', '1.5'],
  ['9007199254740991', '9007199254740991'],
  ['9007199254740993', '9007199254740993'],
  ['-9007199254740993', '-9007199254740993'],
  ['+9007199254740993', '9007199254740993'],
  ['0x20000000000001', '9007199254740993'],
  ['123456789012345678901234567890', '123456789012345678901234567890'],
  ['0.12345678901234567891', '0.12345678901234567891'],
  ['1e400', '1e400'],
  ['"9007199254740993"', '9007199254740993'],
];
test.each(rows)('%s', (written, value) => {
  const when = `when: { equals: { request.id: [1, ${written}] } }`;
  const { rules } = configOf(`origin: { url: http://x }
rules: [{ name: r, on: PUT /a, ${when}, invalidate: [/b] }]
`);
  expect(rules[0]?.when?.equals).toEqual([{ source: 'request.id', values: ['1', value] }]);
});
