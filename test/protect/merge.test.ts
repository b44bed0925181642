import { describe, expect, it } from 'vitest';
import { ask, begin, cacheStatus, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* Writes under an entry of `writes`, before a scripted API with one document. */

useScriptedRig();

let document: string;
const json = { 'content-type': 'application/json' };

/** An API that has one document, without entity tags, and takes what it gets. */
function serve(initial: string): void {
  document = initial;
  origin.on('GET /settings', (_, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(document);
  });
  origin.on('PUT /settings', (_, response, { body }) => {
    document = body.toString();
    response.setHeader('Content-Type', 'application/json');
    response.end(document);
  });
}

const put = (body: string, headers: Record<string, string> = {}) =>
  send('PUT', '/settings', { body, headers: { ...json, ...headers } });

describe('merge', () => {
  it('keeps the members that a PUT leaves out, byte for byte', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true }]');
    serve('{"id":9223372036854775808,"name":"old","note":"\\u00e9"}');
    const answer = await put('{ "name": "new" }');
    expect(answer.status).toBe(200);
    expect(document).toBe('{ "name": "new","id":9223372036854775808,"note":"\\u00e9" }');
  });

  it('creates what is not there, as it is', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true, preserve: [createdAt] }]');
    serve('');
    origin.on('GET /settings', (_, response) => void response.writeHead(404).end());
    await put('{ "name": "new", "createdAt": 1 }');
    expect(document).toBe('{ "name": "new", "createdAt": 1 }');
  });

  it('reads the API, not the cache', async () => {
    await begin('routes: [{ match: /settings, cache: { ttl: 60s } }]\nwrites: [{ on: PUT /settings, merge: true }]');
    serve('{"a":1}');
    await ask('/settings');
    document = '{"a":1,"b":2}';
    await put('{"a":3}');
    expect(document).toBe('{"a":3,"b":2}');
  });
});

describe('unchanged: skip', () => {
  it.each(['text/markdown', '', '; charset=utf-8'])(
    'sends the same octets of another media type: "%s"',
    async (type) => {
      await begin('writes: [{ on: PUT /settings, unchanged: skip }]');
      serve('{"a":1}');
      const answer = await put('{"a":1}', { 'content-type': type });
      expect(cacheStatus(answer)).not.toContain('UNCHANGED');
    },
  );

  it.each([
    ['is not sent where it names no language', {}, 0],
    ['is sent where it names a language that the current one does not', { 'content-language': 'de' }, 1],
  ])('a patch of equal values %s', async (_, fields, sent) => {
    await begin('writes: [{ on: PATCH /settings, preserve: [b], unchanged: skip }]');
    serve('{"a":1,"b":2}');
    origin.on('PATCH /settings', (_request, response) => void response.writeHead(204).end());
    const headers = { 'content-type': 'application/merge-patch+json', ...fields };
    await send('PATCH', '/settings', { body: '{"a":1}', headers });
    expect(origin.requests('PATCH /settings')).toHaveLength(sent);
  });

  it('gives pages of other origins what the API lets them see', async () => {
    await begin('writes: [{ on: PUT|PATCH /settings, merge: true, preserve: [a], unchanged: skip }]');
    serve('{"a":1,"b":2}');
    const cors = { 'access-control-allow-origin': 'https://office.example', vary: 'Origin' };
    origin.on('GET /settings', (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', ...cors }).end(document);
    });
    const answers = [
      await put('{"b":2}'),
      await put('{"b":3}', { 'if-match': '"old"' }),
      await send('PATCH', '/settings', { body: '{"a":2}', headers: json }),
    ];
    origin.on('GET /settings', (_, response) => void response.writeHead(401, cors).end());
    answers.push(await put('{"b":3}'));
    expect(answers.map(({ status }) => status)).toEqual([200, 412, 422, 401]);
    for (const { headers } of answers) expect(headers).toMatchObject(cors);
  });

  it('answers without the API what changes nothing', async () => {
    await begin('writes: [{ on: PUT /settings, merge: true, unchanged: skip }]');
    serve('{"a":1,"b":2}');
    const answer = await put('{"b":2}');
    expect([answer.status, answer.text]).toEqual([200, '{"a":1,"b":2}']);
    expect(cacheStatus(answer)).toBe('unstale; detail=UNCHANGED');
    expect(origin.requests('GET /settings').map(({ method }) => method)).toEqual(['GET']);
  });
});
