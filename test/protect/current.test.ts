import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type DocumentApi, documentApi } from '../support/document-api.ts';
import type { OriginHandler } from '../support/scripted-origin.ts';
import { begin, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* What a protected write meets at the API, and what it is itself: each has a stated answer, and none overwrites. */

useScriptedRig();

const json = { 'content-type': 'application/json' };
const put = (body: string | Buffer, headers: Record<string, string> = {}) =>
  send('PUT', '/settings', { body, headers: { ...json, ...headers } });
const typeOf = (text: string): string =>
  (JSON.parse(text) as { type: string }).type.replace('urn:unstale:problem:', '');

async function start(text = '{"a":1}', more = ''): Promise<DocumentApi> {
  await begin(`${more}\nwrites: [{ on: PUT /settings, merge: true, preserve: [createdAt] }]`);
  return documentApi(origin, '/settings', { text });
}

const answering =
  (status: number, headers: Record<string, string> = {}, body: string | Buffer = ''): OriginHandler =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('a current representation that is', () => {
  it.each<[string, OriginHandler, number, string]>([
    ['not JSON', answering(200, { 'content-type': 'text/html' }, '<p>settings</p>'), 409, 'current-unmergeable'],
    ['malformed', answering(200, {}, '{"a":'), 409, 'current-unmergeable'],
    ['empty', answering(200), 409, 'current-unmergeable'],
    ['ambiguous', answering(200, {}, '{"a":1,"a":2}'), 409, 'current-unmergeable'],
    ['nested too deeply', answering(200, {}, nested(200)), 409, 'current-unmergeable'],
    ['too long', answering(200, {}, JSON.stringify({ a: 'x'.repeat(70_000) })), 409, 'current-unmergeable'],
    ['in a coding of its own', answering(200, { 'content-encoding': 'zip' }, 'x'), 409, 'current-unmergeable'],
    ['in another language', answering(200, { 'content-language': 'fr' }, '{"a":1}'), 409, 'current-unmergeable'],
    ['behind an error', answering(500), 502, 'current-unreadable'],
    ['elsewhere', answering(302, { location: '/other' }), 502, 'current-unreadable'],
    [
      'broken off',
      (_, response) => void response.writeHead(200, { 'content-length': '9' }).end('{').destroy(),
      502,
      'origin-reset',
    ],
  ])('%s is not overwritten', async (_, handler, status, type) => {
    const api = await start('{}', 'server: { listen: "127.0.0.1:0", limits: { resolveBody: 64KiB } }');
    origin.on('GET /settings', handler);
    const answer = await put('{"a":2}', { 'content-language': 'en' });
    expect([answer.status, typeOf(answer.text)]).toEqual([status, type]);
    expect(api.writes).toEqual([]);
  });

  it.each<[string, OriginHandler]>([
    ['compressed all the same', answering(200, { 'content-encoding': 'gzip' }, gzipSync('{"b":1}'))],
    ['changed by a proxy (203)', answering(203, {}, '{"b":1}')],
    ['labelled as text', answering(200, { 'content-type': 'text/plain' }, '{"b":1}')],
    ['begun by a byte order mark', answering(200, {}, '\uFEFF{"b":1}')],
  ])('%s is merged with', async (_, handler) => {
    const api = await start();
    origin.on('GET /settings', handler);
    expect((await put('{"a":2}')).status).toBe(200);
    expect(api.writes).toEqual(['{"a":2,"b":1}']);
  });
});

describe('a read that the API refuses', () => {
  it.each<[number, Record<string, string>]>([
    [401, { 'www-authenticate': 'Bearer realm="api", error="invalid_token"' }],
    [403, {}],
    [429, { 'retry-after': '7' }],
    [503, { 'retry-after': '120' }],
  ])('is answered as the API does: %i', async (status, fields) => {
    const api = await start();
    origin.on('GET /settings', answering(status, { ...fields, etag: '"error"' }, '{"error":"of the API"}'));
    const answer = await put('{"a":2}');
    expect([answer.status, answer.text]).toEqual([status, '{"error":"of the API"}']);
    expect(answer.headers).toMatchObject({ ...fields, 'content-type': 'application/json' });
    expect(answer.headers.etag).toBeUndefined();
    expect(api.writes).toEqual([]);
  });
});

describe('a body that is', () => {
  it.each<[string, string | Buffer, Record<string, string>, number, string]>([
    ['malformed', '{"a":', {}, 422, 'unmergeable'],
    ['empty', '', {}, 422, 'unmergeable'],
    ['ambiguous', '{"a":1,"a":2}', {}, 422, 'unmergeable'],
    ['nested too deeply', nested(200), {}, 422, 'unmergeable'],
    ['null, as of a form that has not loaded', 'null', {}, 422, 'unmergeable'],
    ['a list', '[]', {}, 422, 'unmergeable'],
    ['a text', '"x"', {}, 422, 'unmergeable'],
    ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 422, 'unmergeable'],
    ['compressed', gzipSync('{"a":1}'), { 'content-encoding': 'gzip' }, 415, 'unsupported-media-type'],
    ['too long', JSON.stringify({ a: 'x'.repeat(70_000) }), {}, 413, 'content-too-large'],
    ['far too long', JSON.stringify({ a: 'x'.repeat(300_000) }), {}, 413, 'content-too-large'],
  ])('%s is refused', async (_, body, headers, status, type) => {
    const api = await start('{"b":1}', 'server: { listen: "127.0.0.1:0", limits: { resolveBody: 64KiB } }');
    const answer = await put(body, headers);
    expect([answer.status, typeOf(answer.text)]).toEqual([status, type]);
    expect(api.writes).toEqual([]);
  });

  it.each([
    ['a field', '/settings', { 'x-http-method-override': 'PUT' }],
    ['the query, as Symfony and Laravel take it', '/settings?_method=put', {}],
  ])('sent under another method is refused: by %s', async (_, path, headers) => {
    const api = await start();
    const answer = await send('POST', path, { body: '{}', headers: { ...json, ...headers } });
    expect(answer.status).toBe(400);
    expect(api.writes).toEqual([]);
    expect(origin.seen).toEqual([]);
  });
});

describe('what reaches the API', () => {
  it('is asked for with the credentials and preferences of the writer, at the same query', async () => {
    const api = await start('{"a":1,"b":2}');
    await send('PUT', '/settings?tenant=7', {
      body: '{"a":2}',
      headers: { ...json, authorization: 'Bearer x', 'accept-language': 'fr', 'content-md5': 'Q2hlY2s=' },
    });
    const [read, write] = origin.seen;
    expect([read?.method, read?.url]).toEqual(['GET', '/settings?tenant=7']);
    expect(read?.rawHeaders).toEqual(expect.arrayContaining(['Bearer x', 'fr', 'identity', 'no-cache']));
    expect(write?.rawHeaders.map((line) => line.toLowerCase())).not.toContain('content-md5');
    expect(api.writes).toHaveLength(1);
  });

  it.each<[string, string, Record<string, string>]>([
    ['the one that the writer accepts', '{"name":"new","v2":true}', { accept: 'application/vnd.acme.v2+json' }],
    ['JSON, if the writer takes anything', '{"name":"new","v1":true}', { accept: '*/*' }],
    ['JSON, if the writer does not say', '{"name":"new","v1":true}', {}],
  ])('is merged with one of several representations: %s', async (_, written, headers) => {
    const api = await start();
    origin.on('GET /settings', (request, response) => {
      const { accept = '' } = request.headers;
      response.setHeader('Vary', 'Accept');
      if (accept.includes('v2+json')) response.setHeader('Content-Type', 'application/vnd.acme.v2+json');
      else response.setHeader('Content-Type', accept.startsWith('application/json') ? 'application/json' : 'text/html');
      response.end(`{"name":"old","v${accept.includes('v2+json') ? 2 : 1}":true}`);
    });
    expect((await put('{"name":"new"}', headers)).status).toBe(200);
    expect(api.writes).toEqual([written]);
  });

  it('is merged with what the API gives to whom takes anything, as the reads of such a client are', async () => {
    const api = await start();
    origin.on('GET /settings', (request, response) => {
      const isPlain = request.headers.accept?.startsWith('application/json') === true;
      response.setHeader('Content-Type', isPlain ? 'application/json' : 'application/ld+json');
      response.end(isPlain ? '{"name":"old"}' : '{"@id":"/settings","name":"old"}');
    });
    expect((await put('{"name":"new"}', { accept: '*/*' })).status).toBe(200);
    expect((await put('{"name":"new"}')).status).toBe(200);
    expect(api.writes).toEqual(Array(2).fill('{"name":"new","@id":"/settings"}'));
  });

  it.each<[string, number, Record<string, string>, string]>([
    ['a page', 200, { 'content-type': 'text/html' }, '<p>settings</p>'],
    ['a page that is too long', 200, { 'content-type': 'text/html' }, `<p>${'x'.repeat(300_000)}</p>`],
    ['a redirect to one', 302, { location: '/login' }, ''],
    ['nothing that it has', 406, {}, ''],
  ])('is merged with JSON, which is asked for where the API prefers %s', async (_, status, headers, body) => {
    const api = await start();
    origin.on('GET /settings', (request, response) => {
      const isPlain = request.headers.accept?.startsWith('application/json') === true;
      if (isPlain) response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"old":1}');
      else response.writeHead(status, headers).end(body);
    });
    expect((await put('{"a":2}', { accept: '*/*' })).status).toBe(200);
    expect(api.writes).toEqual(['{"a":2,"old":1}']);
  });

  it('has what is preserved, whatever the body says', async () => {
    const api = await start('{"a":1,"createdAt":"2020"}');
    await put('{"createdAt":"1999","a":2}');
    expect(api.writes).toEqual(['{"createdAt":"2020","a":2}']);
  });

  it('is sent as it is where the API has nothing yet, and says so by 204', async () => {
    const api = await start();
    origin.on('GET /settings', (_, response) => void response.writeHead(204).end());
    expect((await put('{"a":2,"createdAt":1}')).status).toBe(200);
    expect(api.writes).toEqual(['{"a":2,"createdAt":1}']);
  });

  it('is one read and one write', async () => {
    await start();
    await put('{"a":2}');
    expect(origin.seen.map(({ method }) => method)).toEqual(['GET', 'PUT']);
  });
});

describe('a PATCH of what is preserved', () => {
  const mergePatch = 'application/merge-patch+json';
  const jsonPatch = 'application/json-patch+json';
  const current = '{"a":1,"createdAt":"2020","stats":{"views":5,"x":1}}';

  it.each<[string, string, string, number, string | undefined]>([
    ['a merge patch of others passes', mergePatch, '{"a":2}', 200, '{"a":2}'],
    ['one that repeats the value passes', mergePatch, '{"createdAt":"2020","a":2}', 200, undefined],
    ['one that changes it', mergePatch, '{"createdAt":"x","a":2}', 422, '{"a":2}'],
    ['one that removes it', mergePatch, '{"createdAt":null}', 422, '{}'],
    ['one that removes what holds it', mergePatch, '{"stats":null,"a":2}', 422, '{"a":2}'],
    ['one that replaces what holds it', mergePatch, '{"stats":[1]}', 422, '{}'],
    ['one within', mergePatch, '{"stats":{"views":0,"x":2}}', 422, '{"stats":{"x":2}}'],
    ['plain JSON', 'application/json', '{"createdAt":"x","a":2}', 422, '{"a":2}'],
    ['operations on others pass', jsonPatch, '[{"op":"replace","path":"/a","value":2}]', 200, undefined],
    ['a test passes', jsonPatch, '[{"op":"test","path":"/createdAt","value":"2020"}]', 200, undefined],
    [
      'an operation on it',
      jsonPatch,
      '[{"op":"replace","path":"/createdAt","value":1}, {"op":"remove","path":"/a"}]',
      422,
      '[{"op":"remove","path":"/a"}]',
    ],
    ['on what holds it', jsonPatch, '[{"op":"remove","path":"/stats"}]', 422, '[]'],
    ['on the whole', jsonPatch, '[{"op":"add","path":"","value":{}}]', 422, '[]'],
    ['a move away', jsonPatch, '[{"op":"move","from":"/stats/views","path":"/b"}]', 422, '[]'],
    ['an escaped name', jsonPatch, '[{"op":"remove","path":"/cre~1atedAt"}]', 200, undefined],
  ])('%s', async (_, type, body, refusedWith, dropped) => {
    for (const onPatch of ['refuse', 'drop'] as const) {
      await begin(
        `writes: [{ on: PATCH /${onPatch}, preserve: { paths: [createdAt, stats.views], onPatch: ${onPatch} } }]`,
      );
      documentApi(origin, `/${onPatch}`, { text: current });
      const received: string[] = [];
      origin.on(`PATCH /${onPatch}`, (_request, response, seen) => {
        received.push(seen.body.toString());
        response.end();
      });
      const { status } = await send('PATCH', `/${onPatch}`, { body, headers: { 'content-type': type } });
      const passes = refusedWith === 200;
      expect(status).toBe(onPatch === 'refuse' ? refusedWith : 200);
      if (onPatch === 'drop') expect(received).toEqual([passes ? body : dropped]);
      else expect(received).toEqual(passes ? [body] : []);
      if (onPatch === 'refuse') await gateway.stop();
    }
  });

  it('in a format that cannot be read is refused', async () => {
    await begin('writes: [{ on: PATCH /settings, preserve: [createdAt] }]');
    documentApi(origin, '/settings', { text: current });
    expect((await send('PATCH', '/settings', { body: '<a/>', headers: { 'content-type': 'text/xml' } })).status).toBe(
      415,
    );
  });

  it.each<[string, string, string, number, string]>([
    [
      'a list as plain JSON',
      'application/json',
      '[{"op":"replace","path":"/a","value":3}]',
      415,
      'unsupported-media-type',
    ],
    ['a list as a merge patch', mergePatch, '[]', 422, 'unmergeable'],
    ['a scalar', mergePatch, '5', 422, 'unmergeable'],
    ['null', 'application/json', 'null', 422, 'unmergeable'],
    ['a member in other letter case', mergePatch, '{"CreatedAt":9}', 422, 'preserved-member'],
    ['a member within, in other letter case', mergePatch, '{"stats":{"VIEWS":9}}', 422, 'preserved-member'],
    ['what holds it, in other letter case', mergePatch, '{"ſtats":{"views":9}}', 422, 'preserved-member'],
  ])('is never taken for one that changes nothing, nor sent: %s', async (_, type, body, status, problem) => {
    for (const text of [current, '{"a":1}', '[1]']) {
      await begin(
        'writes: [{ on: PATCH /s, preserve: { paths: [createdAt, stats.views], onPatch: drop }, unchanged: skip }]',
      );
      const api = documentApi(origin, '/s', { text });
      const answer = await send('PATCH', '/s', { body, headers: { 'content-type': type } });
      expect([answer.status, typeOf(answer.text), api.writes]).toEqual([status, problem, []]);
      await gateway.stop();
    }
  });

  it('of which nothing is left is sent, or refused by its own condition, but not told as done', async () => {
    await begin('writes: [{ on: PATCH /s, preserve: { paths: [a, b.c], onPatch: drop }, unchanged: skip }]');
    const api = documentApi(origin, '/s', { text: '{"a":1,"b":{"c":1}}' });
    const patch = (body: string, headers = {}) =>
      send('PATCH', '/s', { body, headers: { 'content-type': mergePatch, ...headers } });
    expect((await patch('{"a":2,"b":{"c":2}}')).headers['cache-status']).not.toContain('UNCHANGED');
    expect((await patch('{"a":2}', { 'if-match': '"old"' })).status).toBe(412);
    expect(api.writes).toEqual(['{"b":{}}']);
  });

  it('an operation with a member in two letter cases is refused: parsers differ in which they take', async () => {
    await begin('writes: [{ on: PATCH /s, preserve: [createdAt] }]');
    const api = documentApi(origin, '/s', { text: current });
    const body = '[{"op":"replace","path":"/a","Path":"/createdAt","value":9}]';
    const answer = await send('PATCH', '/s', { body, headers: { 'content-type': jsonPatch } });
    expect([answer.status, typeOf(answer.text), api.writes]).toEqual([422, 'unmergeable', []]);
  });

  it('an operation on it in other letter case is one on it', async () => {
    await begin('writes: [{ on: PATCH /s, preserve: [stats.views] }]');
    documentApi(origin, '/s', { text: current });
    const body = '[{"op":"replace","path":"/Stats/Views","value":1}]';
    expect((await send('PATCH', '/s', { body, headers: { 'content-type': jsonPatch } })).status).toBe(422);
  });
});

describe('a PUT that names a preserved member in other letter case', () => {
  it.each([
    ['is refused', '{"a":1,"createdAt":1}', '{"createdAt":8,"CreatedAt":9}', 422],
    ['is refused, too, where the resource does not have that member', '{"a":1}', '{"CreatedAt":9}', 422],
    ['passes where the API has both', '{"createdAt":1,"CreatedAt":2}', '{"createdAt":8,"CreatedAt":9}', 200],
  ])('%s', async (_, current, body, status) => {
    const api = await start(current);
    expect((await put(body)).status).toBe(status);
    expect(api.writes).toEqual(status === 200 ? ['{"createdAt":1,"CreatedAt":9}'] : []);
  });
});
