import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { gate, until } from '../support/barrier.ts';
import {
  answering,
  type Behaviour,
  DOWN,
  forAWhile,
  PROBE,
  resetting,
  SHORT,
  silent,
  useFailingApi,
  well,
} from '../support/failing-api.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';

/*
 * An API that is down is not asked: reads get a stale copy where the route allows it, and everything else a 503 that
 * says since when. Nothing is hammered, and the first success ends it.
 */

const api = useFailingApi();

describe('an origin is down after as many failures in a row', () => {
  test.each<[string, Behaviour | 'gone', number | 'broken']>([
    ['no connection', 'gone', 502],
    ['resets', resetting, 502],
    ['no answer in time', silent, 504],
    ['no HTTP', ({ socket }) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n'), 502],
    ['502', answering(502), 502],
    ['503', answering(503), 503],
    ['504', answering(504), 504],
  ])('%s', async (_what, behaviour, status) => {
    const startedAt = Date.now();
    if (behaviour === silent) api.timeout = SHORT;
    await api.start(behaviour === 'gone' ? PROBE.never : 'first: 50ms, most: 1h');
    if (behaviour === 'gone') await api.down();
    else api.behave = behaviour;
    let failures = 0;
    await until(async () => {
      const answer = await api.ask(`/failing?${failures++}`);
      // A probe has found it down meanwhile.
      if (api.lines('an origin is down').length > 0) return true;
      expect(answer.status, 'a single failure is told as what it is').toBe(status);
      expect(answer.text).not.toContain(DOWN);
      return false;
    }, 'the origin to be down');
    expect(failures).toBeGreaterThanOrEqual(3);
    if (behaviour === 'gone') await api.up();
    const before = api.seen.length;
    const refused = await api.ask('/other');
    expect(refused.status).toBe(503);
    expect(refused.json()).toMatchObject({ type: DOWN, status: 503, origin: 'legacy' });
    const { since } = refused.json<{ since: string }>();
    expect(Date.parse(since)).toBeGreaterThanOrEqual(startedAt);
    expect(Date.parse(since)).toBeLessThanOrEqual(Date.now());
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(behaviour === 'gone' ? 1_000 : 0);
    expect(refused.headers['proxy-status']).toBe('unstale; error=destination_unavailable');
    expect(api.seen.slice(before), 'what may have come is a probe').not.toContain('GET /other');
  });

  test.each([200, 204, 304, 400, 401, 404, 429, 500, 501])('and %i is none', async (status) => {
    await api.start(PROBE.quick);
    api.behave = answering(status);
    await forAWhile((i) => api.ask(`/answered?${i}`));
    const failTwice = async (): Promise<void> => {
      await api.down();
      for (let i = 0; i < 2; i++) await api.ask('/passed/failing');
      await api.up();
    };
    await failTwice();
    await api.ask('/passed/in-between');
    await failTwice();
    expect(api.lines('an origin is down'), 'the answer in between began the count again').toEqual([]);
  });

  test('circuit: off asks each time', async () => {
    await api.startWith(`origin: { url: "${api.url}", circuit: off }`);
    api.behave = answering(503);
    for (let i = 0; i < 20; i++) expect((await api.ask(`/failing?${i}`)).headers['content-type']).toBeUndefined();
    expect(api.seen).toHaveLength(20);
  });
});

describe('what counts for nothing', () => {
  /** Neither down nor up again: a probe would find it well. */
  const expectUp = async (): Promise<void> => {
    api.behave = well;
    expect((await api.ask('/well')).status).toBe(200);
    expect(api.lines('an origin is down')).toEqual([]);
  };

  test('writes that take too long, of an origin that is well', async () => {
    api.timeout = SHORT;
    await api.start(PROBE.quick);
    api.behave = silent;
    for (let i = 0; i < 6; i++) expect((await api.ask('/reports', { method: 'POST', body: { i } })).status).toBe(504);
    api.behave = answering(504);
    for (let i = 0; i < 6; i++) expect((await api.ask('/reports', { method: 'POST', body: { i } })).status).toBe(504);
    await expectUp();
  });

  test.each<[string, Behaviour]>([
    ['closing the connection', ({ socket }) => void socket.destroy()],
    ['503', ({ socket }) => void socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')],
  ])('handshakes that the API refuses by %s', async (_what, behaviour) => {
    await api.start(PROBE.quick);
    api.behave = behaviour;
    await forAWhile(async () => {
      const socket = new WebSocket(`${api.gateway.url.replace('http', 'ws')}/socket`);
      await new Promise((resolve) => socket.on('error', resolve));
    });
    expect(api.seen.filter((request) => request === 'GET /socket').length).toBeGreaterThanOrEqual(6);
    await expectUp();
  });

  test('many failures at once, of one resource', async () => {
    await api.start('first: 10s, most: 1h');
    api.behave = answering(503);
    await Promise.all(Array.from({ length: 20 }, (_, i) => api.ask(`/limited?${i}`)));
    await expectUp();
  });

  test.each<[string, Behaviour]>([
    ['is refused to one client, for as long as he asks for it', answering(503)],
    ['breaks off', ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')],
    ['does not answer', silent],
  ])('failures of one resource that %s alone: a HEAD of another one is answered', async (_what, behaviour) => {
    if (behaviour === silent) api.timeout = SHORT;
    await api.start(PROBE.quick);
    await api.ask('/passed/well');
    api.behave = (request, response) =>
      request.url === '/passed/well' ? well(request, response) : behaviour(request, response);
    const heads = (): number => api.seen.filter((request) => request === 'HEAD /passed/well').length;
    // On a machine that is busy a request may fail before the API has seen it.
    let failures = 0;
    await until(async () => {
      failures += 1;
      await api.ask('/passed/limited').catch(() => undefined);
      return heads() > 2;
    }, 'the gateway to have asked');
    expect(failures).toBeGreaterThanOrEqual(9);
    await expectUp();
  });

  test('failures of one resource, among answers of others', async () => {
    await api.start(PROBE.quick);
    const held = gate();
    api.behave = async (request, response) => {
      if (request.url?.startsWith('/slow') !== true) return well(request, response);
      await held.pass();
      request.socket.destroy();
    };
    const slow = Array.from({ length: 6 }, (_, i) => api.ask(`/slow?${i}`, { method: 'POST', body: {} }));
    await held.arrived(6);
    await forAWhile((i) => api.ask(`/passed/${i}`));
    held.release();
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual(Array(6).fill(502));
    // Nothing is answered in between: only time passes.
    await forAWhile(() => new Promise((resolve) => setImmediate(resolve)));
    expect((await api.ask('/slow?again', { method: 'POST', body: {} })).status).toBe(502);
    await expectUp();
  });

  test('writes that cannot be sent do count', async () => {
    await api.start(PROBE.never);
    await api.down();
    for (let i = 0; i < 3; i++) expect((await api.ask('/reports', { method: 'POST', body: { i } })).status).toBe(502);
    expect((await api.ask('/well')).json()).toMatchObject({ type: DOWN });
  });

  test('clients that give up', async () => {
    await api.start(PROBE.quick);
    const held = gate();
    api.behave = () => held.pass();
    for (let i = 0; i < 6; i++) {
      const abort = new AbortController();
      const given = api.ask(`/passed/${i}`, { signal: abort.signal }).catch(() => 'given up');
      await held.arrived(i + 1);
      abort.abort();
      expect(await given).toBe('given up');
    }
    await until(() => api.connections === 0, 'the gateway to give its requests up');
    await expectUp();
    held.release();
  });

  test('uploads that break off', async () => {
    await api.start(PROBE.quick);
    api.behave = silent;
    for (let i = 0; i < 6; i++) {
      const before = api.seen.length;
      const parts = async function* (): AsyncGenerator<Buffer> {
        yield Buffer.alloc(600_000);
        await until(() => api.seen.length > before, 'the upload to come to the origin');
        throw new Error('broken off');
      };
      await expect(api.ask('/other', { method: 'PUT', body: Readable.from(parts()) })).rejects.toThrow('broken off');
    }
    await expectUp();
  });

  test('failures of requests that were sent before the origin was up again', async () => {
    await api.start(PROBE.soon);
    const held = gate();
    api.behave = async ({ socket, url }, response) => {
      if (url?.startsWith('/passed/held') === true) {
        await held.pass();
        socket.destroy();
      } else response.writeHead(503).end();
    };
    const late = Array.from({ length: 5 }, (_, i) => api.ask(`/passed/held?${i}`).catch(() => undefined));
    await held.arrived(5);
    await api.failUntilDown();
    expect(api.lines('an origin is down')).toHaveLength(1);
    api.behave = well;
    await until(async () => (await api.ask('/well')).status === 200, 'the origin to be up');
    held.release();
    await Promise.all(late);
    expect((await api.ask('/well?again')).status).toBe(200);
    expect(api.lines('an origin is down')).toHaveLength(1);
  });
});

describe('while it is down', () => {
  test.each<[string, string, RequestOptions]>([
    ['a cached read', '/cached', {}],
    ['a HEAD', '/cached', { method: 'HEAD' }],
    ['a read that passes through', '/passed/1', {}],
    ['a read with a body', '/cached', { body: 'x', headers: { 'content-length': '1' } }],
    ['an OPTIONS', '/cached', { method: 'OPTIONS' }],
    ['a declared read', '/search', { method: 'POST', body: {} }],
    ['a range', '/cached', { headers: { range: 'bytes=0-1' } }],
    ['a PUT', '/stale/1', { method: 'PUT', body: {} }],
    ['a DELETE', '/other', { method: 'DELETE' }],
    ['a large POST', '/other', { method: 'POST', body: Buffer.alloc(600_000) }],
  ])('%s gets 503', async (_what, path, options) => {
    await api.start(PROBE.never);
    api.behave = answering(503);
    await api.failUntilDown();
    api.behave = well;
    const before = api.seen.length;
    const answer = await api.ask(path, options);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    if (options.method !== 'HEAD') expect(answer.json()).toMatchObject({ type: DOWN });
    expect(api.seen.slice(before)).toEqual([]);
  });

  test('a WebSocket handshake gets 503', async () => {
    await api.start(PROBE.never);
    api.behave = answering(503);
    await api.failUntilDown();
    const before = api.seen.length;
    const socket = new WebSocket(`${api.gateway.url.replace('http', 'ws')}/socket`);
    const status = await new Promise((resolve) =>
      socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode)).on('error', () => {}),
    );
    expect(status).toBe(503);
    expect(api.seen.slice(before)).toEqual([]);
  });

  test('a write is neither noted nor sent: nothing is indeterminate, and what it covers is still stored', async () => {
    await api.start(PROBE.soon);
    await api.ask('/stored/1');
    api.behave = resetting;
    await api.failUntilDown();
    const before = api.seen.length;
    for (let i = 0; i < 5; i++) {
      expect((await api.ask('/stored/1', { method: 'PUT', body: { i } })).json()).toMatchObject({ type: DOWN });
    }
    expect(api.seen.slice(before).filter((request) => request.startsWith('PUT '))).toEqual([]);
    expect(api.lines('write')).toEqual([]);
    expect((await api.ask('/stored/1')).headers['cache-status']).toContain('hit');
  });

  test('a protected write is refused as well, and its key may be used again', async () => {
    const writes = [
      '{ on: POST /orders, idempotency: { key: required, keep: 1h } }',
      '{ on: PUT /settings, merge: true, preserve: [createdAt] }',
    ];
    await api.start(PROBE.soon, '', `writes: [${writes}]`);
    const order = (key: string): Promise<Answer> =>
      api.ask('/orders', { method: 'POST', body: { a: 1 }, headers: { 'idempotency-key': `"${key}"` } });
    expect((await order('first')).status).toBe(200);
    api.behave = resetting;
    await api.failUntilDown();
    const before = api.seen.length;
    const replayed = await order('first');
    expect([replayed.status, replayed.headers['idempotency-replayed']]).toEqual([200, 'true']);
    expect((await order('second')).json()).toMatchObject({ type: DOWN });
    await until(async () => {
      const answer = await api.ask('/settings', { method: 'PUT', body: { a: 1 } });
      return answer.json<{ type: string }>().type === DOWN;
    }, 'a merged write to be refused');
    expect(api.seen.slice(before).filter((request) => /^(?:POST|PUT)/.test(request))).toEqual([]);
    api.behave = well;
    await until(async () => (await order('second')).status === 200, 'the order to be sent');
    expect(api.seen.filter((request) => request === 'POST /orders')).toHaveLength(2);
  });

  test('a fresh copy is a hit, and a stale one is served where the route allows it', async () => {
    await api.start(PROBE.never);
    await api.ask('/cached');
    await api.ask('/stale/1');
    await api.ask('/stale/2');
    api.behave = resetting;
    await api.failUntilDown();
    const before = api.seen.length;
    expect((await api.ask('/cached')).headers['cache-status']).toContain('hit');
    const stale = await api.ask('/stale/1');
    expect([stale.status, stale.headers['cache-status']]).toEqual([200, expect.stringContaining('stale-if-error')]);
    const all = await Promise.all(Array.from({ length: 8 }, () => api.ask('/stale/2')));
    expect(all.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(api.seen.slice(before)).toEqual([]);
  });

  test('no copy is served that a write has hit', async () => {
    await api.start(PROBE.never);
    await api.ask('/stale/1');
    await api.ask('/stale/2');
    await api.ask('/stale/1', { method: 'PUT', body: {} });
    api.behave = resetting;
    await api.failUntilDown();
    expect((await api.ask('/stale/1')).json()).toMatchObject({ type: DOWN });
    expect((await api.ask('/stale/2')).status).toBe(200);
  });

  test('nothing is fetched in the background', async () => {
    await api.start(PROBE.never);
    await api.ask('/revalidated/1');
    api.behave = resetting;
    await api.failUntilDown();
    const before = api.seen.length;
    for (let i = 0; i < 5; i++) {
      expect((await api.ask('/revalidated/1')).headers['cache-status']).toContain('stale-while-revalidate');
    }
    expect(api.seen.slice(before)).toEqual([]);
    expect(api.lines('a request failed')).toHaveLength(3);
    expect(api.lines('a request was refused'), 'nor is it tried').toEqual([]);
  });

  test('operators see it: one line for each change, figures, and in /readyz?verbose', async () => {
    const { adminUrl } = await api.start(PROBE.soon);
    const verbose = async (): Promise<string> => (await get(`${adminUrl}/readyz?verbose`)).text;
    expect(await verbose()).toBe(
      'ready\nstaleIfError: on for 1 of 3 policies, for 3600000 ms at most\norigin legacy: up\n',
    );
    api.behave = answering(503);
    await api.failUntilDown();
    let asked = 0;
    const reason = expect.stringMatching(/^Nothing accepts connections at the address of the origin/) as unknown;
    expect(api.lines('an origin is down')).toMatchObject([{ origin: 'legacy', reason, level: 40 }]);
    await until(async () => {
      await api.ask(`/refused?${asked++}`);
      return (await verbose()).includes('503');
    }, 'a probe to be answered');
    const failed = api.lines('a request failed').map(({ code }) => code);
    expect(new Set(failed), 'what is refused is not logged each time').toEqual(new Set(['originRefused']));
    expect(await verbose()).toMatch(
      /^ready\nstaleIfError: .*\norigin legacy: down since \d{4}-.*Z \(it answers 503\)\n$/,
    );
    expect((await get(`${adminUrl}/readyz`)).text).toBe('ready\n');
    const figures = (await get(`${adminUrl}/metrics`)).text;
    expect(figures).toContain('unstale_origin_up{origin="legacy"} 0\n');
    expect(figures).toContain('unstale_origin_changes_total{origin="legacy",to="down"} 1\n');
    expect(figures).toMatch(/^unstale_origin_refused_total\{origin="legacy"\} [1-9]/m);
    api.behave = well;
    await until(async () => (await api.ask('/well')).status === 200, 'the origin to be up');
    expect(api.lines('an origin is up again')).toMatchObject([{ origin: 'legacy', level: 30 }]);
    expect(await verbose()).toBe(
      'ready\nstaleIfError: on for 1 of 3 policies, for 3600000 ms at most\norigin legacy: up\n',
    );
    expect((await get(`${adminUrl}/metrics`)).text).toContain('unstale_origin_up{origin="legacy"} 1\n');
  });

  test('other origins are asked', async () => {
    const dead = 'dead: { url: "http://127.0.0.1:1", circuit: { failures: 1, probe: { first: 1h, most: 1h } } }';
    const alive = `alive: { url: "${api.url}" }`;
    const both = 'routes: [{ match: /dead/**, origin: dead }, { match: /alive/**, origin: alive }]';
    await api.startWith(`origins: { ${dead}, ${alive} }\ndefaults: { origin: alive }\n${both}`);
    await api.ask('/dead/1');
    expect((await api.ask('/dead/2')).json()).toMatchObject({ type: DOWN, origin: 'dead' });
    expect((await api.ask('/alive/1')).status).toBe(200);
  });
});
