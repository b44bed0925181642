import { expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { idempotencyKeyOf } from '../../src/idempotency/key-field.ts';

const name = 'Idempotency-Key';
const uuid = '8e03978e-40d5-43dd-bc93-6894a57f9324';

test.each([
  ['a structured string (RFC 9651 §3.3.3)', [name, `"${uuid}"`], { key: uuid }],
  ['a bare token, as most clients send it', [name, uuid], { key: uuid }],
  ['escapes', [name, '"a\\"b\\\\"'], { key: 'a"b\\' }],
  ['white space around it', [name, ` ${uuid}\t`], { key: uuid }],
  ['none', ['X-Other', '1'], 'missing'],
  ['an empty one', [name, ''], 'malformed'],
  ['an empty string', [name, '""'], 'malformed'],
  ['an open string', [name, '"abc'], 'malformed'],
  ['a list', [name, '"a", "b"'], 'malformed'],
  ['a list of tokens', [name, 'a,b'], 'malformed'],
  ['two fields', [name, 'a', name, 'a'], 'malformed'],
  ['a parameter behind it', [name, '"a";b=1'], 'malformed'],
  ['characters that are not ASCII', [name, 'é'], 'malformed'],
  ['255 characters', [name, 'k'.repeat(255)], { key: 'k'.repeat(255) }],
  ['256 characters', [name, 'k'.repeat(256)], 'malformed'],
])('%s', (_, lines, expected) => {
  expect(idempotencyKeyOf(new Fields(lines as string[]))).toEqual(expected);
});
