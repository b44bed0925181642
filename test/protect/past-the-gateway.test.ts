import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ask, begin, origin, send, useScriptedRig } from '../support/scripted-rig.ts';
import { cached, etagOf, json, put, required, serve } from './settings.ts';

/* Protected writes, and others that reach the API past the gateway. */

useScriptedRig();

describe('somebody who goes past the gateway', () => {
  it('is noticed where the API has strong tags: the write is merged with what he wrote', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true }]');
    const api = serve('strong');
    let stolen = false;
    origin.on('GET /settings', (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', ETag: api.etag() }).end(api.text);
      if (!stolen) api.text = '{"a":1,"b":2}';
      stolen = true;
    });
    expect((await put('{"a":3}')).status).toBe(200);
    expect(api.writes).toEqual(['{"a":3,"b":2}']);
  });

  it.each([404, 410])('who creates what was not there (%i) is noticed, too', async (status) => {
    await begin('writes: [{ on: PUT /settings, merge: true }]');
    const api = serve('strong');
    let created = false;
    origin.on('GET /settings', (_, response) => {
      if (created) response.writeHead(200, { 'Content-Type': 'application/json', ETag: api.etag() }).end(api.text);
      else response.writeHead(status).end();
      created = true;
    });
    expect((await put('{"b":3}')).status).toBe(200);
    expect(api.writes).toEqual(['{"b":3,"a":1}']);
  });

  it('an API that says that there is nothing, and then that there is, is believed: its answer is passed on', async () => {
    await begin('writes: [{ on: PUT /settings, preserve: [createdAt] }]');
    const api = serve('strong');
    origin.on('GET /settings', (_, response) => void response.writeHead(404).end());
    expect((await put('{"b":3}')).status).toBe(412);
    expect([origin.requests('PUT /settings').length, api.writes]).toEqual([2, []]);
  });

  it('a resource that exists and is not set (204) is not taken for one that does not exist', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true }]');
    serve('none');
    origin.on('GET /settings', (_, response) => void response.writeHead(204).end());
    expect((await put('{"b":3}')).status).toBe(200);
    expect(origin.requests('PUT /settings')[0]?.rawHeaders).not.toContain('If-None-Match');
  });

  it('leaves no stored copy behind whose tag is refused again and again', async () => {
    await begin(cached + required);
    const api = serve();
    const old = await etagOf();
    api.text = '{"a":2}';
    expect((await put('{"a":3}', { 'if-match': '"made-up"' })).status).toBe(412);
    expect(await etagOf()).toBe(old);
    expect((await put('{"a":3}', { 'if-match': old })).status).toBe(412);
    expect((await put('{"a":3}', { 'if-match': await etagOf() })).status).toBe(200);
  });

  it('leaves none behind under another spelling either', async () => {
    await begin(`origin: { url: ${origin.url}, ignoreInPaths: [case] }
routes: [{ match: "/documents/:id", cache: { ttl: 60s } }]
writes: [{ on: "PUT /documents/:id", precondition: required }]`);
    let version = 1;
    const answer = (_: unknown, response: ServerResponse): void => {
      response.writeHead(200, { 'Content-Type': 'application/json', ETag: `"v${version}"` }).end('{}');
    };
    origin.on('GET /documents/b', answer);
    origin.on('GET /documents/B', answer);
    const tag = async (): Promise<unknown> => (await ask('/documents/b')).headers.etag;
    expect([await tag(), await tag()]).toEqual(['"v1"', '"v1"']);
    version = 2;
    const headers = { ...json, 'if-match': '"v1"' };
    expect((await send('PUT', '/documents/B', { body: '{"a":3}', headers })).status).toBe(412);
    expect(await tag()).toBe('"v2"');
  });

  it('who never stops is given way to: 503 after so many attempts', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true }]');
    const api = serve('strong');
    let writes = 0;
    origin.on('GET /settings', (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', ETag: api.etag() }).end(api.text);
      writes += 1;
      api.text = `{"a":1,"b":${writes}}`;
    });
    expect((await put('{"a":3}')).status).toBe(503);
    expect(origin.requests('PUT /settings')).toHaveLength(4);
    expect(api.writes).toEqual([]);
  });

  it('an API that refuses its own tag is believed: its answer is passed on', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true }]');
    serve('strong');
    origin.on('PUT /settings', (_, response) => void response.writeHead(412).end());
    expect((await put('{"a":3}')).status).toBe(412);
    expect(origin.requests('PUT /settings')).toHaveLength(2);
  });
});
