import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { gate } from '../support/barrier.ts';
import { type DocumentApi, documentApi } from '../support/document-api.ts';
import { ask, begin, cacheStatus, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';
import { cached, etagOf, json, put, required, serve } from './settings.ts';

/* Preconditions of protected writes, before APIs with entity tags of their own and without. */

useScriptedRig();

const off = 'routes: [{ match: /settings, cache: off }]\n';

describe.each(['none', 'weak', 'strong'] as const)('before an API with entity tags: %s', (etags) => {
  it.each([
    ['cached reads', cached],
    ['reads that pass through', off],
    ['compressed reads', `${cached.replace('} }', '}, client: { encode: [gzip] } }')}`],
  ])('a write with the tag of what was read succeeds, and one with an older tag gets 412 (%s)', async (_, routes) => {
    await begin(routes + required);
    const api = serve(etags);
    const old = await etagOf({ 'accept-encoding': 'gzip' });
    expect(old).toMatch(/^"/);
    expect((await put('{"a":2}', { 'if-match': old })).status).toBe(200);
    const refused = await put('{"a":3}', { 'if-match': old });
    expect([refused.status, refused.headers['content-type']]).toEqual([412, 'application/problem+json']);
    const now = await etagOf();
    expect(refused.json()).toMatchObject({ type: 'urn:unstale:problem:precondition-failed', etag: now });
    expect(refused.headers.etag).toBe(now);
    expect((await put('{"a":4}', { 'if-match': now })).status).toBe(200);
    expect(api.writes).toEqual(['{"a":2}', '{"a":4}']);
  });
});

describe.each([
  ['cached reads', cached],
  ['reads that pass through', off],
  ['reads with credentials, which bypass the cache', cached],
])('a copy from before, in a client (%s)', (name, routes) => {
  const mine: Record<string, string> = name.startsWith('reads with') ? { authorization: 'Bearer x' } : {};
  /** An API that confirms copies by a weak tag, or by a date. */
  const confirming = (api: DocumentApi): void => {
    origin.on('GET /settings', (request, response) => {
      response.setHeader('ETag', 'W/"1"');
      response.setHeader('Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT');
      const { 'if-none-match': tags = '', 'if-modified-since': since } = request.headers;
      const confirms = tags.includes('W/"1"') || (tags === '' && since !== undefined);
      response.writeHead(confirms ? 304 : 200, { 'Content-Type': api.contentType }).end(confirms ? '' : api.text);
    });
  };

  it.each<[string, Record<string, string>]>([
    ['a weak tag of the API', { 'if-none-match': 'W/"1"' }],
    ['a date', { 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }],
  ])('is not confirmed by %s alone: the client gets the tag with which it may write', async (_, condition) => {
    await begin(routes + required);
    confirming(serve());
    const read = await ask('/settings', { headers: { ...mine, ...condition } });
    expect(read.headers.etag).toMatch(/^"/);
    expect((await put('{"a":2}', { ...mine, 'if-match': String(read.headers.etag) })).status).toBe(200);
  });

  it('is confirmed by the tag that the gateway gave, until it changes', async () => {
    await begin(routes + required);
    const api = serve();
    confirming(api);
    const etag = await etagOf(mine);
    const read = await ask('/settings', { headers: { ...mine, 'if-none-match': `"x", W/${etag}` } });
    expect([read.status, read.text, read.headers.etag]).toEqual([304, '', etag]);
    expect((await put('{"a":2}', { ...mine, 'if-match': etag })).status).toBe(200);
    expect((await ask('/settings', { headers: { ...mine, 'if-none-match': etag } })).status).toBe(200);
  });
});

describe('precondition: required', () => {
  it('answers 428 to a write that says nothing, without asking the API', async () => {
    await begin(required);
    serve();
    const answer = await put('{"a":2}', { 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' });
    expect([answer.status, answer.json<{ type: string }>().type]).toEqual([
      428,
      'urn:unstale:problem:precondition-required',
    ]);
    expect(origin.seen).toEqual([]);
  });

  it('lets If-None-Match: * create, and not replace', async () => {
    await begin(required);
    const api = serve();
    expect((await put('{"a":2}', { 'if-none-match': '*' })).status).toBe(412);
    origin.on('GET /settings', (_, response) => void response.writeHead(404).end());
    expect((await put('{"a":2}', { 'if-none-match': '*' })).status).toBe(200);
    expect((await put('{"a":3}', { 'if-match': '*' })).status).toBe(412);
    expect(api.writes).toEqual(['{"a":2}']);
  });

  it('holds for a DELETE, too', async () => {
    await begin(required);
    serve();
    origin.on('DELETE /settings', (_, response) => void response.writeHead(204).end());
    expect((await send('DELETE', '/settings')).status).toBe(428);
    expect((await send('DELETE', '/settings', { headers: { 'if-match': '"old"' } })).status).toBe(412);
    expect((await send('DELETE', '/settings', { headers: { 'if-match': await etagOf() } })).status).toBe(204);
  });
});

describe('a tag that was changed on the way', () => {
  it.each([
    ['weakened, as nginx does', (tag: string) => `W/${tag}`, 200],
    ['with the suffix of Apache', (tag: string) => tag.replace(/"$/, '-gzip"'), 200],
    ['with the suffix of Jetty', (tag: string) => tag.replace(/"$/, '--gzip"'), 200],
    ['in a list', (tag: string) => `"x", ${tag}`, 200],
    ['another one', () => '"x", W/"y"', 412],
    ['malformed', (tag: string) => tag.replaceAll('"', ''), 412],
  ])('%s', async (_, change, status) => {
    await begin(required);
    serve();
    expect((await put('{"a":2}', { 'if-match': change(await etagOf()) })).status).toBe(status);
  });

  it.each([
    ['cached reads', cached],
    ['reads that pass through', off],
  ])(
    'weakened between the API and the gateway, with a strong one in what is not compressed (%s)',
    async (_, routes) => {
      await begin(routes + required);
      const api = serve('strong');
      origin.on('GET /settings', (request, response) => {
        const compresses = request.headers['accept-encoding']?.includes('gzip') === true;
        response.setHeader('Vary', 'Accept-Encoding').setHeader('ETag', (compresses ? 'W/' : '') + api.etag());
        if (compresses) response.setHeader('Content-Encoding', 'gzip');
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(compresses ? gzipSync(api.text) : api.text);
      });
      const old = await etagOf({ 'accept-encoding': 'gzip, br' });
      expect((await put('{"a":2}', { 'if-match': old })).status).toBe(200);
      expect((await put('{"a":3}', { 'if-match': old })).status).toBe(412);
      expect((await put('{"a":4}', { 'if-match': await etagOf({ 'accept-encoding': 'gzip, br' }) })).status).toBe(200);
      expect((await put('{"a":5}', { 'if-match': await etagOf() })).status).toBe(200);
      expect(api.writes).toEqual(['{"a":2}', '{"a":4}', '{"a":5}']);
    },
  );

  it('a coding that the gateway cannot undo is not asked for', async () => {
    await begin(cached + required);
    const api = serve();
    origin.on('GET /settings', (request, response) => {
      const coding = ['zstd', 'gzip'].find((each) => request.headers['accept-encoding']?.includes(each));
      if (coding !== undefined) response.setHeader('Content-Encoding', coding);
      response.setHeader('Vary', 'Accept-Encoding').setHeader('Content-Type', 'application/json');
      response.end(coding === 'zstd' ? 'unreadable' : coding === 'gzip' ? gzipSync(api.text) : api.text);
    });
    for (const accepted of ['zstd, gzip, br', 'zstd', '*, zstd;q=0.5']) {
      const etag = await etagOf({ 'accept-encoding': accepted });
      expect((await put(`{"a":"${accepted}"}`, { 'if-match': etag })).status).toBe(200);
    }
    expect(origin.seen.flatMap(({ rawHeaders }) => rawHeaders).join()).not.toContain('zstd');
  });

  it.each([
    ['one that was not asked for', () => ['compress', Buffer.from('?')] as const],
    ['more than is decoded', (text: string) => ['gzip', gzipSync(text)] as const],
  ])('where a coding cannot be undone all the same, the body is asked for without: %s', async (_, coded) => {
    await begin(cached + required);
    const api = serve('weak');
    api.text = JSON.stringify({ a: 'x'.repeat(100_000) });
    origin.on('GET /settings', (request, response) => {
      const [coding, body] = coded(api.text);
      const isCoded = request.headers['accept-encoding'] !== 'identity';
      response.setHeader('Vary', 'Accept-Encoding').setHeader('Content-Type', 'application/json');
      response.setHeader('ETag', `W/${api.etag()}`);
      if (isCoded) response.setHeader('Content-Encoding', coding);
      response.end(isCoded ? body : api.text);
    });
    const read = await ask('/settings', { headers: { 'accept-encoding': 'gzip' } });
    expect(read.text).toBe(api.text);
    expect((await put('{"a":2}', { 'if-match': String(read.headers.etag) })).status).toBe(200);
  });

  it('an API that compresses gives tags that match all the same', async () => {
    await begin(cached + required);
    const api = serve();
    origin.on('GET /settings', (request, response) => {
      const gzips = String(request.headers['accept-encoding']).includes('gzip');
      response.setHeader('Vary', 'Accept-Encoding');
      response.setHeader('Content-Type', api.contentType);
      if (gzips) response.setHeader('Content-Encoding', 'gzip');
      response.end(gzips ? gzipSync(api.text) : api.text);
    });
    const coded = await etagOf({ 'accept-encoding': 'gzip' });
    expect(coded).not.toBe(await etagOf());
    expect((await put('{"a":2}', { 'if-match': coded })).status).toBe(200);
  });
});

it('where the representation is at another path (before), its reads give the tag', async () => {
  const routes =
    'routes: [{ match: /settings/:id, cache: { ttl: 60s } }, { match: /commands/:id, before: "GET /settings/{id}" }]';
  await begin(`${routes}\nwrites: [{ on: PUT /commands/:id, precondition: required }]`);
  const api = documentApi(origin, '/settings/1', { text: '{"a":1}', etags: 'weak' });
  origin.on('PUT /commands/1', (_, response) => {
    api.text = '{"a":2}';
    response.writeHead(204).end();
  });
  const write = async () => {
    const { etag } = (await ask('/settings/1')).headers;
    return (await send('PUT', '/commands/1', { body: '{}', headers: { ...json, 'if-match': String(etag) } })).status;
  };
  expect(await write()).toBe(204);
  // Somebody has gone past the gateway: the copy that gave the old tag is not given again.
  await ask('/settings/1');
  api.text = '{"a":3}';
  expect([await write(), await write()]).toEqual([412, 204]);
});

it('a tag of what the API gives to whom takes anything holds where it is asked for JSON to be merged with', async () => {
  await begin('writes: [{ on: PUT /settings, merge: true, precondition: required }]');
  const api = serve();
  origin.on('GET /settings', (request, response) => {
    const isPlain = request.headers.accept?.startsWith('application/json') === true;
    response.setHeader('Vary', 'Accept').setHeader('Content-Type', isPlain ? 'application/json' : 'text/html');
    response.end(isPlain ? api.text : `<pre>${api.text}</pre>`);
  });
  const tags = [await etagOf(), await etagOf({ accept: 'application/json' })];
  expect((await put('{"b":1}', { 'if-match': tags[0] as string })).status).toBe(200);
  expect(api.writes).toEqual(['{"b":1,"a":1}']);
  for (const old of tags) expect((await put('{"b":2}', { 'if-match': old })).status).toBe(412);
});

it('a tag of one of several representations holds for a write that accepts the same', async () => {
  await begin(required);
  const api = serve();
  origin.on('GET /settings', (request, response) => {
    const type = request.headers.accept === 'application/vnd.acme.v2+json' ? 'v2' : 'v1';
    response.writeHead(200, { 'Content-Type': 'application/json', Vary: 'Accept' }).end(`{"${type}":1}`);
  });
  const v2 = { accept: 'application/vnd.acme.v2+json' };
  expect((await put('{"v2":2}', { ...v2, 'if-match': await etagOf(v2) })).status).toBe(200);
  expect((await put('{"v1":2}', { 'if-match': await etagOf(v2) })).status).toBe(412);
  expect(api.writes).toEqual(['{"v2":2}']);
});

describe('a retry whose first answer was lost', () => {
  it('succeeds with the old tag, and neither writes nor announces again', async () => {
    await begin(required);
    const api = serve();
    const events = await sseClient(`${gateway.url}/_unstale/events`);
    const old = await etagOf();
    await put('{"a":2}', { 'if-match': old });
    const again = await put('{ "a": 2 }', { 'if-match': old });
    expect([again.status, again.text, cacheStatus(again)]).toEqual([200, '{"a":2}', 'unstale; detail=UNCHANGED']);
    await put('{"a":3}', { 'if-match': String(again.headers.etag) });
    await events.next();
    await events.next();
    expect(api.writes).toEqual(['{"a":2}', '{"a":3}']);
    expect(events.events).toHaveLength(2);
    events.close();
  });
});

describe('precondition: honour, and off', () => {
  it('honour evaluates what is sent, and asks for nothing', async () => {
    await begin('writes: [{ on: PUT /settings, precondition: honour }]');
    serve();
    expect((await put('{"a":2}')).status).toBe(200);
    expect(origin.requests('GET /settings')).toEqual([]);
    expect((await put('{"a":3}', { 'if-match': '"x"' })).status).toBe(412);
  });

  it('off passes conditions on', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true, precondition: off }]');
    serve();
    expect((await put('{"a":2}', { 'if-match': '"x"' })).status).toBe(200);
    expect(origin.requests('PUT /settings')[0]?.rawHeaders).toContain('"x"');
  });
});

describe('an answer of the gateway’s own', () => {
  it('is not given before what it tells of is effective: after a 412, a read is not older than that', async () => {
    const rules = 'rules: [{ on: POST /reset, invalidate: [/settings] }]\n';
    await begin(`${cached}${rules}writes: [{ on: PUT /settings, precondition: required }]`);
    const api = serve();
    const old = await etagOf();
    const answered = gate();
    origin.on('POST /reset', async (_, response) => {
      api.text = '{"a":2}';
      await answered.pass();
      response.end();
    });
    const reset = send('POST', '/reset');
    await answered.arrived();
    expect((await put('{"a":3}', { 'if-match': old })).status).toBe(412);
    expect((await ask('/settings')).text).toBe('{"a":2}');
    answered.release();
    await reset;
  });
});
