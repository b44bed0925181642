import { resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createGateway } from '../../src/gateway.ts';
import { validationBy } from '../../src/validation/compile.ts';
import { Engine } from '../../src/validation/engine.ts';
import { told } from '../validation/rig.ts';
import { configOf, lines, problemsOf } from './parse.ts';

/* What `validate` names is read and compiled with the configuration. */

const yaml = (validate: string, on = 'PUT /settings'): string =>
  `origin: { url: http://127.0.0.1:4000 }\nwrites:\n  - { on: ${on}, validate: { ${validate} } }\n`;
const files = (texts: Readonly<Record<string, string>>) => ({
  files: Object.fromEntries(Object.entries(texts).map(([path, text]) => [resolve(path), text])),
});

test('the texts of all files become part of the configuration', () => {
  const texts = {
    'api/s.json': '{ "$ref": "parts/a.json" }',
    'api/parts/a.json': '{ "$ref": "b.json" }',
    'api/parts/b.json': '{}',
  };
  const [entry] = configOf(yaml('schema: ./api/s.json'), files(texts)).writes;
  expect(Object.keys(entry?.validate?.documents ?? {})).toEqual(['', 'parts/a.json', 'parts/b.json']);
});

test.each([
  [
    'a file that is not there',
    yaml('schema: ./s.json'),
    {},
    'gateway.yaml:3:46 "./s.json" cannot be read (ENOENT) | the path is relative to this file',
  ],
  [
    'a schema with a mistake',
    yaml('schema: ./s.json'),
    { 's.json': '{\n  "properties": { "a": { "type": "strin" } }\n}' },
    's.json:2:34 it is not a schema: /properties/a/type must be equal to one of the allowed values | see 2020-12 of JSON Schema',
  ],
  [
    'a reference to another host',
    yaml('schema: api/s.json'),
    { 'api/s.json': '{ "$ref": "a.json" }', 'api/a.json': '\n{ "$ref": "https://evil.example/" }' },
    'api/a.json:2:11 "https://evil.example/" is on another host | nothing is fetched: put the schema into a file next to this one, and refer to that',
  ],
  [
    'a file above the folder',
    yaml('schema: api/s.json'),
    { 'api/s.json': '{ "$ref": "../secret.json" }', 'secret.json': '{}' },
    'api/s.json:1:11 "../secret.json" cannot be read | files must be in the folder of the schema, or below it',
  ],
  [
    'a pattern that could take exponential time',
    yaml('openapi: api.yaml', 'POST /a'),
    {
      'api.yaml':
        'openapi: 3.1.0\npaths:\n  /a: { post: { requestBody: { content: { application/json: { schema: { pattern: (?=a)b } } } } } }',
    },
    'api.yaml:3:82 the pattern "(?=a)b" cannot be matched in linear time (error parsing regexp: invalid or unsupported Perl syntax: `(?=`) | write it without look-around and back references: several patterns may stand in allOf',
  ],
  [
    'a description without the operation',
    yaml('openapi: api.yaml', 'PUT /a'),
    { 'api.yaml': 'openapi: 3.1.0\npaths: { /a: { post: {} } }' },
    'api.yaml:1:1 it describes no operation PUT /a | describe it, or correct the pattern',
  ],
])('%s', (_, text, texts, expected) => {
  expect(lines(problemsOf(text, files(texts)))).toEqual([expected]);
});

test('what was compiled as the configuration was loaded is what its gateway checks by', async () => {
  const compile = vi.spyOn(Engine.prototype, 'compile');
  onTestFinished(() => compile.mockRestore());
  const texts = { 's.json': '{ "$ref": "t.json" }', 't.json': '{ "type": "object" }' };
  const config = configOf(`${yaml('schema: s.json')}log: { level: silent }\n`, files(texts));
  expect(compile).toHaveBeenCalledTimes(1);
  const gateway = await createGateway(config);
  await gateway.stop();
  expect(compile).toHaveBeenCalledTimes(1);
});

test('what was compiled of the same documents for other writes is not', () => {
  const described = 'openapi: 3.1.0\npaths: { /a: { put: {} }, /b: { put: {} } }';
  const [entry] = configOf(yaml('openapi: api.yaml', 'PUT /a'), files({ 'api.yaml': described })).writes;
  const { kind = 'openapi', documents = {} } = entry?.validate ?? {};
  const check = validationBy(documents, { kind, methods: ['PUT'], pattern: '/b' });
  expect(told(check, 'PUT /b', {})).toEqual([]);
  expect(told(check, 'PUT /a', {})).toEqual(['path : the description has no such operation']);
});
