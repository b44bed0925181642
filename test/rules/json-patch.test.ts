import { describe, expect, it } from 'vitest';
import { jsonPatched } from '../../src/rules/json-patch.ts';

/* RFC 6902, its appendix A, and what it must not do. */

const patched = (target: string, operations: string) => jsonPatched(JSON.parse(target), JSON.parse(operations));

describe('RFC 6902, appendix A', () => {
  it.each([
    ['A.1', '{"foo":"bar"}', '[{"op":"add","path":"/baz","value":"qux"}]', '{"baz":"qux","foo":"bar"}'],
    ['A.2', '{"foo":["bar","baz"]}', '[{"op":"add","path":"/foo/1","value":"qux"}]', '{"foo":["bar","qux","baz"]}'],
    ['A.3', '{"baz":"qux","foo":"bar"}', '[{"op":"remove","path":"/baz"}]', '{"foo":"bar"}'],
    ['A.4', '{"foo":["bar","qux","baz"]}', '[{"op":"remove","path":"/foo/1"}]', '{"foo":["bar","baz"]}'],
    ['A.5', '{"baz":"qux"}', '[{"op":"replace","path":"/baz","value":"boo"}]', '{"baz":"boo"}'],
    [
      'A.6',
      '{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}',
      '[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]',
      '{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}',
    ],
    [
      'A.7',
      '{"foo":["all","grass","cows","eat"]}',
      '[{"op":"move","from":"/foo/1","path":"/foo/3"}]',
      '{"foo":["all","cows","eat","grass"]}',
    ],
    [
      'A.8',
      '{"baz":"qux","foo":["a",2,"c"]}',
      '[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]',
      '{"baz":"qux","foo":["a",2,"c"]}',
    ],
    [
      'A.10',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/child","value":{"grandchild":{}}}]',
      '{"foo":"bar","child":{"grandchild":{}}}',
    ],
    ['A.11', '{"foo":"bar"}', '[{"op":"add","path":"/baz","value":"qux","xyz":123}]', '{"foo":"bar","baz":"qux"}'],
    ['A.14', '{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":10}]', '{"/":9,"~1":10}'],
    [
      'A.16',
      '{"foo":["bar"]}',
      '[{"op":"add","path":"/foo/-","value":["abc","def"]}]',
      '{"foo":["bar",["abc","def"]]}',
    ],
    ['the whole', '{"a":1}', '[{"op":"replace","path":"","value":[1]}]', '[1]'],
    [
      'a copy',
      '{"a":{"b":1}}',
      '[{"op":"copy","from":"/a","path":"/c"},{"op":"remove","path":"/a/b"}]',
      '{"a":{},"c":{"b":1}}',
    ],
  ])('%s', (_, target, operations, result) => {
    expect(patched(target, operations)).toEqual({ value: JSON.parse(result) });
  });

  it.each([
    ['A.9', '{"baz":"qux"}', '[{"op":"test","path":"/baz","value":"bar"}]'],
    ['A.12', '{"foo":"bar"}', '[{"op":"add","path":"/baz/bat","value":"qux"}]'],
    ['A.15', '{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":"10"}]'],
    ['no list', '{}', '{"op":"remove","path":"/a"}'],
    ['no operation', '{}', '[5]'],
    ['another operation', '{}', '[{"op":"increment","path":"/a"}]'],
    ['beyond the end', '{"a":[1]}', '[{"op":"add","path":"/a/2","value":1}]'],
    ['an index with a zero', '{"a":[1]}', '[{"op":"remove","path":"/a/00"}]'],
    ['the length of a list', '{"a":[1]}', '[{"op":"remove","path":"/a/length"}]'],
    ['into itself', '{"a":{"b":1}}', '[{"op":"move","from":"/a","path":"/a/b/c"}]'],
    ['a place below a prototype', '{}', '[{"op":"add","path":"/__proto__/x","value":1}]'],
  ])('is refused: %s', (_, target, operations) => {
    expect(patched(target, operations)).toHaveProperty('why');
  });
});

it('a document that doubles again and again is refused', () => {
  const doubling = Array.from({ length: 64 }, (_, i) => ({ op: 'copy', from: '', path: `/c${i}` }));
  expect(jsonPatched({ a: 'x'.repeat(100) }, doubling)).toEqual({ why: expect.stringContaining('copies too much') });
});

describe('what would take too long is refused', () => {
  const [longest, list] = [5000, Array.from({ length: 60_000 }, () => 0)];
  const many = (operation: object) => Array(longest).fill(operation) as object[];
  const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });
  it.each<[string, object[], string]>([
    ['a long list is moved along', many({ op: 'add', path: '/list/0', value: 1 }), 'takes too long'],
    ['a long list is looked through', many({ op: 'move', from: '/list', path: '/list' }), 'takes too long'],
    [
      'moves nest ever more deeply',
      [
        { op: 'add', path: '/x', value: nested(60) },
        { op: 'add', path: '/y', value: nested(60) },
        { op: 'move', from: '/x', path: `/y${'/a'.repeat(61)}` },
      ],
      'nests too deeply',
    ],
  ])('%s', (_, operations, why) => {
    expect(jsonPatched({ list }, operations)).toEqual({ why: expect.stringContaining(why) });
  });

  it('and as many operations that each do little are not', () => {
    const operations = many({ op: 'replace', path: '/list/0', value: 1 });
    expect(jsonPatched({ list }, operations)).toHaveProperty('value.list.0', 1);
  });
});

it('an operation with a member in two letter cases is refused: parsers differ in which they take', () => {
  const operations = [{ op: 'replace', path: '/a', Path: '/b', value: 1 }];
  expect(jsonPatched({ a: 0, b: 0 }, operations)).toEqual({ why: expect.stringContaining('letter case') });
});

it('a member called __proto__ is one like others', () => {
  const result = patched('{}', '[{"op":"add","path":"/__proto__","value":{"admin":true}}]') as { value: object };
  expect(JSON.stringify(result.value)).toBe('{"__proto__":{"admin":true}}');
  expect((result.value as { admin?: boolean }).admin).toBeUndefined();
});
