import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { readJson } from '../../src/exchange/body.ts';
import type { ClientRequest } from '../../src/exchange/ports.ts';
import { Encoder } from '../../src/exchange/read/encoder.ts';
import { Flights } from '../../src/exchange/read/flights.ts';
import { SearchVariances } from '../../src/exchange/read/search-variances.ts';
import { UploadBudget } from '../../src/exchange/write/upload-budget.ts';
import { Fields } from '../../src/http/fields.ts';
import { parseNoVarySearch } from '../../src/http/no-vary-search.ts';
import type { Store } from '../../src/store/store.ts';
import type { StoredResponse } from '../../src/store/stored-response.ts';
import { withPatience } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { type Answer, get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin, until } from '../support/scripted-origin.ts';

/* Fills bounds of docs/security.md that no other test fills. */

describe('what is remembered', () => {
  test('keys whose answers cannot be shared are forgotten, oldest first', () => {
    const { monotonic } = systemClock;
    const flights = new Flights({ monotonic, timers: systemTimers, maxWaitMs: 1 });
    for (let i = 0; i <= 10_000; i++) flights.markUnshared(`key ${i}`);
    expect([0, 1, 10_000].map((i) => flights.isUnshared(`key ${i}`))).toEqual([false, true, true]);
  });

  test('variances of queries are forgotten, oldest first', () => {
    const variances = new SearchVariances();
    const at = (i: number) =>
      ({ scheme: 'http', host: 'h', target: { path: `/${i}` } }) as Partial<ClientRequest> as ClientRequest;
    const variance = parseNoVarySearch('params=("a")');
    for (let i = 0; i <= 10_000; i++) variances.learn(at(i), variance);
    expect([0, 1, 10_000].map((i) => variances.of(at(i)))).toEqual([undefined, variance, variance]);
  });

  test('compressions that wait are bounded', () => {
    const encoder = new Encoder({ select: () => undefined } as unknown as Store, (error) =>
      expect.unreachable(String(error)),
    );
    const stored = () =>
      ({ codings: ['gzip'], content: Buffer.alloc(1_000), headers: new Fields([]) }) as unknown as StoredResponse;
    for (let i = 0; i < 300; i++) encoder.want(new Fields(['Accept-Encoding', 'gzip']), stored());
    expect(encoder.size).toBe(256);
  });
});

test('a body that decodes to far more is not read', () => {
  const headers = new Fields(['Content-Type', 'application/json', 'Content-Encoding', 'gzip']);
  const bomb = gzipSync(`{"id":7,"x":"${'0'.repeat(9_000_000)}"}`);
  expect(readJson(bomb, headers)).toEqual({ missing: 'encoded' });
  expect(readJson(gzipSync('{"id":7}'), headers)).toMatchObject({ value: { id: 7 } });
});

describe('bodies of writes hold no more than their share together', () => {
  const KIB = 1024;

  test('in all, and for one address; small ones are always held', () => {
    const budget = new UploadBudget(200 * KIB);
    const [one, other] = [budget.begin('x'), budget.begin('x')];
    expect([one.take(116 * KIB), one.take(1)]).toEqual([true, false]);
    expect([other.take(16 * KIB), other.take(1)]).toEqual([true, false]);
    expect(budget.begin('y').take(116 * KIB)).toBe(true);
    expect([budget.begin('z').take(16 * KIB), budget.begin('z').take(17 * KIB)]).toEqual([true, false]);
    one.release();
    one.release();
    expect([budget.held, other.take(10 * KIB)]).toEqual([100 * KIB, true]);
  });

  let origin: ScriptedOrigin;
  let gateway: TestGateway;
  let clients: RawClient[] = [];
  beforeEach(async () => {
    clients = [];
    origin = await scriptedOrigin();
    origin.on(
      () => true,
      (_request, response) => {
        response.setHeader('Cache-Control', 'max-age=60');
        response.end('{}');
      },
    );
    // 256 KiB for all uploads, and half of it for one address.
    gateway = await startGateway(
      origin.url,
      `store: { memory: { maxSize: 1MiB, maxEntry: 64KiB } }
rules: [{ name: r, on: POST /batch, invalidate: ["/items/{request.id}"] }]`,
    );
  });
  afterEach(async () => {
    for (const client of clients) await client.close();
    await gateway.stop();
    await origin.close();
  });
  const ask = (path: string): Promise<Answer> => get(gateway.url + path);
  const isHit = async (path: string): Promise<boolean> =>
    String((await ask(path)).headers['cache-status']).includes('; hit');
  const post = async (body: string): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    await get(`${gateway.url}/batch`, { method: 'POST', headers, body });
  };

  test('a large body is passed on unread then: what depends on it falls back to a wildcard', async () => {
    const head = 'POST /batch HTTP/1.1\r\nHost: h\r\nContent-Length: 130000\r\n\r\n';
    for (let i = 0; i < 4; i++) {
      const client = await rawClient(gateway.url);
      clients.push(client);
      client.write(head + 'x'.repeat(100_000));
    }
    // What is not held any longer is on its way to the origin.
    await until(() => origin.seen.filter(({ url }) => url === '/batch').length >= 1);
    const small = '{"id":7}';
    const large = JSON.stringify({ id: 7, more: 'x'.repeat(100_000) });
    for (const [body, kept] of [
      [small, true],
      [large, false],
    ] as const) {
      for (const path of ['/items/7', '/items/8']) await ask(path);
      await post(body);
      expect(await isHit('/items/7')).toBe(false);
      expect(await isHit('/items/8')).toBe(kept);
    }
    for (const client of clients) await client.close();
    // What they held is given back when their end is noticed.
    const isRead = async (): Promise<void> => {
      do {
        await ask('/items/8');
        await post(large);
      } while (!(await isHit('/items/8')));
    };
    await withPatience(isRead(), () => 'a large body to be read again');
  });
});

test('connections of all clients: further ones are closed', async () => {
  const origin = await scriptedOrigin();
  origin.on(
    () => true,
    (_request, response) => void response.end('fine'),
  );
  const gateway = await startGateway(origin.url, 'server: { listen: "127.0.0.1:0", limits: { connections: 2 } }');
  const bytes = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
  const clients = [await rawClient(gateway.url), await rawClient(gateway.url)];
  for (const client of clients) {
    client.write(bytes);
    expect((await client.answer()).status).toBe(200);
  }
  const further = await rawClient(gateway.url);
  await further.ended();
  for (const client of clients) client.write(bytes);
  for (const client of clients) expect((await client.answer()).status).toBe(200);
  for (const client of [...clients, further]) await client.close();
  await gateway.stop();
  await origin.close();
});
