import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { gaugeIs } from '../support/gateway.ts';
import type { Answer } from '../support/request.ts';
import { gateway, jsonOf, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* Writes that are checked before the API hears of them. */

const folder = mkdtempSync(join(tmpdir(), 'unstale-schema-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: object): string => {
  writeFileSync(join(folder, name), JSON.stringify(content));
  return JSON.stringify(join(folder, name));
};
const settings = file('settings.json', {
  type: 'object',
  required: ['name', 'size'],
  properties: { name: { type: 'string' }, size: { $ref: 'size.json' } },
  additionalProperties: false,
});
file('size.json', { type: 'integer', maximum: 9 });
const spec = file('spec.json', {
  openapi: '3.1.0',
  paths: {
    '/steps/{id}': {
      put: {
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }],
        requestBody: { required: true, content: { 'application/json': { schema: { type: 'object' } } } },
      },
    },
  },
});

useScriptedRig(`
writes:
  - { on: PUT /settings, validate: { schema: ${settings} } }
  - { on: PUT|PATCH /merged, merge: true, validate: { schema: ${settings} } }
  - { on: PUT|PATCH /lax, validate: { schema: ${settings}, mode: log } }
  - { on: PATCH /patched, validate: { schema: ${settings} } }
  - { on: PATCH /watched, unchanged: skip, validate: { schema: ${settings}, mode: log } }
  - { on: PUT /steps/:id, validate: { openapi: ${spec} } }
  - { on: POST /keyed, validate: { schema: ${settings} }, idempotency: { key: required } }
`);

const sound = { name: 'a', size: 9 };
const put = (
  path: string,
  body: Record<string, unknown> | string,
  headers: Record<string, string> = {},
): Promise<Answer> => send('PUT', path, { body, headers: { 'Content-Type': 'application/json', ...headers } });
const accepts = (): void =>
  void origin.on(
    ({ method }) => method !== 'GET',
    (_request, response) => void response.end('ok'),
  );
const seen = (): number => origin.seen.filter(({ method }) => method !== 'GET').length;

describe('a body that is not valid', () => {
  test('is refused with a pointer to each violation, and the API hears nothing of it', async () => {
    accepts();
    const answer = await put('/settings', { size: 10, 'a/b': 'secret' });
    expect([answer.status, answer.headers['content-type']]).toEqual([422, 'application/problem+json']);
    expect(answer.json()).toMatchObject({
      type: 'urn:unstale:problem:invalid-request',
      errors: [
        { in: 'body', pointer: '', message: "must have required property 'name'" },
        { in: 'body', pointer: '/a~1b', message: 'is not allowed here' },
        { in: 'body', pointer: '/size', message: 'must be <= 9' },
      ],
    });
    expect(seen()).toBe(0);
    await gaugeIs(gateway, 'unstale_invalid_writes_total{mode="enforce"}', 1);
  });

  test('is sent on under `mode: log`, counted, and logged without its values', async () => {
    accepts();
    expect((await put('/lax', { name: 'secret-a', size: 'secret-b' })).text).toBe('ok');
    expect(origin.seen[0]?.body.toString()).toContain('secret-a');
    const [line] = gateway.logs.filter(({ msg }) => msg === 'a write is not valid');
    expect(line).toMatchObject({ entry: 'PUT|PATCH /lax', mode: 'log', path: '/lax' });
    expect(JSON.stringify(line)).toContain('/size');
    expect(JSON.stringify(gateway.logs)).not.toContain('secret-');
    await gaugeIs(gateway, 'unstale_invalid_writes_total{mode="log"}', 1);
  });

  test('of another media type is refused with 415, or sent on under `mode: log`', async () => {
    accepts();
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await put('/settings', 'name=a', form)).status).toBe(415);
    expect((await put('/lax', 'name=a', form)).status).toBe(200);
  });

  test('gives its idempotency key back', async () => {
    accepts();
    const post = (body: Record<string, unknown>) =>
      send('POST', '/keyed', { body, headers: { 'Idempotency-Key': 'k' } });
    expect((await post({})).status).toBe(422);
    expect((await post(sound)).text).toBe('ok');
    expect((await post(sound)).headers['idempotency-replayed']).toBe('true');
  });
});

test('a body that is valid is sent on as it is', async () => {
  accepts();
  const text = '{ "size": 9,  "name": "\\u0061" }';
  expect((await put('/settings', text)).text).toBe('ok');
  expect(origin.seen[0]?.body.toString()).toBe(text);
});

test('of a merged write, what is checked is what the API would get', async () => {
  accepts();
  origin.on('GET /merged', (_request, response) => void response.end(JSON.stringify(sound)));
  expect((await put('/merged', { size: 1 })).status).toBe(200);
  expect((await put('/merged', { size: 10 })).status).toBe(422);
  expect(seen()).toBe(1);
});

test('a merged write without a body is checked, too, where there is nothing to merge it with', async () => {
  accepts();
  origin.on('GET /merged', (_request, response) => void response.writeHead(404).end());
  expect((await put('/merged', '')).status).toBe(422);
  expect(seen()).toBe(0);
});

test('an OpenAPI description checks parameters, too', async () => {
  accepts();
  expect((await put('/steps/7', {})).status).toBe(200);
  const answer = await put('/steps/x', {});
  expect(answer.json<{ errors: object[] }>().errors).toEqual([
    { in: 'path', pointer: '/id', message: 'must be integer' },
  ]);
});

describe('a PATCH, of which the result is checked', () => {
  const mergePatch = 'application/merge-patch+json';
  const jsonPatch = 'application/json-patch+json';
  const patch = (path: string, type: string, body: string): Promise<Answer> =>
    send('PATCH', path, { body, headers: { 'Content-Type': type } });

  test.each([
    ['a part that leaves it valid', mergePatch, '{"size":8}', 200],
    ['as plain JSON', 'application/json', '{"size":8}', 200],
    ['a value that is not valid', mergePatch, '{"size":10}', 422],
    ['a member that is required is removed', mergePatch, '{"name":null}', 422],
    ['operations that leave it valid', jsonPatch, '[{"op":"replace","path":"/size","value":8}]', 200],
    ['operations that do not', jsonPatch, '[{"op":"remove","path":"/name"}]', 422],
    ['an operation that does not apply', jsonPatch, '[{"op":"remove","path":"/other"}]', 422],
    ['in another format', 'text/plain', 'size=8', 415],
  ])('%s', async (_, type, body, status) => {
    accepts();
    origin.on('GET /merged', jsonOf({ name: 'a', size: 9 }));
    expect((await patch('/merged', type, body)).status).toBe(status);
    expect(seen()).toBe(status === 200 ? 1 : 0);
  });

  test('is read from the API, and is not there', async () => {
    accepts();
    expect((await patch('/merged', mergePatch, '{"name":"a"}')).status).toBe(422);
    expect((await patch('/merged', mergePatch, '{"name":"a","size":1}')).status).toBe(200);
  });

  test('under mode: log, one that cannot be checked is told of where the resource is read anyway', async () => {
    accepts();
    origin.on('GET /watched', jsonOf({ name: 'a', size: 9 }));
    expect((await patch('/watched', jsonPatch, '[{"op":"remove","path":"/other"}]')).status).toBe(200);
    const [line] = gateway.logs.filter(({ msg }) => msg === 'a write is not valid');
    expect(JSON.stringify(line)).toContain('cannot be checked');
    await gaugeIs(gateway, 'unstale_invalid_writes_total{mode="log"}', 1);
  });

  test('of what the API has as JSON, if it prefers a page; and a page of another origin sees why', async () => {
    accepts();
    origin.on('GET /patched', (request, response) => {
      const isJson = request.headers.accept?.startsWith('application/json') === true;
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Content-Type', isJson ? 'application/json' : 'text/html');
      response.end(isJson ? '{"name":"a","size":9}' : '<p>');
    });
    expect((await patch('/patched', mergePatch, '{"size":8}')).status).toBe(200);
    const refused = await patch('/patched', mergePatch, '{"size":10}');
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([422, '*']);
  });

  test('under mode: log, the API is not asked for it, and nothing is refused', async () => {
    accepts();
    expect((await patch('/lax', jsonPatch, '[{"op":"remove","path":"/name"}]')).status).toBe(200);
    expect(origin.requests('GET /lax')).toEqual([]);
  });
});
