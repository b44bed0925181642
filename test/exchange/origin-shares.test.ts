import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { Waiting } from '../../src/exchange/origin-shares.ts';
import { Flights } from '../../src/exchange/read/flights.ts';
import { gaugeIs, startGateway, type TestGateway, waitingReads } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin, until } from '../support/scripted-origin.ts';

/* What the requests of one client address may hold of an origin's connections, and what waits for it. */

const [A, B] = ['192.0.2.1', '192.0.2.2'];
const head = (method: string, path: string, client: string, fields = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: gateway.example\r\nX-Forwarded-For: ${client}\r\n${fields}\r\n`;
/** More than the gateway receives before the origin hears of it. */
const stalledUpload = (path: string, client: string): string =>
  head('POST', path, client, 'Content-Length: 1000000\r\n') + 'x'.repeat(300_000);
/** More than the buffers of all sockets on the way hold. */
const BIG = Buffer.alloc(64 * 1024 * 1024, 'x');

let origin: ScriptedOrigin;
let gateway: TestGateway;
let clients: RawClient[];
/** Answers that the origin has not given, by path. */
let hanging: Map<string, ServerResponse>;
beforeEach(async () => {
  clients = [];
  hanging = new Map();
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    ({ url = '' }, response) => {
      response.setHeader('Cache-Control', 'max-age=600');
      if (url.includes('/hang')) hanging.set(url, response);
      else response.end(url.includes('/big') ? BIG : `answer ${url}`);
    },
  );
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await gateway.stop();
  await origin.close();
});

/** By default there are four connections, of which an address may hold two. */
const begin = async ({ connections = 4, share = '50%', timeout = '1h', yaml = '' } = {}): Promise<void> => {
  gateway = await startGateway(
    origin.url,
    `server: { listen: "127.0.0.1:0", trustedProxies: [127.0.0.1], drain: 100ms, limits: { bodyIdle: 1h, perAddress: { originShare: ${share} } } }
origins: { default: { url: "${origin.url}", timeout: ${timeout}, connectTimeout: ${timeout}, connections: ${connections} } }
${yaml === '' ? 'routes: [{ match: /off/**, cache: off }]' : yaml}`,
  );
};
const send = async (bytes: string, options = {}): Promise<RawClient> => {
  const client = await rawClient(gateway.url, options);
  clients.push(client);
  client.write(bytes);
  return client;
};
const waiting = (count: number): Promise<void> => gaugeIs(gateway, 'unstale_waiting_for_share', count);
const seen = (): string[] => origin.seen.map(({ url }) => url);
const as = (client: string, path: string, method = 'GET') =>
  get(`${gateway.url}${path}`, { method, headers: { 'X-Forwarded-For': client } });
const arrivedAt = (path: string): Promise<void> => until(() => hanging.has(path), `${path} at the origin`);
const answerTo = (path: string): void => void hanging.get(path)?.end(`answer ${path}`);

describe('one address holds no more than its share', () => {
  test.each<[string, (i: number) => string, object?]>([
    ['reads that hang', (i) => head('GET', `/hang/${i}`, A)],
    ['reads that hang and pass through', (i) => head('GET', `/off/hang/${i}`, A)],
    ['writes that hang', (i) => head('DELETE', `/hang/${i}`, A)],
    ['uploads that stand still', (i) => stalledUpload(`/up/${i}`, A)],
    ['uploads that stand still and pass through', (i) => stalledUpload(`/off/up/${i}`, A).replace('POST', 'GET')],
    ['answers that are not read', (i) => head('GET', `/off/big/${i}`, A), { reads: false }],
  ])('by %s: others are answered', async (_, request, options = {}) => {
    await begin();
    for (let i = 0; i < 6; i++) await send(request(i), options);
    await waiting(4);
    for (const path of ['/miss', '/off/miss']) expect((await as(B, path)).text).toBe(`answer ${path}`);
    expect((await as(B, '/miss', 'PUT')).status).toBe(200);
    expect(origin.seen.length).toBe(5);
  });

  test('by a connection of many requests', async () => {
    await begin();
    await send([0, 1, 2, 3, 4].map((i) => head('GET', `/hang/${i}`, A)).join(''));
    await waiting(3);
    expect((await as(B, '/miss')).status).toBe(200);
  });

  test.each([
    ['the address of a trusted proxy that names no client', { share: '25%' }, ''],
    ['a share of all', { share: '100%' }, A],
  ])('but not with %s', async (_, options, client) => {
    await begin(options);
    for (let i = 0; i < 4; i++) await send(head('GET', `/hang/${i}`, client).replace(/X-Forwarded-For: \r\n/, ''));
    await origin.until(({ length }) => length === 4);
  });
});

describe('what waits for its turn', () => {
  /** One place, which `/hang/first` holds. */
  const hold = async (method = 'GET', yaml = ''): Promise<RawClient> => {
    await begin({ connections: 2, yaml });
    const first = await send(head(method, '/off/hang/first', A));
    await arrivedAt('/off/hang/first');
    return first;
  };

  test('is sent in the order in which it came', async () => {
    await hold();
    for (let i = 0; i < 3; i++) {
      await send(head('GET', `/hang/${i}`, A));
      await waiting(i + 1);
    }
    answerTo('/off/hang/first');
    for (let i = 0; i < 3; i++) {
      await arrivedAt(`/hang/${i}`);
      expect(seen().slice(1)).toEqual([0, 1, 2].slice(0, i + 1).map((n) => `/hang/${n}`));
      answerTo(`/hang/${i}`);
    }
    await waiting(0);
  });

  test.each<[string, (first: RawClient) => unknown, string?]>([
    ['is answered', () => answerTo('/off/hang/first')],
    ['is a write that is answered', () => answerTo('/off/hang/first'), 'DELETE'],
    ['breaks off before its head', () => hanging.get('/off/hang/first')?.destroy()],
    [
      'breaks off behind its head',
      async () => {
        hanging.get('/off/hang/first')?.write('half');
        await until(() => clients[0]?.pending.includes('half') === true);
        hanging.get('/off/hang/first')?.destroy();
      },
    ],
    ['loses its client', (first) => first.close()],
    [
      'loses its client in the middle of its answer',
      async (first) => {
        hanging.get('/off/hang/first')?.write('half');
        await until(() => first.pending.includes('half'));
        await first.close();
      },
    ],
  ])('gets one place when the request before it %s', async (_, end, method) => {
    const first = await hold(method);
    await send(head('GET', '/hang/second', A));
    await waiting(1);
    await end(first);
    await arrivedAt('/hang/second');
    // A place that is given back twice would let both of these pass.
    await send(head('GET', '/hang/third', A));
    await waiting(1);
    answerTo('/hang/second');
    await arrivedAt('/hang/third');
    await send(head('GET', '/hang/fourth', A));
    await waiting(1);
  });

  test.each([
    ['a read', head('GET', '/cold', A)],
    ['a read that passes through', head('GET', '/off/cold', A)],
    ['a write', head('DELETE', '/cold', A)],
  ])('leaves with its client: %s', async (_, request) => {
    await hold();
    const client = await send(request);
    await waiting(1);
    await client.close();
    await waiting(0);
    answerTo('/off/hang/first');
    expect((await as(A, '/off/next')).status).toBe(200);
    expect(seen()).toEqual(['/off/hang/first', '/off/next']);
  });

  test('stays for another reader whose client has not left', async () => {
    await hold();
    const client = await send(head('GET', '/cold', A) + head('GET', '/off/cold', A));
    await waiting(2);
    const other = await send(head('GET', '/cold', A));
    await waitingReads(gateway, 1);
    await client.close();
    await waiting(1);
    answerTo('/off/hang/first');
    expect((await other.answer()).headers['cache-status']).toContain('collapsed');
    expect(seen()).toEqual(['/off/hang/first', '/cold']);
  });

  test('goes on without its client once its turn has come', async () => {
    await hold();
    const client = await send(head('GET', '/hang/cold', A, 'Connection: close\r\n'));
    await waiting(1);
    answerTo('/off/hang/first');
    await arrivedAt('/hang/cold');
    await client.close();
    for (let i = 0; i < 5; i++) await get(`${gateway.adminUrl}/livez`);
    const other = await send(head('GET', '/hang/cold', B));
    await waitingReads(gateway, 1);
    answerTo('/hang/cold');
    expect((await other.answer()).headers['cache-status']).toContain('collapsed');
  });

  test('does not keep a reader of another address waiting', async () => {
    await hold();
    const own = as(A, '/cold');
    await waiting(1);
    const other = await as(B, '/cold');
    expect([other.text, other.headers['cache-status']]).toEqual(['answer /cold', expect.stringContaining('collapsed')]);
    expect((await own).text).toBe('answer /cold');
    // It took no place: the address still holds the one that it had.
    await send(head('GET', '/hang/next', A));
    await waiting(1);
  });

  test('does not keep what others are served stale from being validated', async () => {
    await hold();
    origin.on('GET /stale', (_request, response) => {
      response.setHeader('Cache-Control', 'max-age=60, stale-while-revalidate=600');
      response.setHeader('Age', '100');
      response.end('stale');
    });
    const asked = (): number => origin.requests('GET /stale').length;
    const isStale = async (client: string): Promise<void> =>
      expect((await as(client, '/stale')).headers['cache-status']).toContain('detail=stale-while-revalidate');
    await as(B, '/stale');
    // It waits in the share of the client that caused it, whatever else that client reads.
    for (let i = 0; i < 2; i++) await isStale(A);
    await waiting(1);
    expect(asked()).toBe(1);
    await isStale(B);
    await origin.until(() => asked() === 2);
    await waiting(0);
  });

  test('keeps a reader of the same address waiting', async () => {
    await hold();
    const both = [as(A, '/cold')];
    await waiting(1);
    both.push(as(A, '/cold'));
    await waitingReads(gateway, 1);
    expect(seen()).toEqual(['/off/hang/first']);
    answerTo('/off/hang/first');
    for (const { text } of await Promise.all(both)) expect(text).toBe('answer /cold');
  });

  test.each(['GET', 'PUT'])('is answered 504 where it waits for longer than for a connection: %s', async (method) => {
    await begin({ connections: 2, timeout: '100ms' });
    // The origin's timeout begins when it has the whole request.
    await send(stalledUpload('/off/up', A));
    await origin.until(({ length }) => length === 1);
    const answer = await as(A, '/cold', method);
    expect([answer.status, answer.json<{ detail: string }>().detail]).toEqual([
      504,
      'No connection of the share that this address has of the origin became free in time',
    ]);
    expect((await as(B, '/cold')).headers['cache-status']).toBe('unstale; fwd=uri-miss; fwd-status=200; stored');
  });

  test('is bounded: 503 beyond it', async () => {
    await hold();
    const eight = head('GET', '/off/hang/more', A).repeat(8);
    for (let i = 0; i < 125; i++) await send(eight);
    await waiting(1_000);
    expect((await as(A, '/cold')).status).toBe(503);
    expect((await as(A, '/cold', 'PUT')).status).toBe(503);
    expect((await as(B, '/cold')).headers['cache-status']).toBe('unstale; fwd=uri-miss; fwd-status=200; stored');
    expect(origin.seen.length).toBe(2);
  });

  test('is not noted yet, if it is a write: what others write does not have to wait for it', async () => {
    const rule = 'rules: [{ name: item, on: "PUT /items/:id", invalidate: ["/steps/{before.step}"] }]';
    await hold('GET', `routes: [{ match: /off/**, cache: off }]\n${rule}`);
    const written = as(A, '/items/1', 'PUT');
    await waiting(1);
    expect((await as(B, '/items/1', 'PUT')).status).toBe(200);
    // What B's write read before, and the write.
    expect(seen()).toEqual(['/off/hang/first', '/items/1', '/items/1']);
    answerTo('/off/hang/first');
    expect((await written).status).toBe(200);
    expect(seen().length).toBe(5);
  });

  test('ends when the gateway stops', async () => {
    await hold();
    const ended = [as(A, '/cold'), as(A, '/cold'), as(A, '/cold', 'PUT')].map((asked) => asked.catch(() => 'cut off'));
    await waiting(2);
    await waitingReads(gateway, 1);
    await gateway.stop();
    await Promise.all(ended);
    expect(seen()).toEqual(['/off/hang/first']);
  });

  test('keeps no other node waiting for what it will fetch', () => {
    let held = true;
    const flights = new Flights({ monotonic: systemClock.monotonic, timers: systemTimers, maxWaitMs: 60_000 });
    const flight = flights.begin('key', { asOf: 0, cursor: undefined }, { address: A, isProxy: false });
    flight.holdLease(() => {
      held = false;
    });
    const waiter = new Waiting(() => {}, { timers: systemTimers, maxWaitMs: 60_000 });
    flight.waits(waiter);

    expect(held).toBe(false);
    flight.land({ kind: 'unusable' });
    waiter.pass();
  });
});

test('what the gateway asks for a request that holds the only place takes none', async () => {
  const yaml = `routes:
  - { match: /steps/:id, cache: { ttl: 60s } }
rules:
  - name: step
    on: PUT /items/:id
    lookup: { steps: "GET /lookup/{id}" }
    refresh: ["/steps/{before.step}", "/steps/{steps.id}"]`;
  await begin({ connections: 2, yaml });
  origin.on('GET /items/1', (_request, response) => void response.end('{"step":7}'));
  origin.on('GET /lookup/1', (_request, response) => void response.end('{"id":8}'));
  for (const id of [7, 8]) expect((await as(A, `/steps/${id}`)).status).toBe(200);
  expect((await as(A, '/items/1', 'PUT')).status).toBe(200);
  await origin.until(
    () => origin.requests('GET /steps/7').length === 2 && origin.requests('GET /steps/8').length === 2,
  );
});
