import { describe, expect, test } from 'vitest';
import { SchemaProblem } from '../../src/validation/schema-problem.ts';
import { MAX_VIOLATIONS } from '../../src/validation/violation.ts';
import { bySchema, told } from './rig.ts';

const line = 'PUT /settings';
const check = (schema: unknown, body: unknown, files?: Record<string, unknown>): string[] =>
  told(bySchema(schema, files), line, body);

function problemOf(schema: unknown, files?: Record<string, unknown>): SchemaProblem {
  try {
    bySchema(schema, files);
  } catch (error) {
    if (error instanceof SchemaProblem) return error;
    throw error;
  }
  throw new Error('it was compiled');
}

describe('a body by its JSON Schema', () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, rates: { type: 'array', items: { type: 'number', minimum: 0 } } },
    required: ['name'],
    additionalProperties: false,
  };

  test.each([
    ['what it allows', { name: 'a', rates: [1] }, []],
    [
      'each violation, with a pointer to it',
      { rates: [1, -1, '2'], 'a/b': 1 },
      [
        "body : must have required property 'name'",
        'body /a~1b: is not allowed here',
        'body /rates/1: must be >= 0',
        'body /rates/2: must be number',
      ],
    ],
    ['what is no object', [1], ['body : must be object']],
    ['what is not JSON', '{"name":', ['body : is not valid JSON']],
    ['nothing', undefined, ['body : is required']],
    ['a member that is there twice', '{"name":"a","name":1}', ['body : has two members of one name']],
    ['deep nesting', `{"name":${'['.repeat(200)}${']'.repeat(200)}}`, ['body : is nested too deeply']],
    ['a member called __proto__', '{"name":"a","__proto__":{}}', ['body /__proto__: is not allowed here']],
  ])('%s', (_, body, expected) => {
    expect(check(schema, body).sort()).toEqual([...expected].sort());
  });

  test('members of every object are not members of the body', () => {
    expect(check({ required: ['constructor'] }, {})).toEqual(["body : must have required property 'constructor'"]);
  });

  test.each([
    ['https://json-schema.org/draft/2020-12/schema', []],
    ['http://json-schema.org/draft-07/schema#', ['body /1: must be boolean']],
    [undefined, []],
  ])('%s decides what `items: [...]` and `prefixItems` mean', (draft, expected) => {
    const items = draft?.includes('draft-07')
      ? { items: [{}, { type: 'boolean' }] }
      : { prefixItems: [{}], items: true };
    const schema = { ...(draft === undefined ? {} : { $schema: draft }), ...items };
    expect(check(schema, [1, 2])).toEqual(expected);
  });

  test('formats are checked', () => {
    const schema = {
      properties: { at: { format: 'date-time' }, id: { format: 'uuid' }, other: { format: 'our-own' } },
    };
    const good = { at: '2026-11-22T06:00:00Z', id: '8e03978e-40d5-43dd-bc93-6894a57f9324', other: '?' };
    expect(check(schema, good)).toEqual([]);
    expect(check(schema, { at: 'soon', id: '1' })).toHaveLength(2);
  });

  test('cents are multiples of 0.01', () => {
    expect(check({ items: { multipleOf: 0.01 } }, [1.1, 19.99, 0.29])).toEqual([]);
    expect(check({ items: { multipleOf: 0.01 } }, [1.005])).toHaveLength(1);
  });

  test('elements are unique by their value', () => {
    const schema = { uniqueItems: true };
    expect(check(schema, [1, '1', { a: 1, b: 2 }, { a: 1 }])).toEqual([]);
    expect(
      check(schema, [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ]),
    ).toEqual(['body : must NOT have duplicate items']);
  });

  test('a YAML file is a schema, too', () => {
    expect(check('type: object\nrequired: [name]\n', {})).toEqual(["body : must have required property 'name'"]);
  });
});

describe('what a client sends', () => {
  const names = { propertyNames: { maxLength: 3 }, additionalProperties: { type: 'string' } };

  test('is told of a bounded number of violations, and none of its values', () => {
    const body = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`n${i}`, 12345678]));
    const violations = check({ additionalProperties: { type: 'string' } }, body);
    expect(violations).toHaveLength(MAX_VIOLATIONS);
    expect(violations.join()).not.toContain('12345678');
  });

  test('is told in bounded lines', () => {
    for (const text of check(names, { [`n${'x'.repeat(5_000)}`]: 1 })) expect(text.length).toBeLessThan(600);
  });

  test('other media types are not taken', () => {
    const lines = ['Content-Type', 'application/x-www-form-urlencoded'];
    expect(() => told(bySchema({}), line, 'a=1', lines)).toThrow('send application/json');
  });

  test.each([
    ['no media type', []],
    ['a type with a suffix', ['Content-Type', 'application/merge-patch+json']],
    ['parameters', ['Content-Type', 'Application/JSON; charset=utf-8']],
  ])('%s is read as JSON', (_, lines) => {
    expect(told(bySchema({ type: 'array' }), line, {}, lines)).toEqual(['body : must be array']);
  });

  test('a DELETE needs no body', () => {
    expect(told(bySchema({ type: 'object' }), 'DELETE /settings', undefined)).toEqual([]);
  });
});

describe('a schema in several files', () => {
  const common = { $defs: { name: { type: 'string', maxLength: 3 } } };

  test.each([
    ['a file beside it', { properties: { name: { $ref: 'common.json#/$defs/name' } } }, { 'common.json': common }],
    [
      'a file below it, which refers to one above itself',
      { properties: { name: { $ref: './parts/name.json' } } },
      { 'parts/name.json': { $ref: '../common.json#/$defs/name' }, 'common.json': common },
    ],
    [
      'an $id of its own',
      {
        $id: 'https://api.example/s.json',
        properties: { name: { $ref: 'n.json' } },
        $defs: { n: { $id: 'n.json', maxLength: 3 } },
      },
      {},
    ],
    ['an anchor', { properties: { name: { $ref: '#n' } }, $defs: { n: { $anchor: 'n', maxLength: 3 } } }, {}],
    [
      'a place that no keyword names',
      { properties: { name: { $ref: '#/x-own/n' } }, 'x-own': { n: { maxLength: 3 } } },
      {},
    ],
  ])('refers to %s', (_, schema, files) => {
    expect(check(schema, { name: 'abc' }, files)).toEqual([]);
    expect(check(schema, { name: 'abcd' }, files)).toEqual(['body /name: must NOT have more than 3 characters']);
  });

  test.each([
    ['another host', { properties: { a: { $ref: 'https://evil.example/a.json' } } }, 'is on another host', 4],
    [
      'another host, without a scheme',
      { properties: { a: { $ref: '//evil.example/a.json' } } },
      'is on another host',
      4,
    ],
    ['a file that is not there', { properties: { a: { $ref: 'other.json' } } }, 'cannot be read', 4],
    ['a file above its folder', { properties: { a: { $ref: '../../etc/passwd' } } }, 'cannot be read', 4],
    ['nothing', { properties: { a: { $ref: '#/$defs/none' } } }, 'leads nowhere', 4],
  ])('a reference to %s is refused', (_, schema, message, line) => {
    expect(problemOf(schema)).toMatchObject({ message: expect.stringContaining(message) as string, path: '', line });
  });

  test('what stands in enum, const and default is no reference', () => {
    const value = { $ref: 'https://evil.example/' };
    expect(check({ properties: { a: { enum: [value], default: value } } }, { a: value })).toEqual([]);
  });

  test('a problem names the file', () => {
    const files = { 'other.json': '{\n  "type": "strin"\n}' };
    expect(problemOf({ $ref: 'other.json' }, files)).toMatchObject({ path: 'other.json', line: 2, column: 11 });
  });
});

describe('a schema that is refused at load', () => {
  test.each([
    ['not JSON', '{ "type": "object"', 'neither JSON nor YAML'],
    ['no schema', '[]', 'it is not a schema'],
    ['a type that does not exist', { type: 'strin' }, 'it is not a schema'],
    ['another draft', { $schema: 'https://json-schema.org/draft/2019-09/schema' }, 'is not supported'],
    ['asynchronous', { $async: true, type: 'object' }, '"$async" is not supported'],
    [
      'without end',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      'to check even an empty value takes too long',
    ],
    ['look-ahead', { pattern: '^(?=.*[A-Z]).{8,}$' }, 'cannot be matched in linear time'],
    ['a back reference', { properties: { a: { pattern: '^(a+)\\1$' } } }, 'cannot be matched in linear time'],
    ['one in patternProperties', { patternProperties: { '(?!a)': {} } }, 'cannot be matched in linear time'],
  ])('%s', (_, schema, message) => {
    expect(problemOf(schema).message).toContain(message);
  });

  test('a quote that is not closed is found in its line', () => {
    expect(problemOf('{\n  "type": "object\n}\n')).toMatchObject({ line: 2 });
  });

  test('a pattern is found in the file', () => {
    expect(problemOf({ properties: { a: { pattern: '(?<!b)a' } } })).toMatchObject({ line: 4, column: 18 });
  });
});

const texts = (count: number, text: string): string[] => Array.from({ length: count }, () => text);
const nested = (depth: number, value: unknown): unknown => (depth === 0 ? value : [nested(depth - 1, value)]);

/*
 * Without the guards, each of these takes minutes or for ever: the test times out.
 */
describe('a schema that could take exponential time', () => {
  test.each(['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '(.*a){20}$', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
    'the pattern %s',
    (pattern) => {
      expect(check({ pattern }, JSON.stringify(`${'a'.repeat(20_000)}!`))).toHaveLength(1);
    },
  );

  test('formats of long texts', () => {
    for (const format of ['email', 'uri', 'url', 'uri-reference', 'hostname', 'ipv6', 'duration']) {
      expect(check({ format }, JSON.stringify(':'.repeat(200_000)))).toHaveLength(1);
    }
  });

  test('a choice at each level of a schema that contains itself', () => {
    const inner = { properties: { a: { $ref: '#' } } };
    const schema = {
      type: 'object',
      anyOf: [
        { ...inner, required: ['x'] },
        { ...inner, required: ['y'] },
      ],
    };
    const body = `${'{"a":'.repeat(60)}{}${'}'.repeat(60)}`;
    expect(check({ anyOf: [inner, { ...inner, minProperties: 0 }], maxProperties: 1 }, '{"a":{}}')).toEqual([]);
    expect(check(schema, body)).toEqual(['body : takes too long to be checked']);
  });

  test('schemas that refer to two others each', () => {
    const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
    const $defs = Object.fromEntries(
      names.map((name, i) => [name, { allOf: [{ $ref: `#/$defs/s${i + 1}` }, { $ref: `#/$defs/s${i + 1}` }] }]),
    );
    expect(() => bySchema({ $ref: '#/$defs/s0', $defs: { ...$defs, s40: { type: 'object' } } })).toThrow(
      'takes too long',
    );
  });

  test('unique elements of a long array', () => {
    const body = `[${Array.from({ length: 60_000 }, (_, i) => `{"a":${i}}`).join()}]`;
    expect(check({ uniqueItems: true, items: { type: 'object' } }, body)).toEqual([]);
  });

  test.each([
    ['a long pattern', { pattern: '[a-z]{1,1000}[0-9]' }, JSON.stringify('a'.repeat(32 * 1024))],
    [
      'a long pattern for many texts',
      { items: { pattern: '(?:[A-Z0-9]{4,8}[ -]?){2,8}$' } },
      texts(4_000, 'A'.repeat(60)),
    ],
    ['a long pattern for names', { patternProperties: { '[a-z]{1,1000}[0-9]': {} } }, { ['a'.repeat(32 * 1024)]: 1 }],
    ['texts of quadratic time', { items: { format: 'url' } }, texts(500, `http://a.bc/${':'.repeat(2_030)}`)],
    [
      'unique elements at each level',
      { uniqueItems: true, items: { $ref: '#' } },
      nested(
        90,
        Array.from({ length: 20_000 }, (_, i) => i),
      ),
    ],
  ])('%s: what it may cost is counted', (_, schema, body) => {
    expect(check(schema, body)).toEqual(['body : takes too long to be checked']);
  });

  const id = '01234567-89ab-cdef-0123-456789abcdef';
  test.each([
    ['identifiers', { items: { pattern: `^${'[0-9a-f]{8}'}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$` } }, texts(25_000, id)],
    ['addresses', { items: { pattern: '^[^@]+@[^@]+\\.[^@]+$' } }, texts(25_000, 'somebody@example.org')],
    ['codes', { items: { pattern: '(?:[A-Z0-9]{4,8}[ -]?){2,8}$' } }, texts(10_000, 'ABCD-1234-EFGH')],
    ['URLs', { items: { format: 'uri' } }, texts(10_000, `https://api.example/${'a'.repeat(80)}`)],
    ['numbers', { uniqueItems: true }, Array.from({ length: 100_000 }, (_, i) => i)],
  ])('a body of 1 MiB is checked: %s', (_, schema, body) => {
    expect(check(schema, body)).toEqual([]);
  });

  test('a large body that is sound is let through', () => {
    const schema = {
      items: { $ref: '#/$defs/row' },
      $defs: { row: { properties: { a: { $ref: '#/$defs/a' } } }, a: { type: 'number' } },
    };
    const body = `[${Array.from({ length: 60_000 }, (_, i) => `{"a":${i}}`).join()}]`;
    expect(check(schema, body)).toEqual([]);
  });
});
