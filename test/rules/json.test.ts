import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_JSON_DEPTH, parseJson } from '../../src/rules/json.ts';
import type { Json } from '../../src/rules/types.ts';

const json = (text: string): Json => parseJson(text, 'application/json');
const readAs = (parsed: Json): unknown => ('value' in parsed ? parsed.value : parsed);

/** The literals that were kept, as `key: literal`, in the order in which they were met. */
function keptIn(parsed: Json): string[] {
  if (!('value' in parsed)) throw new Error(parsed.missing);
  return [...(parsed.exact?.values() ?? [])].flatMap((kept) => [...kept].map(([key, text]) => `${key}: ${text}`));
}

describe('which bodies are read as JSON', () => {
  const rows: [string | undefined, string, unknown][] = [
    ['application/json', '{"a":1}', { a: 1 }],
    ['Application/JSON; charset=utf-8', '{"a":1}', { a: 1 }],
    ['application/vnd.api+json', '{"a":1}', { a: 1 }],
    ['text/json', '{"a":1}', { a: 1 }],
    ['Application/Problem+JSON ; charset=utf-8', '7', 7],
    ['application/json', ' [1, "x", null, true] ', [1, 'x', null, true]],
    ['application/json', '7', 7],
    ['application/json', 'null', null],
    // A wrong content type, or none: what reads as an object or an array is one.
    [undefined, '{"a":1}', { a: 1 }],
    ['text/html; charset=utf-8', '\n {"a":1}', { a: 1 }],
    ['text/plain', '[1]', [1]],
    ['application/octet-stream', '{"a":1}', { a: 1 }],
    ['text/plain', '7', { missing: 'not-json' }],
    [undefined, '"x"', { missing: 'not-json' }],
    ['text/html', '<p>{"a":1}</p>', { missing: 'not-json' }],
    ['text/plain', 'OK', { missing: 'not-json' }],
    // Types that are certainly something else.
    ['application/x-www-form-urlencoded', '{"a":1}', { missing: 'not-json' }],
    ['multipart/form-data; boundary=x', '{"a":1}', { missing: 'not-json' }],
    ['Application/XML', '[1]', { missing: 'not-json' }],
    ['application/atom+xml', '[1]', { missing: 'not-json' }],
    ['image/png', '{"a":1}', { missing: 'not-json' }],
    // Several documents are not one.
    ['application/x-ndjson', '{"a":1}\n{"a":2}', { missing: 'malformed' }],
    // What claims or looks to be JSON and is not may hold anything.
    ['application/json', '{"a":1', { missing: 'malformed' }],
    ['application/json', 'OK', { missing: 'malformed' }],
    ['text/plain', '{"a":1', { missing: 'malformed' }],
    ['application/json', '{"a":--0}', { missing: 'malformed' }],
    ['application/json', '{"a":01e400}', { missing: 'malformed' }],
    ['application/json', '{"a":1e400-1}', { missing: 'malformed' }],
    ['application/json', '["\\"]', { missing: 'malformed' }],
    ['application/json', '"', { missing: 'malformed' }],
    ['application/json', '', { missing: 'absent' }],
    ['image/png', '', { missing: 'absent' }],
    ['application/json', '\r\n', { missing: 'absent' }],
  ];
  test.each(rows)('%s %j', (contentType, body, expected) => {
    expect(readAs(parseJson(body, contentType))).toEqual(expected);
    expect(readAs(parseJson(Buffer.from(body), contentType))).toEqual(expected);
  });

  test('a byte order mark is left out', () => {
    expect(readAs(json('\uFEFF{"a":1}'))).toEqual({ a: 1 });
    expect(readAs(parseJson(Buffer.from('\uFEFF{"a":1}'), 'application/json'))).toEqual({ a: 1 });
  });

  test('octets that are not UTF-8 are not read, whatever they would become', () => {
    const latin1 = Buffer.from('{"a":"é"}', 'latin1');
    expect(parseJson(latin1, 'application/json; charset=iso-8859-1')).toEqual({ missing: 'malformed' });
    expect(parseJson(latin1, 'text/plain')).toEqual({ missing: 'not-json' });
    const utf16 = Buffer.from('{"a":1}', 'utf16le');
    expect(parseJson(utf16, 'application/json')).toEqual({ missing: 'malformed' });
  });

  test('a body over the limit is not parsed', () => {
    expect(parseJson('{"a":1}', 'application/json', { maxBytes: 6, maxDepth: 9 })).toEqual({ missing: 'too-large' });
    expect(parseJson('{"a":1}', 'application/json', { maxBytes: 7, maxDepth: 9 })).toEqual({ value: { a: 1 } });
  });
});

describe('nesting', () => {
  test.each([
    ['[', ']'],
    ['{"a":', '}'],
  ])('%s is read up to the bound', (open, close) => {
    const deep = (depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;
    expect('value' in json(deep(MAX_JSON_DEPTH))).toBe(true);
    expect(json(deep(MAX_JSON_DEPTH + 1))).toEqual({ missing: 'too-deep' });
    expect(json(deep(10_000))).toEqual({ missing: 'too-deep' });
    expect(json(deep(1_000_000))).toEqual({ missing: 'too-deep' });
  });

  test('brackets next to each other, or in strings, are not nested', () => {
    expect('value' in json(`[${'[],{},'.repeat(10_000)}1]`)).toBe(true);
    expect('value' in json(`["${'[{'.repeat(10_000)}"]`)).toBe(true);
    expect('value' in json(`["\\"${'['.repeat(10_000)}"]`)).toBe(true);
    expect(json(`["\\\\",${'['.repeat(200)}`)).toEqual({ missing: 'too-deep' });
  });
});

describe('a member that stands twice makes the body ambiguous', () => {
  const rows: [string, boolean][] = [
    ['{"id":1,"id":2}', true],
    ['{"id":1,"id":1}', true],
    ['{"id":1,"\\u0069d":2}', true],
    ['{"a":{"id":1,"id":2}}', true],
    ['[{"id":1},{"id":2,"id":3}]', true],
    ['{"__proto__":1,"__proto__":2}', true],
    ['{"a":{"x":1},"a":2}', true],
    ['{"a":9007199254740993,"a":1}', true],
    ['{"id":1,"ID":2}', false],
    ['[{"id":1},{"id":2}]', false],
    ['{"a":"\\"id\\":1,\\"id\\":2"}', false],
    ['{"a:b":":","c":[":"]}', false],
    ['{"__proto__":{"a":1},"constructor":2}', false],
    ['{"2":0,"1":0,"a":0}', false],
  ];
  test.each(rows)('%s', (text, ambiguous) => {
    const parsed = json(text);
    expect('missing' in parsed ? parsed.missing : 'read').toBe(ambiguous ? 'ambiguous' : 'read');
  });
});

describe('numbers that a double cannot hold are kept as they are written', () => {
  const rows: [string, string[]][] = [
    ['{"id":9007199254740993}', ['id: 9007199254740993']],
    ['{"id":-9007199254740993}', ['id: -9007199254740993']],
    ['{"id":9007199254740992}', ['id: 9007199254740992']],
    ['{"id":9007199254740991}', []],
    ['{"id":1234567890123456789012345678901234567890}', ['id: 1234567890123456789012345678901234567890']],
    ['{"id":1.0000000000000000001}', ['id: 1.0000000000000000001']],
    ['{"id":0.1234567890123456789}', ['id: 0.1234567890123456789']],
    ['{"id":1e400}', ['id: 1e400']],
    ['{"id":-1E+400}', ['id: -1E+400']],
    ['{"id":1e-400}', ['id: 1e-400']],
    ['{"id":1e21}', ['id: 1e21']],
    ['{"id":1e20}', ['id: 1e20']],
    ['{"id":-1e20}', ['id: -1e20']],
    ['{"id":-0}', ['id: -0']],
    ['{"id":-0.0}', ['id: -0.0']],
    ['{"id":0.0000001}', ['id: 0.0000001']],
    // One number has one spelling where a double holds it: 42.0, 4.2e1 and 42 are the same id.
    ['{"id":42}', []],
    ['{"id":42.0}', []],
    ['{"id":4.2e1}', []],
    ['{"id":1000000000000000.0}', []],
    ['{"id":-12.500000000000000000}', []],
    ['{"id":0.30000000000000004}', []],
    ['{"id":0}', []],
    ['{"id":0.000}', []],
    ['[9007199254740993,1,[2,9007199254740995]]', ['0: 9007199254740993', '1: 9007199254740995']],
    ['{"a":"9007199254740993","b":"-0","c":"1e400"}', []],
    ['{"a":"\\"","b":9007199254740993}', ['b: 9007199254740993']],
    ['{"__proto__":9007199254740993}', ['__proto__: 9007199254740993']],
  ];
  test.each(rows)('%s', (text, kept) => {
    const parsed = json(text);
    expect(keptIn(parsed)).toEqual(kept);
    // The value is what JSON.parse makes of it.
    expect(readAs(parsed)).toEqual(JSON.parse(text));
  });

  test('a bare number', () => {
    expect(readAs(json('9007199254740993'))).toBe(9007199254740992);
    expect(readAs(json('1e400'))).toBe(Number.POSITIVE_INFINITY);
  });

  test('a long run of zeros takes no longer than its length', () => {
    expect(keptIn(json(`[1.${'0'.repeat(200_000)}1]`))).toHaveLength(1);
  });
});

describe('for any JSON text', () => {
  test('the value is that of JSON.parse, and nothing is kept that a double holds', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const parsed = json(text);
        fc.pre('value' in parsed);
        expect(readAs(parsed)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('every integer keeps its digits, as an element and as a member', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (integer) => {
        const parsed = json(`{"id":[${integer}]}`);
        if (!('value' in parsed)) throw new Error(parsed.missing);
        const [number] = (parsed.value as { id: [number] }).id;
        const [kept] = keptIn(parsed);
        expect(kept ?? `0: ${number}`).toBe(`0: ${integer}`);
      }),
    );
  });

  test('no text makes it throw', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '-',
      '0',
      '1e400',
      '"a"',
      'null',
      ' ',
      '\uFEFF',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join('');
        const parsed = json(text);
        let valid = true;
        try {
          JSON.parse(text.replace(/^\uFEFF/, ''));
        } catch {
          valid = false;
        }
        const outcome = 'missing' in parsed ? parsed.missing : 'read';
        expect(['read', 'ambiguous'].includes(outcome)).toBe(valid);
      }),
      { numRuns: 2_000 },
    );
  });
});
