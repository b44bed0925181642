import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Place } from '../../src/exchange/origin-shares.ts';
import type { OriginChange, OriginRequest } from '../../src/exchange/ports.ts';
import { CircuitOrigin } from '../../src/origin/circuit-origin.ts';
import { gate } from '../support/barrier.ts';
import { clientOf, scripted } from './origin-under-test.ts';

/* What of a circuit shows at the pool below it. test/server/origin-down.test.ts has what clients see. */

const HOUR_MS = 3_600_000;

function circuitOver(url: string, failures = 1, pauseMs = HOUR_MS) {
  const changes: OriginChange[] = [];
  const origin = new CircuitOrigin(clientOf(url, { connections: 1 }), {
    ...{ name: 'legacy', settings: { failures, firstMs: pauseMs, mostMs: pauseMs }, isProbed: false },
    ...{ clock: systemClock, random: () => 0, changed: (change) => changes.push(change) },
  });
  return { origin, changes };
}

const asking = (target: string, more: Partial<OriginRequest> = {}): OriginRequest => ({
  ...{ method: 'GET', target, headers: ['Host', 'api.example'] },
  ...more,
});

test('requests that waited for a connection until the origin was down are not sent', async () => {
  const api = await scripted();
  const held = gate();
  api.on('GET /1', async (_request, response) => {
    await held.pass();
    response.writeHead(503).end();
  });
  const { origin, changes } = circuitOver(api.url);
  const left = new Set<string>();
  const place = (name: string): Place => ({ leave: () => void left.add(name) });
  const first = origin.fetch(asking('/1'));
  const waiting = [
    origin.fetch(asking('/2', { place: place('2') })),
    origin.fetch(asking('/3', { place: place('3'), method: 'PUT', body: Buffer.from('x'), writes: true })),
    origin.fetch(asking('/4', { place: place('4'), method: 'HEAD' })),
  ];
  const ended = Promise.allSettled(waiting);
  held.release();
  (await first).body.stream().resume();
  expect((await ended).map((each) => (each as PromiseRejectedResult).reason)).toMatchObject(
    Array(3).fill({ code: 'originDown', sent: false, more: { origin: 'legacy' } }),
  );
  expect(api.seen.map(({ url }) => url)).toEqual(['/1']);
  expect([left.size, origin.standing.refused, changes.length]).toEqual([3, 3, 1]);
});

test('a request that must not be sent for another reason is told so, and counts for nothing', async () => {
  const api = await scripted();
  const { origin } = circuitOver(api.url);
  const asked = origin.fetch(asking('/1', { maySend: () => false }));
  await expect(asked).rejects.toMatchObject({ code: 'uncoordinated', sent: false });
  expect(origin.standing).toMatchObject({ is: 'closed', refused: 0 });
});

test('a body counts by its end: one that nobody reads to it says nothing', async () => {
  const api = await scripted();
  api.on('GET /whole', (_request, response) => void response.end('whole'));
  api.on('GET /large', (_request, response) => void response.end(Buffer.alloc(900_000)));
  api.on('GET /broken', (_request, response) => {
    response.writeHead(200, { 'content-length': '9' }).write('half');
    setImmediate(() => response.destroy());
  });
  const { origin } = circuitOver(api.url, 2);
  const broken = async (): Promise<void> => {
    const { body } = await origin.fetch(asking('/broken'));
    await expect(body.stream().toArray()).rejects.toMatchObject({ code: 'originReset' });
  };
  await broken();
  (await origin.fetch(asking('/large'))).body.destroy();
  expect(origin.isClosed).toBe(true);
  (await origin.fetch(asking('/whole'))).body.stream().resume();
  await (await origin.fetch(asking('/whole'))).body.stream().toArray();
  await broken();
  expect(origin.isClosed).toBe(true);
  await broken();
  expect(origin.isClosed).toBe(false);
});

test('a write is never the probe, and what is no write is', async () => {
  const api = await scripted();
  api.on('GET /failing', (_request, response) => void response.writeHead(503).end());
  const { origin, changes } = circuitOver(api.url, 1, 0);
  (await origin.fetch(asking('/failing'))).body.stream().resume();
  expect(origin.isDue).toBe(true);
  const write = origin.fetch(asking('/written', { method: 'PUT', body: Buffer.from('x'), writes: true }));
  await expect(write).rejects.toMatchObject({ code: 'originDown', sent: false });
  const query = await origin.fetch(asking('/queried', { method: 'POST', body: Buffer.from('x') }));
  query.body.stream().resume();
  expect(changes.map(({ is }) => is)).toEqual(['down', 'up']);
  expect(api.seen.map(({ url }) => url)).toEqual(['/failing', '/queried']);
});
