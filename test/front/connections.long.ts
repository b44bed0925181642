import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { FastHits } from '../../src/exchange/read/fast-hits.ts';
import { connectionOf } from '../../src/server/http-side.ts';
import { Pipelines } from '../../src/server/pipeline.ts';
import { type FindHit, SocketFront, type SocketFrontOptions } from '../../src/server/socket-front.ts';
import { gate } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { until } from '../support/scripted-origin.ts';
import { answerForAMinute, begin, every, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* What holds for connections, whoever answers on them. */

useScriptedRig();

const request = (path: string, ...fields: string[]): string =>
  `GET ${path} HTTP/1.1\r\n${['Host: a.example', ...fields, ''].join('\r\n')}\r\n`;
const hits = async ({ adminUrl }: TestGateway): Promise<number> => {
  const { text } = await get(`${adminUrl}/metrics`);
  return Number(/unstale_reads_total\{outcome="hit"\} (\d+)/.exec(text)?.[1] ?? 0);
};
const limited = 'server: { listen: "127.0.0.1:0", limits: { bodyIdle: 2s, minBodyRate: 0B } }';

describe.each([
  ['that fit one write', 4_000],
  ['of a megabyte', 1_000_000],
])('a client that does not read its hits, %s,', (_, size) => {
  test('gets no further ones, and is cut off', async () => {
    every((_request, response) => {
      response.setHeader('Cache-Control', 'max-age=60');
      response.end('x'.repeat(size));
    });
    await begin(`${limited}\ndefaults: { cache: { ttl: 60s } }`);
    const first = await rawClient(gateway.url);
    first.write(request('/a'));
    await first.answer();
    await first.close();
    const client = await rawClient(gateway.url, { reads: false });
    const wanted = Math.ceil(40_000_000 / size);
    for (let i = 0; i < wanted; i++) {
      client.write(request('/a'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => gateway.logs.some(({ msg }) => msg === 'a client was cut off'));
    expect(await hits(gateway)).toBeLessThan(wanted / 2);
    expect(gateway.logs.filter(({ msg }) => msg === 'a malformed request was refused')).toEqual([]);
    await client.close();
  });
});

describe('a gateway that stops', () => {
  const stored = async (): Promise<Awaited<ReturnType<typeof rawClient>>> => {
    every(answerForAMinute);
    await begin();
    const client = await rawClient(gateway.url);
    for (const expected of ['uri-miss', 'hit', 'hit']) {
      client.write(request('/a'));
      expect((await client.answer()).headers['cache-status']).toContain(expected);
    }
    return client;
  };

  test('closes a connection on which hits were answered', async () => {
    const client = await stored();
    const own = await rawClient(gateway.url);
    own.write(request('/a'));
    await own.answer();
    await gateway.stop();
    await Promise.all([client.ended(), own.ended()]);
    await Promise.all([client.close(), own.close()]);
  });

  test('answers a hit on a connection that is new, and closes it', async () => {
    const earlier = await stored();
    const held = gate();
    origin.on('GET /slow', (_request, response) => held.pass().then(() => void response.end('done')));
    const [slow, fresh] = [await rawClient(gateway.url), await rawClient(gateway.url)];
    slow.write(request('/slow'));
    await held.arrived();
    const stopping = gateway.stop();
    await earlier.ended();
    fresh.write(request('/a'));
    const { headers } = await fresh.answer();
    expect([headers['cache-status'], headers.connection]).toEqual([expect.stringContaining('hit'), 'close']);
    await fresh.ended();
    held.release();
    await stopping;
    await Promise.all([earlier, slow, fresh].map((client) => client.close()));
  });
});

test('hits take places among the connections of an address, and give them back', async () => {
  every(answerForAMinute);
  await begin('server: { listen: "127.0.0.1:0", limits: { perAddress: { connections: 2 } } }');
  const [first, second] = [await rawClient(gateway.url), await rawClient(gateway.url)];
  for (const client of [first, second, first, second]) {
    client.write(request('/a'));
    await client.answer();
  }
  const third = await rawClient(gateway.url);
  await third.ended();
  await Promise.all([first.close(), second.close(), third.close()]);
});

test('`front: false` answers the same, through the HTTP server', async () => {
  every(answerForAMinute);
  await begin('server: { listen: "127.0.0.1:0", front: false }');
  const plain = await startGateway(origin.url);
  const answers = [];
  for (const url of [gateway.url, plain.url]) {
    const client = await rawClient(url);
    for (let i = 0; i < 3; i++) {
      client.write(request('/a'));
      const { status, rawHeaders, body } = await client.answer();
      if (i > 0) answers.push({ status, body, names: rawHeaders.filter((_value, at) => at % 2 === 0) });
    }
    await client.close();
  }
  await plain.stop();
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test('a hit that cannot be found for an error of ours is answered through the HTTP server', async () => {
  every(answerForAMinute);
  await begin();
  const find = vi.spyOn(FastHits.prototype, 'find').mockImplementation(() => {
    throw new Error('a bug');
  });
  const client = await rawClient(gateway.url);
  for (const expected of ['uri-miss', 'hit']) {
    client.write(request('/a'));
    expect((await client.answer()).headers['cache-status']).toContain(expected);
  }
  find.mockRestore();
  const failures = gateway.logs.filter(({ msg }) => msg === 'a request failed');
  expect(failures.map(({ path, code }) => [path, code])).toEqual([
    ['/a', 'internal'],
    ['/a', 'internal'],
  ]);
  await client.close();
});

describe('time', () => {
  const FOUND: FindHit = (_method, target) =>
    target !== '/hit'
      ? undefined
      : {
          route: {} as never,
          path: target,
          status: 200,
          head: 'Date: now\r\n',
          content: Buffer.from('hit'),
          age: 1,
          ttl: 2,
          cursor: undefined,
          kept: { tail: undefined },
        };

  const timed = async (times: Pick<SocketFrontOptions, 'headersTimeoutMs' | 'keepAliveMs'>) => {
    const pipelines = new Pipelines(({ message }) => void taken.push(connectionOf(message.socket).takeOver()));
    const http = createHttpServer((message, response) => {
      if (message.url === '/lasting') pipelines.of(message.socket).receive({ message, response });
      else response.end('slow');
    });
    http.keepAliveTimeout = times.keepAliveMs;
    const timedOut: boolean[] = [];
    const taken: (Socket | undefined)[] = [];
    const front = new SocketFront({
      ...{ ...times, hit: FOUND, plain: () => false, headerBytes: 8_192, draining: () => false },
      peer: () => ({ address: '127.0.0.1', trusted: false, gateway: 'test' }),
      serve: (side) => void http.emit('connection', side),
      timedOut: (side) => {
        timedOut.push(true);
        side.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
      },
    });
    const server = createServer({ allowHalfOpen: true }, (socket) => void front.take(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = await rawClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const close = async (): Promise<void> => {
      await client.close();
      front.stop();
      server.close();
    };
    return { client, timedOut, taken, front, close };
  };

  test('a connection on which nothing is asked is told so', async () => {
    const { client, timedOut, close } = await timed({ headersTimeoutMs: 1, keepAliveMs: 60_000 });
    expect((await client.answer()).status).toBe(408);
    expect(timedOut).toEqual([true]);
    await close();
  });

  test.each([
    ['a hit', ['/hit']],
    ['an answer of the HTTP server', ['/slow']],
    ['a hit behind such an answer', ['/slow', '/hit']],
  ])('a connection that is idle behind %s is closed', async (_, paths) => {
    const { client, timedOut, close } = await timed({ headersTimeoutMs: 60_000, keepAliveMs: 1 });
    for (const path of paths) {
      client.write(request(path));
      expect((await client.answer()).status).toBe(200);
    }
    await client.ended();
    expect(timedOut).toEqual([]);
    await close();
  });

  test('a connection that another has taken is none of these', async () => {
    const { client, timedOut, taken, front, close } = await timed({ headersTimeoutMs: 1, keepAliveMs: 1 });
    client.write(request('/lasting'));
    await until(() => taken.length === 1);
    const before = front.now;
    await until(() => front.now > before, 'it to be looked at');
    expect(taken[0]?.write('it lasts')).toBe(true);
    await until(() => client.pending.includes('it lasts'));
    expect([timedOut, client.isEnded]).toEqual([[], false]);
    taken[0]?.destroy();
    await close();
  });
});
