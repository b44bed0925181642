import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { documentApi } from '../support/document-api.ts';
import { ask, begin, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* Preconditions of writes, before an API that compresses, and gives strong tags with what it compresses. */

useScriptedRig();

const put = (body: string, headers: Record<string, string>) =>
  send('PUT', '/settings', { body, headers: { 'content-type': 'application/json', ...headers } });
const etagOf = async (headers: Record<string, string> = {}) =>
  String((await ask('/settings', { headers })).headers.etag);

const required = 'writes: [{ on: "* /settings", precondition: required }]';
const cached = 'defaults: { cache: { ttl: 60s } }\n';
const off = 'routes: [{ match: /settings, cache: off }]\n';

describe.each([
  ['another for each coding', (tag: string, coding: string) => tag.replace(/"$/, `${coding === '' ? '' : 'Z'}"`)],
  ['the same for each coding', (tag: string) => tag],
  ['with a suffix for each coding', (tag: string, coding: string) => tag.replace(/"$/, `-${coding}"`)],
])('an API that compresses and gives strong tags, %s', (_, tagOf) => {
  it.each([
    ['cached', cached],
    ['passing through', off],
  ])('gives one that matches, and holds until the document changes (%s)', async (_, routes) => {
    await begin(`${routes}${required}`);
    const api = documentApi(origin, '/settings', { text: '{"a":1}' });
    origin.on('GET /settings', (request, response) => {
      const coding = request.headers['accept-encoding']?.includes('gzip') === true ? 'gzip' : '';
      const etag = coding === '' ? api.etag() : tagOf(api.etag(), coding);
      const head = { 'Content-Type': 'application/json', Vary: 'Accept-Encoding', ETag: etag };
      if (request.headers['if-none-match'] === etag) response.writeHead(304, head).end();
      else if (coding === '') response.writeHead(200, head).end(api.text);
      else response.writeHead(200, { ...head, 'Content-Encoding': coding }).end(gzipSync(api.text));
    });
    const gzips = { 'accept-encoding': 'gzip' };
    const old = await etagOf(gzips);
    expect((await ask('/settings', { headers: { ...gzips, 'if-none-match': old } })).status).toBe(304);
    expect((await put('{"a":2}', { 'if-match': old })).status).toBe(200);
    expect((await put('{"a":3}', { 'if-match': old })).status).toBe(412);
    expect((await put('{"a":4}', { 'if-match': await etagOf(gzips) })).status).toBe(200);
    expect((await put('{"a":5}', { 'if-match': await etagOf() })).status).toBe(200);
    expect(api.writes).toEqual(['{"a":2}', '{"a":4}', '{"a":5}']);
  });
});
