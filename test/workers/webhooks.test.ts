import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { RedisServer } from '../redis-log/redis-server.ts';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { program } from '../support/shared.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { endpointAt, type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { type Running, serve } from './serve.ts';

/* Webhooks of gateways in processes of their own: several that share a port, and one that is killed. */

let api: SmallApi;
let receiver: Receiver;
beforeAll(program, 120_000);
beforeEach(async () => {
  [api, receiver] = await Promise.all([smallApi(), startReceiver()]);
});
afterEach(async () => {
  await receiver.close();
  await api.origin.close();
});

async function served(workers: number, more = ''): Promise<Running> {
  const gateway = await serve(api.origin.url, workers, `webhooks:\n  - ${endpointAt(receiver)}\n${more}`);
  onTestFinished(() => gateway.end('SIGTERM'));
  return gateway;
}

const put = async ({ url }: Running, path: string): Promise<void> => {
  const patience = 10_000;
  // A worker that has not joined yet refuses writes.
  await until(async () => (await get(url + path, { method: 'PUT', body: '{}' })).status < 500, `a write`, patience);
};
const paths = (): (string | undefined)[] => receiver.events.map(({ data }) => data.paths?.[0]);

/** Processes are started, on what cores the other tests leave. */
const timeout = 90_000;

test('one of several workers delivers what all of them have written', { timeout }, async () => {
  const gateway = await served(3);
  await receiver.until(({ length }) => length > 0);
  const written = Array.from({ length: 20 }, (_, i) => `/items/${i}`);
  for (const path of written) await put(gateway, path);
  await receiver.until(() => paths().length >= 20);
  expect(new Set(paths())).toEqual(new Set(written));
  expect(new Set(receiver.events.map(({ id }) => id)).size).toBe(receiver.events.length);
});

test('what waits outlives the process that was to deliver it', { timeout }, async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const more = `store: { redis: { url: "unix:${redis.socket}" } }\ncoherence: { lease: 1s }`;
  const first = await served(1, more);
  await receiver.until(({ length }) => length > 0);
  receiver.answer(503);
  await put(first, '/a');
  await receiver.until(() => paths().includes('/a'));
  await put(first, '/b');
  // Killed as soon as the write is answered: the log has it, the queue need not.
  await first.end('SIGKILL');
  receiver.answer(204);
  await served(1, more);
  await receiver.until(() => paths().includes('/b'));
  expect(paths().slice(-2)).toEqual(['/a', '/b']);
});
