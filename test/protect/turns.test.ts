import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { documentApi } from '../support/document-api.ts';
import type { Answer } from '../support/request.ts';
import { begin, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* Writes of one resource go one after the other. */

useScriptedRig();

const put = (path: string, value: Record<string, unknown>) => send('PUT', path, { body: value });
const merges = 'writes: [{ on: "PUT /**", merge: true }]';

describe('turns', () => {
  it('two editors at once: the second merges with what the first has written', async () => {
    await begin(merges);
    const api = documentApi(origin, '/settings', { text: '{"a":0,"b":0}' });
    api.gate = gate();
    const first = put('/settings', { a: 1 });
    await api.gate.arrived();
    const second = put('/settings', { b: 2 });
    // Of another resource, a write is not delayed.
    documentApi(origin, '/other', { text: '{"a":0}' });
    expect((await put('/other', { a: 1 })).status).toBe(200);
    expect(origin.requests('GET /settings')).toHaveLength(1);
    api.gate.release();
    expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([200, 200]);
    expect(JSON.parse(api.text)).toEqual({ a: 1, b: 2 });
  });

  describe.each([
    ['PATCH', 'an entry names, and which needs no read', '{ on: PUT|PATCH /settings, merge: true }'],
    ['PATCH', 'no entry names', '{ on: PUT /settings, merge: true }'],
    [
      'PATCH',
      'another entry names',
      '{ on: PATCH /settings, idempotency: { key: optional } }, { on: PUT /*, merge: true }',
    ],
    ['DELETE', 'no entry names', '{ on: PUT /settings, merge: true }'],
    ['POST', 'an entry names', '{ on: "PUT|POST /settings", merge: true }'],
    ['POST', 'no entry names, but which overrides its method', '{ on: PUT /settings, merge: true }'],
  ])('a %s that %s', (method, which, entries) => {
    it('does not slip between the read and the write of another', async () => {
      await begin(`writes: [${entries}]`);
      const api = documentApi(origin, '/settings', { text: '{"a":0,"b":0}' });
      const order: string[] = [];
      const read = gate();
      const tells = (status: number) => (request: IncomingMessage, response: ServerResponse) => {
        order.push(String(request.method));
        response.writeHead(status).end();
      };
      origin.on('GET /settings', async (_, response) => {
        const { text } = api;
        await read.pass();
        response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      });
      origin.on('PUT /settings', tells(204));
      origin.on(`${method} /settings`, tells(204));
      const first = put('/settings', { a: 1 });
      await read.arrived();
      const overrides = which.includes('overrides') ? { 'x-http-method-override': 'PATCH' } : {};
      const second = send(method, '/settings', {
        headers: { 'content-type': 'application/json', ...overrides },
        ...(method !== 'DELETE' && { body: '{"b":1}' }),
      });
      // Of another resource: whatever came before it has been taken in.
      await put('/other', { a: 1 });
      expect(order).toEqual([]);
      read.release();
      expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([204, 204]);
      expect(order).toEqual(['PUT', method]);
    });
  });

  it('a POST that no entry names goes side by side with others', async () => {
    await begin(merges);
    const both = gate();
    origin.on('POST /orders', async (_, response) => {
      await both.pass();
      response.writeHead(201).end();
    });
    const posts = [send('POST', '/orders', { body: {} }), send('POST', '/orders', { body: {} })];
    await both.arrived(2);
    both.release();
    expect((await Promise.all(posts)).map(({ status }) => status)).toEqual([201, 201]);
  });

  it('a long body takes its turn at its end: who stalls keeps nobody waiting', async () => {
    await begin('writes: [{ on: PATCH /settings, preserve: [x] }]');
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    let replaced = false;
    origin.on('PUT /settings', (_, response) => {
      replaced = true;
      response.writeHead(204).end();
    });
    const upload = request(`${gateway.url}/settings`, { method: 'PUT' });
    upload.write(`{"a":"${'x'.repeat(400_000)}`);
    await origin.until((seen) => seen.some(({ method }) => method === 'PUT'));
    const patch = () => send('PATCH', '/settings', { body: { b: 1 }, headers: { 'content-type': 'application/json' } });
    expect((await patch()).status).toBe(200);
    api.gate = gate();
    const patched = patch();
    await api.gate.arrived();
    const replacing = once(upload, 'response');
    upload.end('"}');
    await put('/other', { a: 1 });
    expect(replaced).toBe(false);
    api.gate.release();
    expect((await patched).status).toBe(200);
    const [answer] = (await replacing) as [IncomingMessage];
    expect([answer.statusCode, replaced]).toEqual([204, true]);
    answer.resume();
  });

  it('of many equal-tagged writes, exactly one succeeds', async () => {
    await begin('writes: [{ on: PUT /settings, precondition: required }]');
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    const etag = String((await send('GET', '/settings')).headers.etag);
    const all = Array.from({ length: 16 }, (_, i) =>
      send('PUT', '/settings', {
        body: { a: i + 1 },
        headers: { 'content-type': 'application/json', 'if-match': etag },
      }),
    );
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(15);
    expect(api.writes).toHaveLength(1);
  });

  it('so many wait, and further ones are answered 503 with Retry-After', async () => {
    await begin(`server: { listen: "127.0.0.1:0", trustedProxies: [127.0.0.1] }\n${merges}`);
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    api.gate = gate();
    const all = Array.from({ length: 70 }, (_, i) =>
      send('PUT', '/settings', { body: { [`m${i}`]: i }, headers: { 'x-forwarded-for': `203.0.113.${i % 7}` } }),
    );
    const refused: Answer[] = [];
    for (const each of all) void each.then((answer) => refused.push(answer));
    await until(() => refused.length === 5, 'five refusals');
    expect(refused.map(({ status, headers }) => [status, headers['retry-after']])).toEqual(Array(5).fill([503, '1']));
    api.gate.release();
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(65);
    expect(Object.keys(JSON.parse(api.text) as object)).toHaveLength(66);
  });

  it('after a write of unknown outcome, the next is refused until that can no longer be applied', async () => {
    await begin(`coherence: { settle: 1h }\n${merges}`);
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    origin.on('PUT /settings', (request) => void request.socket.destroy());
    expect((await put('/settings', { a: 1 })).status).toBe(502);
    const next = await put('/settings', { b: 1 });
    expect([next.status, next.json<{ type: string }>().type]).toEqual([503, 'urn:unstale:problem:unsettled']);
    expect(Number(next.headers['retry-after'])).toBeGreaterThan(3_500);
    expect(api.writes).toEqual([]);
    expect(gateway.logs.filter(({ msg }) => msg === 'write')).toHaveLength(1);
  });

  it.each([
    ['PATCH', 'an entry names, and which needs no read', '{"b":1}'],
    ['DELETE', 'no entry names', ''],
    ['PATCH', 'is longer than what is read ahead', `{"b":"${'x'.repeat(400_000)}"}`],
  ])('so is a %s that %s: it would be overwritten', async (method, which, body) => {
    const methods = which.startsWith('an entry') ? 'PUT|PATCH' : 'PUT';
    await begin(`coherence: { settle: 1h }\nwrites: [{ on: ${methods} /settings, merge: true }]`);
    documentApi(origin, '/settings', { text: '{"a":0}' });
    origin.on('PUT /settings', (request) => void request.socket.destroy());
    expect((await put('/settings', { a: 1 })).status).toBe(502);
    const next = await send(method, '/settings', { body, headers: { 'content-type': 'application/merge-patch+json' } });
    expect([next.status, next.json<{ type: string }>().type]).toEqual([503, 'urn:unstale:problem:unsettled']);
    expect(Number(next.headers['retry-after'])).toBeGreaterThan(3_500);
    expect(origin.requests(`${method} /settings`)).toEqual([]);
  });

  it('a write of unknown outcome to another resource, with a tag of this one, refuses none', async () => {
    await begin(`coherence: { settle: 1h }
routes: [{ match: /settings, tags: [all] }]
rules: [{ on: POST /imports, invalidate: [{ tag: all }] }]
${merges}`);
    documentApi(origin, '/settings', { text: '{"a":0}' });
    origin.on('POST /imports', (_, response) => void response.writeHead(500).end());
    expect((await send('POST', '/imports')).status).toBe(500);
    expect((await put('/settings', { a: 1 })).status).toBe(200);
  });
});
