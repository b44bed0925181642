import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway, waitingReads } from '../support/gateway.ts';
import { onRequestHead, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { get } from '../support/request.ts';

/**
 * An origin that is down, slow, breaks off or sends garbage: a clear error, one line in the log, nothing partial
 * stored.
 */

let origin: RawOrigin;
let gateway: TestGateway;
let asked = 0;
let answer: (socket: import('node:net').Socket) => void;

beforeEach(async () => {
  asked = 0;
  origin = await rawOrigin((socket) => {
    onRequestHead(socket, () => {
      asked += 1;
      answer(socket);
    });
  });
  gateway = await startGateway(
    origin.url,
    `origin: { url: "${origin.url}", timeout: 200ms }\nroutes: [{ match: /passed, cache: off }]\ndefaults: { cache: { ttl: 60s } }\nrules: [{ name: ruled, on: PUT /ruled/:id, invalidate: ["/x/{before.x}"] }]`,
  );
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

const failures = () => gateway.logs.filter(({ msg }) => msg === 'a request failed');
const paths = [
  ['a cached read', 'GET', '/cached'],
  ['a passed read', 'GET', '/passed'],
  ['a write', 'POST', '/written'],
  ['a write that reads before', 'PUT', '/ruled/1'],
] as const;

describe.each(paths)('%s', (_kind, method, path) => {
  test.each([
    ['silence', () => {}, 504, 'origin-timeout'],
    ['a reset before the head', (socket: import('node:net').Socket) => socket.resetAndDestroy(), 502, 'origin-reset'],
    ['half a head', (socket: import('node:net').Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-'), 502, 'origin-'],
    [
      'no HTTP',
      (socket: import('node:net').Socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n'),
      502,
      'origin-invalid',
    ],
    [
      'a bad header',
      (socket: import('node:net').Socket) => socket.end('HTTP/1.1 200 OK\r\nA B: c\r\n\r\n'),
      502,
      'origin-invalid',
    ],
  ])('%s', async (_what, behave, status, type) => {
    answer = behave;
    const response = await get(gateway.url + path, { method });
    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.json<{ type: string }>().type).toContain(type);
    expect(response.headers['proxy-status']).toMatch(/^unstale; error=[a-z_]+$/);
    expect(failures()).toHaveLength(1);
  });

  test('a body that breaks off is not passed off as whole', async () => {
    answer = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\nhalf');
    const outcome = await get(gateway.url + path, { method }).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([502, 'cut off']).toContain(outcome);
    // The read of `before` broke off by itself: the write was answered, so that its failure is another one.
    expect(failures()).toHaveLength(method === 'PUT' ? 2 : 1);
    const before = asked;
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole');
    expect((await get(gateway.url + path, { method })).text).toBe('whole');
    expect(asked, 'nothing partial was stored').toBe(before + (method === 'PUT' ? 2 : 1));
  });
});

test('an origin that is not there is a 502, whose type says so', async () => {
  await origin.close();
  for (const [, method, path] of paths) {
    const response = await get(gateway.url + path, { method });
    expect(response.status).toBe(502);
    expect(response.json()).toMatchObject({ type: 'urn:unstale:problem:origin-refused', status: 502 });
  }
  expect(failures()).toHaveLength(paths.length);
});

describe('a response larger than maxEntry streams through and is not stored', () => {
  test.each([
    ['with a length', 'Content-Length: 300000\r\n\r\n', ''],
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n493e0\r\n', '\r\n0\r\n\r\n'],
  ])('%s', async (_what, head, tail) => {
    await gateway.stop();
    gateway = await startGateway(
      origin.url,
      'store: { memory: { maxSize: 1MiB, maxEntry: 100KiB } }\ndefaults: { cache: { ttl: 60s } }',
    );
    answer = (socket) => socket.write(`HTTP/1.1 200 OK\r\n${head}${'x'.repeat(300_000)}${tail}`);
    for (let i = 1; i <= 2; i++) {
      const response = await get(`${gateway.url}/large`);
      expect(response.body.byteLength).toBe(300_000);
      expect(response.headers['cache-status']).not.toContain('hit');
      expect(asked).toBe(i);
    }
  });
});

test('requests that waited for a fill that fails get its error, and are not sent to the origin', async () => {
  await gateway.stop();
  gateway = await startGateway(origin.url, 'defaults: { cache: { ttl: 60s } }');
  let broken: import('node:net').Socket | undefined;
  answer = (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    broken = socket;
  };
  const all = Array.from({ length: 5 }, () => get(`${gateway.url}/shared`).then(({ status }) => status));
  await waitingReads(gateway, 4);
  broken?.end();
  expect(await Promise.all(all)).toEqual([502, 502, 502, 502, 502]);
  expect(asked).toBe(1);
});
