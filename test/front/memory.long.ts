import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { AskedFields } from '../../src/exchange/asked-fields.ts';
import type { FastHit, Route } from '../../src/exchange/ports.ts';
import { type Connection, SocketFront } from '../../src/server/socket-front.ts';
import type { StreamedReply } from '../../src/server/streamed-reply.ts';
import { until } from '../support/barrier.ts';
import { collectGarbage } from '../support/garbage.ts';

/* What connections keep of the requests that were answered on them. */

const CONNECTIONS = 300;
const ROUTES = 300;

const hit: FastHit = {
  ...{ route: {} as never, path: '/hit', status: 200, head: 'Date: now\r\n', content: 'hit' },
  ...{ age: 1, ttl: 2, cursor: undefined, kept: { tail: undefined } },
};
const cache = { cookies: 'credentials', idleCookies: [], userKey: [], requestDirectives: 'honour' } as const;
const policy = { cache: { ...cache, credentialHeaders: new Set(), credentialParams: [], sharedCredentials: [] } };
const routes = Array.from({ length: ROUTES }, () => ({ policy }) as unknown as Route);

/** The median of some measurements: what else this process allocates meanwhile is counted, too. */
async function keptBytes(targetOf: (i: number) => string, found: (asked: AskedFields) => void): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < 3; i++) all.push(await measured(targetOf, found));
  return all.sort((a, b) => a - b)[1] as number;
}

/** Bytes of the heap for each connection on which this target has been answered. */
async function measured(targetOf: (i: number) => string, found: (asked: AskedFields) => void): Promise<number> {
  const front = new SocketFront({
    plain: () => false,
    hit: (_method, _target, asked) => {
      found(asked);
      return hit;
    },
    ...{ headerBytes: 8_192, headersTimeoutMs: 60_000, keepAliveMs: 60_000, draining: () => false },
    peer: () => ({ address: '127.0.0.1', trusted: false, gateway: 'test' }),
    ...{ serve: () => {}, timedOut: () => {} },
  });
  const server = createServer((socket) => void front.take(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clients: Socket[] = [];
  const open = async (): Promise<Socket> => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(client, 'connect');
    clients.push(client);
    return client;
  };
  for (let i = 0; i < CONNECTIONS; i++) await open();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (const [i, client] of clients.entries()) {
    client.write(`GET ${targetOf(i)} HTTP/1.1\r\nHost: a.example\r\nUser-Agent: a rather long name\r\n\r\n`);
    await once(client, 'data');
  }
  collectGarbage();
  const kept = (process.memoryUsage().heapUsed - before) / CONNECTIONS;
  front.closeAll();
  front.stop();
  await new Promise((resolve) => server.close(resolve));
  return kept;
}

test('a long target is not kept', async () => {
  const short = await keptBytes(
    (i) => `/hit?${i}`,
    () => {},
  );
  const long = await keptBytes(
    (i) => `/hit?${i}${'x'.repeat(6_000)}`,
    () => {},
  );
  expect(long - short).toBeLessThan(2_000);
});

test('what the fields mean is kept for few routes', async () => {
  const under = (count: number) =>
    keptBytes(
      () => '/hit',
      (asked) => {
        for (const route of routes.slice(0, count)) asked.under(route);
      },
    );
  const one = await under(1);
  expect((await under(ROUTES)) - one).toBeLessThan(4_000);
});

test('what still answers a client that has left does not hold its connection', async () => {
  const replies: StreamedReply[] = [];
  const front = new SocketFront({
    ...{ hit: () => undefined, headerBytes: 8_192, headersTimeoutMs: 60_000, keepAliveMs: 60_000 },
    plain: (_request, _body, reply) => replies.push(reply) > 0,
    peer: () => ({ address: '127.0.0.1', trusted: false, gateway: 'test' }),
    ...{ draining: () => false, serve: () => {}, timedOut: () => {} },
  });
  const left: WeakRef<Connection>[] = [];
  const server = createServer((socket) => void left.push(new WeakRef(front.take(socket))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  for (let i = 0; i < 6; i++) {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.write('GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await until(() => replies.length === i + 1);
    if (i % 2 === 1) replies[i]?.begin(200, []).write('the beginning');
    client.destroy();
    await until(() => replies[i]?.gone === true);
  }
  // The engine itself may hold one of them.
  await until(() => {
    collectGarbage();
    return left.filter((connection) => connection.deref() !== undefined).length <= 1;
  });
  expect(left).toHaveLength(replies.length);
  front.stop();
  await new Promise((resolve) => server.close(resolve));
});
