import { describe, expect, it } from 'vitest';
import { mergePatched, overlaid, preservedBy } from '../../src/rules/json-merge.ts';
import { withoutElements } from '../../src/rules/json-preserve.ts';

describe('a JSON Merge Patch (RFC 7396, appendix A)', () => {
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('%s patched by %s is %s', (target, patch, result) => {
    expect(mergePatched(target, patch)).toBe(result);
  });
});

interface Row {
  readonly it: string;
  readonly body: string;
  readonly current: string;
  readonly merge?: boolean;
  readonly preserve?: readonly (readonly string[])[];
  readonly is: string;
}

const rows: readonly Row[] = [
  { it: 'a member that is left out keeps its value', body: '{"a":1}', current: '{"a":0,"b":2}', is: '{"a":1,"b":2}' },
  { it: 'so does one of an object within', body: '{"o":{"a":1}}', current: '{"o":{"b":2}}', is: '{"o":{"a":1,"b":2}}' },
  { it: 'null is a value', body: '{"a":null}', current: '{"a":1,"b":2}', is: '{"a":null,"b":2}' },
  { it: 'an array is replaced', body: '{"a":[]}', current: '{"a":[1,2]}', is: '{"a":[]}' },
  { it: 'an object replaces a scalar', body: '{"a":{"b":1}}', current: '{"a":1}', is: '{"a":{"b":1}}' },
  { it: 'an array as the whole body replaces', body: '[1]', current: '{"a":1}', is: '[1]' },
  { it: 'an empty body becomes the current one', body: '{ }', current: '{"a": 1, "b":2}', is: '{"a":1,"b":2 }' },
  {
    it: 'numbers, escapes, order and white space of both stay as they are',
    body: '{\n  "z": 9223372036854775808, "\\u0061": 1.0e2\n}',
    current: '{"a":0,"big":  12345678901234567890123,"s":"\\u00e9\\/"}',
    is: '{\n  "z": 9223372036854775808, "\\u0061": 1.0e2,"big":12345678901234567890123,"s":"\\u00e9\\/"\n}',
  },
  {
    it: '__proto__ is a member like others',
    body: '{"__proto__":{"a":1}}',
    current: '{"__proto__":{"b":2},"constructor":{"prototype":{}}}',
    is: '{"__proto__":{"a":1,"b":2},"constructor":{"prototype":{}}}',
  },
  {
    it: 'a preserved member keeps its value',
    body: '{"c":9,"a":1}',
    current: '{"a":0,"c":5}',
    merge: false,
    preserve: [['c']],
    is: '{"c":5,"a":1}',
  },
  {
    it: 'a preserved member that the body leaves out is put back',
    body: '{"a":1}',
    current: '{"a":0,"b":2,"c":5}',
    merge: false,
    preserve: [['c']],
    is: '{"a":1,"c":5}',
  },
  {
    it: 'a preserved member that there is not is removed',
    body: '{ "c" : 9 , "a" : 1 }',
    current: '{"a":0}',
    merge: false,
    preserve: [['c']],
    is: '{ "a" : 1 }',
  },
  {
    it: 'so is the last one, and the only one',
    body: '{"a":1,"o":{"c":1},"c":9}',
    current: '{"a":0}',
    merge: false,
    preserve: [['c'], ['o', 'c']],
    is: '{"a":1,"o":{}}',
  },
  {
    it: 'a preserved member within an object that the body leaves out',
    body: '{"a":1}',
    current: '{"s":{"v":5,"w":6},"t":1}',
    merge: false,
    preserve: [['s', 'v']],
    is: '{"a":1,"s":{"v":5}}',
  },
  {
    it: 'or replaces by null',
    body: '{"s":null}',
    current: '{"s":{"v":5,"w":6}}',
    merge: false,
    preserve: [['s', 'v']],
    is: '{"s":{"v":5}}',
  },
  {
    it: 'under merge, too',
    body: '{"s":{"v":0,"w":1}}',
    current: '{"s":{"v":5,"w":6,"x":7},"t":1}',
    preserve: [['s', 'v']],
    is: '{"s":{"v":5,"w":1,"x":7},"t":1}',
  },
  {
    it: 'an object is preserved as a whole',
    body: '{"s":{"v":0}}',
    current: '{"s":{"v":5, "w":6}}',
    merge: false,
    preserve: [['s'], ['s', 'v']],
    is: '{"s":{"v":5, "w":6}}',
  },
  {
    it: 'an array at the place of an object holds no member',
    body: '{"s":{"v":0,"w":1}}',
    current: '{"s":[{"v":5}]}',
    merge: false,
    preserve: [['s', 'v']],
    is: '{"s":{"w":1}}',
  },
];

describe('a document over the current one', () => {
  it.each(rows)('$it', ({ body, current, merge = true, preserve = [], is }) => {
    expect(overlaid(body, current, { merge, preserve: preservedBy(preserve) })).toBe(is);
  });

  it('may have 100,000 members', () => {
    const members = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, i) => `"m${from + i}":${i}`);
    const body = `{${members(0, 60_000).join(',')}}`;
    const current = `{${members(0, 100_000).join(',')}}`;
    const merged = JSON.parse(overlaid(body, current, { merge: true, preserve: preservedBy([['m7']]) })) as object;
    expect(Object.keys(merged)).toHaveLength(100_000);
  });
});

describe('operations left out of a JSON Patch', () => {
  it.each<[string, number[], string]>([
    ['[ 0, {"a":[1,2]} ,"]"]', [0], '[{"a":[1,2]},"]"]'],
    ['[0,1,2]', [1], '[0,2]'],
    ['[0]', [0], '[]'],
  ])('of %s, %j', (list, indexes, left) => {
    expect(withoutElements(list, indexes)).toBe(left);
  });

  it('may be 200,000', () => {
    const indexes = Array.from({ length: 200_000 }, (_, i) => i + 1);
    expect(withoutElements(`[0${',0'.repeat(200_000)}]`, indexes)).toBe('[0]');
  });
});
