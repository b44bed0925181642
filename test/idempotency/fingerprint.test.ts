import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { fingerprintOf } from '../../src/idempotency/fingerprint.ts';

const json = 'application/json';
const print = (body: string | Buffer, type = json, more: string[] = []): string =>
  fingerprintOf(new Fields(['Content-Type', type, ...more]), Buffer.from(body));

describe('the fingerprint of a payload', () => {
  test.each([
    ['white space and the order of members', '{"a":1,"b":[1,2]}', ' { "b" : [ 1, 2 ],\n"a": 1 } '],
    ['escapes', '{"n":"é/"}', '{"n":"\\u00e9\\/"}'],
    ['the spelling of a number', '[1, 100, 0.5]', '[1.0, 1e2, 5E-1]'],
    ['the spelling of a number beyond 2^53', '[9007199254740993]', '[9007199254740993.0]'],
    ['a byte order mark', '{}', '\uFEFF{}'],
  ])('is the same for %s', (_, one, other) => {
    expect(print(one)).toBe(print(other));
  });

  test.each([
    ['another value', '{"a":1}', '{"a":2}'],
    ['the order of elements', '[1,2]', '[2,1]'],
    ['null and nothing', '{"a":null}', '{}'],
    ['a text and a number', '{"a":"1"}', '{"a":1}'],
    ['integers that one double stands for', '[9007199254740992]', '[9007199254740993]'],
    ['huge exponents', '[1e99999999999999999999]', '[1e99999999999999999998]'],
    ['a member called __proto__', '{"__proto__":1}', '{"__proto__":2}'],
    ['duplicate members, of which parsers take one', '{"a":1,"a":2}', '{"a":1,"a":3}'],
    ['what is not JSON', '{"a":', '{"b":'],
    ['nothing and null', '', 'null'],
  ])('differs for %s', (_, one, other) => {
    expect(print(one)).not.toBe(print(other));
  });

  test('parameters of the media type make no difference, the type does', () => {
    expect(print('{}', 'application/json; charset=utf-8')).toBe(print('{}', 'Application/JSON'));
    expect(print('{}', 'application/merge-patch+json')).not.toBe(print('{}', json));
  });

  test('a form is compared without the boundary, which clients draw again', () => {
    const form = (boundary: string, value: string): string =>
      print(
        `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n${value}\r\n--${boundary}--\r\n`,
        `multipart/form-data; boundary=${boundary}`,
      );
    expect(form('abc', '1')).toBe(form('xyz', '1'));
    expect(form('abc', '1')).not.toBe(form('abc', '2'));
  });

  test('a form of very many parts is compared by its bytes', () => {
    const form = (boundary: string, parts: number): string =>
      print(`--${boundary}\r\n\r\n1\r\n`.repeat(parts), `multipart/form-data; boundary=${boundary}`);
    expect(form('abc', 1_000)).toBe(form('xyz', 1_000));
    expect(form('abc', 1_001)).toBe(form('abc', 1_001));
    expect(form('abc', 1_001)).not.toBe(form('xyz', 1_001));
  });

  test.each([
    [70, true],
    [71, false],
  ])('of a form whose boundary has %i characters, the parts are compared: %s', (length, compared) => {
    const form = (letter: string): string =>
      print(
        `--${letter.repeat(length)}\r\n\r\n1\r\n--${letter.repeat(length)}--\r\n`,
        `multipart/form-data; boundary=${letter.repeat(length)}`,
      );
    expect(form('a') === form('b')).toBe(compared);
  });

  test('what is nested too deeply is compared by its bytes', () => {
    const deep = (inner: string): string => '['.repeat(5_000) + inner + ']'.repeat(5_000);
    expect(print(deep('1'))).toBe(print(deep('1')));
    expect(print(deep('1'))).not.toBe(print(deep('2')));
  });
});
