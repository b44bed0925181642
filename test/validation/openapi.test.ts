import { describe, expect, test } from 'vitest';
import { SchemaProblem } from '../../src/validation/schema-problem.ts';
import { byOpenApi, told } from './rig.ts';

const step = {
  type: 'object',
  required: ['id', 'name'],
  properties: {
    id: { type: 'integer', readOnly: true },
    name: { type: 'string', nullable: true },
    price: { type: 'number', minimum: 0, exclusiveMinimum: true },
    parent: { $ref: '#/components/schemas/Step' },
    next: { nullable: true, allOf: [{ $ref: '#/components/schemas/Step' }] },
    state: { type: 'string', enum: ['open'], nullable: true },
  },
};
const json = (schema: unknown) => ({ 'application/json': { schema } });

function documentOf(more: object = {}): object {
  return {
    openapi: '3.0.3',
    info: { title: 'Travel', version: '1' },
    servers: [{ url: 'https://api.example/v1' }],
    paths: {
      '/steps': { post: { requestBody: { required: true, content: json({ $ref: '#/components/schemas/Step' }) } } },
      '/steps/{stepId}': {
        parameters: [{ name: 'stepId', in: 'path', required: true, schema: { type: 'integer', minimum: 1 } }],
        put: {
          parameters: [
            { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 10 } },
            { name: 'tag', in: 'query', schema: { type: 'array', items: { type: 'string' }, maxItems: 2 } },
            { name: 'ids', in: 'query', explode: false, schema: { type: 'array', items: { type: 'integer' } } },
            { name: 'filter', in: 'query', style: 'deepObject', schema: { type: 'object', required: ['state'] } },
            { name: 'where', in: 'query', content: json({ type: 'object' }) },
            { name: 'X-Dry-Run', in: 'header', required: true, schema: { type: 'boolean' } },
            { name: 'Authorization', in: 'header', required: true, schema: { type: 'string' } },
          ],
          requestBody: { content: json({ $ref: '#/components/schemas/Step' }) },
        },
        delete: {},
      },
      '/steps/current': { put: { requestBody: { content: json({ type: 'array' }) } } },
      '/files/{name}.{ext}': {
        post: {
          requestBody: { content: { 'image/*': {}, 'application/vnd.step+json': { schema: { type: 'object' } } } },
        },
      },
    },
    components: { schemas: { Step: step } },
    ...more,
  };
}

const good = { name: 'Lyon' };
const head = ['Content-Type', 'application/json', 'X-Dry-Run', 'true'];
const check = (line: string, body: unknown, lines = head, document = documentOf()): string[] =>
  told(byOpenApi(document, 'POST|PUT|DELETE /**'), line, body, lines);

describe('a write by its OpenAPI description', () => {
  test.each([
    ['what it allows', 'POST /steps', good, []],
    ['below the path of a server', 'POST /v1/steps', good, []],
    ['without a body that is required', 'POST /steps', undefined, ['body : is required']],
    ['without one that is not', 'PUT /steps/7', undefined, []],
    ['with one where none is described', 'DELETE /steps/7', { a: 1 }, []],
    ['`nullable` of 3.0', 'POST /steps', { name: null }, []],
    ['`nullable` beside `allOf`', 'POST /steps', { name: 'a', next: null }, []],
    ['`nullable` beside `enum`', 'POST /steps', { name: 'a', state: null }, []],
    ['`exclusiveMinimum: true` of 3.0', 'POST /steps', { name: 'a', price: 0 }, ['body /price: must be > 0']],
    [
      'a schema that contains itself',
      'POST /steps',
      { name: 'a', parent: { name: 1 } },
      ['body /parent/name: must be string,null'],
    ],
    ['a concrete path before one with parameters', 'PUT /steps/current', {}, ['body : must be array']],
    ['a path parameter', 'PUT /steps/x', good, ['path /stepId: must be integer']],
    ['a path parameter, escaped', 'PUT /steps/%37', good, []],
    ['a query parameter', 'PUT /steps/7?limit=11', good, ['query /limit: must be <= 10']],
    ['a number that is none', 'PUT /steps/7?limit=ten', good, ['query /limit: must be integer']],
    ['an array', 'PUT /steps/7?tag=a&tag=b', good, []],
    [
      'an array that is too long',
      'PUT /steps/7?tag=a&tag=b&tag=c',
      good,
      ['query /tag: must NOT have more than 2 items'],
    ],
    ['an array in one parameter', 'PUT /steps/7?ids=1,2,x', good, ['query /ids/2: must be integer']],
    ['an object', 'PUT /steps/7?filter[state]=open', good, []],
    [
      'an object that lacks a member',
      'PUT /steps/7?filter[a]=1',
      good,
      ["query /filter: must have required property 'state'"],
    ],
    ['JSON in a parameter', 'PUT /steps/7?where=%7B%7D', good, []],
    ['what is no JSON in a parameter', 'PUT /steps/7?where=%7B', good, ['query /where: must be object']],
    ['other parameters', 'PUT /steps/7?other=1', good, []],
    ['an operation that is not described', 'POST /trips', good, ['path : the description has no such operation']],
    ['a method that is not described', 'POST /steps/7', good, ['path : the description has no such operation']],
  ])('%s', (_, line, body, expected) => {
    expect(check(line, body)).toEqual(expected);
  });

  /* By a regular expression this would take minutes: the test times out. */
  test('a long path, where a segment of the description has several names', () => {
    const document = documentOf({ paths: { '/reports/{y}-{m}-{d}:publish': { post: {} } } });
    const validate = byOpenApi(document, 'POST /**');
    expect(told(validate, 'POST /reports/2026-01-02:publish', undefined)).toEqual([]);
    expect(told(validate, `POST /reports/${'-'.repeat(8_000)}`, undefined)).toEqual([
      'path : the description has no such operation',
    ]);
  });

  test('headers', () => {
    const lines = ['Content-Type', 'application/json'];
    expect(check('PUT /steps/7', good, lines)).toEqual(["header : must have required property 'x-dry-run'"]);
    expect(check('PUT /steps/7', good, [...lines, 'X-Dry-Run', 'maybe'])).toEqual([
      'header /x-dry-run: must be boolean',
    ]);
  });

  test('media types', () => {
    const send = (type: string, body: unknown) => check('POST /files/a.png', body, ['Content-Type', type]);
    expect(send('image/png', 'octets')).toEqual([]);
    expect(send('application/vnd.step+json', [])).toEqual(['body : must be object']);
    expect(() => send('application/xml', '<a/>')).toThrow('send image/*, application/vnd.step+json');
  });

  test('3.1 is JSON Schema 2020-12', () => {
    const Step = {
      type: ['object', 'null'],
      properties: { price: { exclusiveMinimum: 0, $ref: '#/components/schemas/Price' } },
    };
    const document = documentOf({ openapi: '3.1.0', components: { schemas: { Step, Price: { maximum: 9 } } } });
    expect(check('POST /steps', 'null', head, document)).toEqual([]);
    expect(check('POST /steps', { price: 0 }, head, document)).toEqual(['body /price: must be > 0']);
    expect(check('POST /steps', { price: 10 }, head, document)).toEqual(['body /price: must be <= 9']);
  });

  test('schemas in files beside it', () => {
    const document = documentOf({ components: { schemas: { Step: { $ref: 'models/step.yaml#/Step' } } } });
    const files = {
      'models/step.yaml': 'Step: { type: object, properties: { at: { $ref: "#/At" } } }\nAt: { type: string }',
    };
    const validate = byOpenApi(document, 'POST /steps', files);
    expect(told(validate, 'POST /steps', { at: 1 })).toEqual(['body /at: must be string']);
  });
});

test('an operation in a file of its own', () => {
  const document = documentOf({ paths: { '/steps': { post: { $ref: 'operations/make.yaml' } } } });
  const files = {
    'operations/make.yaml':
      'requestBody: { required: true, content: { application/json: { schema: { type: array } } } }',
  };
  expect(told(byOpenApi(document, 'POST /steps', files), 'POST /steps', {})).toEqual(['body : must be array']);
});

describe('a description that is refused at load', () => {
  const remote = { Step: { properties: { a: { $ref: 'https://evil.example/a.json' } } } };
  test.each([
    ['a reference to another host', documentOf({ components: { schemas: remote } }), 'is on another host'],
    ['a reference to nothing', documentOf({ components: {} }), 'leads nowhere'],
    [
      'a reference above its folder',
      documentOf({ components: { schemas: { Step: { $ref: '../s.yaml' } } } }),
      'leads nowhere',
    ],
    ['Swagger 2.0', { swagger: '2.0', paths: { '/a': { post: {} } } }, 'this is Swagger 2.0'],
    ['another version', documentOf({ openapi: '3.2.0' }), 'this is OpenAPI 3.2.0'],
    [
      'a pattern with look-ahead',
      documentOf({ components: { schemas: { Step: { pattern: '(?!a)b' } } } }),
      'linear time',
    ],
  ])('%s', (_, document, message) => {
    expect(() => byOpenApi(document, 'POST /**')).toThrow(message);
  });

  test('its place is told', () => {
    try {
      byOpenApi(documentOf({ components: { schemas: remote } }), 'POST /steps');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SchemaProblem);
      const text = JSON.stringify(documentOf({ components: { schemas: remote } }), null, 2).split('\n');
      const { line } = error as SchemaProblem;
      expect(text[line - 1]).toContain('https://evil.example');
    }
  });

  test('no operation is what the entry is about', () => {
    expect(() => byOpenApi(documentOf(), 'PATCH /trips/:id')).toThrow('it describes no operation PATCH /trips/:id');
  });

  test('what other operations have wrong does not matter', () => {
    const document = documentOf({ components: { schemas: { Step: { pattern: '(?!a)b' } } } });
    expect(told(byOpenApi(document, 'DELETE /steps/:id'), 'DELETE /steps/7', undefined)).toEqual([]);
  });
});
