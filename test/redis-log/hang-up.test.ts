import { once } from 'node:events';
import type { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { connectRedis, hangUp } from '../../src/redis/redis-connection.ts';
import { ClusterRedis, RedisProcess } from '../soak/redis.ts';
import { TcpProxy } from '../soak/tcp-proxy.ts';
import { until } from '../support/barrier.ts';
import { RedisServer } from './redis-server.ts';

/* A connection to a Redis Cluster that is hung up, while answers are on their way, comes back. */

let redis: ClusterRedis;
beforeAll(async () => {
  redis = await ClusterRedis.start();
}, 60_000);
afterAll(() => redis?.stop());

const connected = async (): Promise<Cluster> => {
  const connection = connectRedis({ urls: redis.urls, failed: () => undefined }) as Cluster;
  if (connection.status !== 'ready') await once(connection, 'ready');
  // It connects to a server with the first command for it.
  await Promise.all(connection.nodes().map((node) => node.ping()));
  return connection;
};
const answers = async (connection: Cluster): Promise<boolean> =>
  (await connection.get('a').catch((error: unknown) => error)) === null;

test.each([
  ['idle', []],
  ['waiting in a blocking command', [['xread', 'BLOCK', 10_000, 'STREAMS', 'a', '$']]],
  ['with answers on their way', Array.from({ length: 20 }, () => ['xlen', 'a'])],
] as [string, [string, ...(string | number)[]][]][])('%s', async (_, commands) => {
  const connection = await connected();
  const settled = Promise.allSettled(commands.map(([name, ...args]) => connection.call(name, ...args)));
  hangUp(connection);
  await settled;
  await until(() => answers(connection), 'the connection to come back');
  connection.disconnect();
});

test('with answers on their way that say where the slot has gone', async () => {
  const connection = await connected();
  // Every slot has moved to the next server, for all that this connection knows.
  const { slots } = connection as unknown as { slots: string[][] };
  const nodes = [...new Set(slots.map(([node = '']) => node))];
  for (const [i, [node = '']] of slots.entries()) slots[i] = [nodes[(nodes.indexOf(node) + 1) % nodes.length] ?? ''];
  const settled = Promise.allSettled(Array.from({ length: 20 }, () => connection.xlen('a')));
  hangUp(connection);
  await settled;
  await until(() => answers(connection), 'the connection to come back');
  expect(connection.status).toBe('ready');
  connection.disconnect();
});

test('a server that hangs is left, and its name leads to the one that has taken over', async () => {
  const [first, second] = [await RedisProcess.start(), await RedisProcess.start()];
  let { port } = first;
  const proxy = await TcpProxy.to(() => port);
  const connection = connectRedis({
    urls: [`redis://127.0.0.1:${proxy.port}`],
    commandTimeoutMs: 100,
    failed: () => undefined,
  });
  const serverPort = async (): Promise<number> => {
    const info = await connection.info('server').catch(() => '');
    return Number(/tcp_port:(\d+)/.exec(info)?.[1]);
  };
  try {
    await once(connection, 'ready');
    expect(await serverPort()).toBe(first.port);
    first.signal('SIGSTOP');
    port = second.port;
    await until(async () => (await serverPort()) === second.port, 'the second to answer');
  } finally {
    first.signal('SIGCONT');
    connection.disconnect();
    await proxy.close();
    await Promise.all([first.stop(), second.stop()]);
  }
});

test('a server that says nothing is left after a second, not before, however short commands may take', async () => {
  const server = await RedisServer.start();
  onTestFinished(() => server.stop());
  const connection = connectRedis({ urls: [`unix:${server.socket}`], commandTimeoutMs: 100, failed: () => undefined });
  onTestFinished(() => connection.disconnect());
  await once(connection, 'ready');
  let closed = 0;
  connection.on('close', () => {
    closed += 1;
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  // The server waits for an element.
  const asked = connection.call('BLPOP', 'a', 0);
  const timesOut = expect(asked).rejects.toThrow('timed out');
  await vi.advanceTimersByTimeAsync(999);
  await timesOut;
  expect(closed).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  await until(() => closed === 1, 'the connection to be closed');
});
