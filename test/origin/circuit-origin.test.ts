import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { OriginError } from '../../src/errors.ts';
import type { Place } from '../../src/exchange/origin-shares.ts';
import type { Origin, OriginChange, OriginRequest, OriginResponse } from '../../src/exchange/ports.ts';
import { CircuitOrigin } from '../../src/origin/circuit-origin.ts';
import type { Asked } from '../../src/origin/probe.ts';
import type { Watch, WatchableOrigin } from '../../src/origin/watch.ts';
import { gate, until } from '../support/barrier.ts';
import { clientOf, scripted } from './origin-under-test.ts';

/* What of a circuit shows at the pool below it. test/server/origin-down.long.ts has what clients see. */

const HOUR_MS = 3_600_000;

const circuitOver = (url: string, failures = 1, pauseMs = HOUR_MS) =>
  circuitAbove(clientOf(url, { connections: 1 }), failures, pauseMs);

function circuitAbove(
  below: WatchableOrigin,
  failures: number,
  pauseMs: number,
  clock: Clock = systemClock,
  find?: () => Promise<boolean>,
) {
  const changes: OriginChange[] = [];
  const asked: Asked[] = [];
  /**
   * What the next probes find: well, once there are no more. Requests that fail open nothing without one that fails.
   */
  const answers: boolean[] = [];
  const origin = new CircuitOrigin(below, {
    ...{ name: 'legacy', settings: { failures, firstMs: pauseMs, mostMs: pauseMs } },
    ask: async (request) => {
      asked.push(request);
      const ok = (await find?.()) ?? answers.shift() ?? true;
      return { ok, reason: 'it answers 503', retryAfterMs: undefined };
    },
    ...{ clock, random: () => 0, changed: (change) => changes.push(change) },
  });
  return { origin, changes, asked, answers };
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
  const { origin, changes, answers } = circuitOver(api.url, 1, 0);
  answers.push(false);
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
  answers.push(false);
  await expect(origin.fetch(asking('/5', { place: place('5') }))).rejects.toMatchObject({ code: 'originDown' });
  expect(left, 'a request that is refused at once gives its place back').toContain('5');
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
  const { origin, answers } = circuitOver(api.url, 2, 0);
  answers.push(false);
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

test('no client is the probe: a HEAD is, of what answered well last, and then the request is sent', async () => {
  const api = await scripted();
  api.on('GET /failing', (request) => void request.socket.destroy());
  api.on('GET /read?a=1', (_request, response) => void response.end('read'));
  const { origin, asked, answers, changes } = circuitOver(api.url, 1, 0);
  const write = asking('/written', { method: 'PUT', body: Buffer.from('x'), writes: true });
  const down = async (): Promise<void> => {
    answers.push(false);
    await expect(origin.fetch(asking('/failing'))).rejects.toMatchObject({ code: 'originReset' });
    expect(origin.isDue).toBe(true);
    expect(asked.splice(0)).toHaveLength(1);
  };
  await down();
  answers.push(false);
  await expect(origin.fetch(write)).rejects.toMatchObject({ code: 'originDown', sent: false });
  (await origin.fetch(write)).body.stream().resume();
  // Never at the URL of a write: an API may carry it out for any method.
  expect(asked.splice(0)).toEqual(Array(2).fill({ method: 'HEAD', target: '/', host: 'api.example' }));
  await (await origin.fetch(asking('/read?a=1'))).body.stream().toArray();
  await down();
  await origin.admit({ target: '/other', host: 'other.example' });
  expect(origin.admit({ target: '/other', host: 'other.example' }), 'it is up').toBeUndefined();
  expect(asked).toEqual([{ method: 'HEAD', target: '/read?a=1', host: 'api.example' }]);
  expect(changes.map(({ is }) => is)).toEqual(['down', 'up', 'down', 'up']);
  expect(new Set(api.seen.map(({ url }) => url))).toEqual(new Set(['/failing', '/written', '/read?a=1']));
  expect(origin.standing.refused).toBe(1);
});

test('one resource that is slow, or known by GET alone, does not keep an origin down', async () => {
  const api = await scripted();
  api.on('GET /read', (_request, response) => void response.end('read'));
  const { origin, asked, answers } = circuitOver(api.url, 1, 0);
  await (await origin.fetch(asking('/read'))).body.stream().toArray();
  api.on('GET /failing', (request) => void request.socket.destroy());
  answers.push(...Array<boolean>(5).fill(false));
  await expect(origin.fetch(asking('/failing'))).rejects.toMatchObject({ code: 'originReset' });
  for (let i = 0; i < 4; i++) await origin.admit({ target: '/other', host: 'other.example' })?.catch(() => undefined);
  await origin.admit({ target: '/other', host: 'other.example' });
  expect(asked.map(({ method, target, host }) => `${method} ${host}${target}`)).toEqual([
    'HEAD api.example/read',
    'HEAD api.example/read',
    'HEAD other.example/other',
    'GET api.example/read',
    'GET other.example/other',
    'HEAD api.example/read',
  ]);
  expect(origin.isClosed).toBe(true);
});

test.each<[string, Partial<OriginRequest>, number]>([
  ['what was not found', {}, 404],
  ['what was written', { method: 'PUT', body: Buffer.from('x'), writes: true }, 200],
])('%s is not asked for again', async (_, more, status) => {
  const api = await scripted();
  api.on(`${more.method ?? 'GET'} /odd`, (_request, response) => void response.writeHead(status).end('odd'));
  api.on('GET /failing', (request) => void request.socket.destroy());
  const { origin, asked } = circuitOver(api.url, 1, 0);
  await (await origin.fetch(asking('/odd', more))).body.stream().toArray();
  await expect(origin.fetch(asking('/failing'))).rejects.toMatchObject({ code: 'originReset' });
  expect(asked).toEqual([{ method: 'HEAD', target: '/failing', host: 'api.example' }]);
});

test('what may never end is a success at once', async () => {
  const api = await scripted();
  api.on('GET /stream', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
  });
  api.on('GET /failing', (request) => void request.socket.destroy());
  const { origin, answers } = circuitAbove(clientOf(api.url), 2, 0);
  answers.push(false);
  const fail = (): Promise<unknown> => expect(origin.fetch(asking('/failing'))).rejects.toThrow();
  await fail();
  const { body } = await origin.fetch(asking('/stream'));
  await fail();
  expect(origin.isClosed).toBe(true);
  await fail();
  expect(origin.isClosed).toBe(false);
  body.destroy();
});

test('a success that was sent before the origin was down counts for nothing', async () => {
  const api = await scripted();
  const held = gate();
  api.on('GET /held', async (_request, response) => {
    await held.pass();
    response.end('held');
  });
  api.on('GET /failing', (request) => void request.socket.destroy());
  const { origin, answers } = circuitAbove(clientOf(api.url), 2, 0);
  const fail = (): Promise<unknown> => expect(origin.fetch(asking('/failing'))).rejects.toThrow();
  const early = origin.fetch(asking('/held'));
  await held.arrived();
  answers.push(false);
  await fail();
  await fail();
  await until(() => !origin.isClosed);
  await origin.admit({ target: '/', host: 'api.example' });
  await fail();
  held.release();
  await (await early).body.stream().toArray();
  answers.push(false);
  await fail();
  await until(() => !origin.isClosed, 'the second failure in a row to count');
});

test('what takes long is not asked for again as long as there is something quicker', async () => {
  const api = await scripted();
  let now = 0;
  api.on('GET /quick', (_request, response) => void response.end('quick'));
  api.on('GET /slow', (_request, response) => {
    now += 2_000;
    response.end('slow');
  });
  api.on('GET /failing', (request) => void request.socket.destroy());
  const clock = { wall: () => now, monotonic: () => now };
  const { origin, asked } = circuitAbove(clientOf(api.url), 1, 0, clock);
  const read = async (path: string): Promise<unknown> => (await origin.fetch(asking(path))).body.stream().toArray();
  const fail = (): Promise<unknown> => expect(origin.fetch(asking('/failing'))).rejects.toThrow();
  for (const path of ['/slow', '/quick', '/slow']) {
    await read(path);
    await fail();
  }
  expect(asked.map(({ target }) => target)).toEqual(['/slow', '/quick', '/quick']);
});

test('an origin whose requests fail is asked before it is taken to be down, and only once at a time', async () => {
  const api = await scripted();
  const held = gate();
  const found: boolean[] = [false, true];
  const failing: Origin = {
    serverErrors: 'unknown',
    fetch: () => Promise.reject(new OriginError('originReset', { sent: true })),
  };
  const { origin, changes, asked } = circuitAbove(failing, 2, 0, systemClock, async () => {
    await held.pass();
    return found.pop() ?? true;
  });
  const fail = (times: number): Promise<unknown> =>
    Promise.allSettled(Array.from({ length: times }, (_, i) => origin.fetch(asking(`/failing?${i}`))));
  await fail(5);
  expect(asked).toEqual([{ method: 'HEAD', target: '/failing?1', host: 'api.example' }]);
  expect(origin.isClosed, 'requests are sent meanwhile').toBe(true);
  held.release();
  await held.arrived(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect([origin.isClosed, changes.length], 'it answers').toEqual([true, 0]);
  await fail(1);
  expect(asked, 'the count begins again').toHaveLength(1);
  await fail(1);
  await until(() => !origin.isClosed, 'it to be down');
  expect([asked.length, changes.length]).toEqual([2, 1]);
  expect(api.seen).toEqual([]);
});

test('once it is stopped, a probe that breaks off says nothing', async () => {
  const held = gate();
  const failing: Origin = {
    serverErrors: 'unknown',
    fetch: () => Promise.reject(new OriginError('originReset', { sent: true })),
  };
  const { origin, changes } = circuitAbove(failing, 1, 0, systemClock, async () => {
    await held.pass();
    return false;
  });
  await expect(origin.fetch(asking('/failing'))).rejects.toMatchObject({ code: 'originReset' });
  origin.stop();
  held.release();
  await held.arrived(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(changes).toEqual([]);
});

test('a failure that was sent before another request was answered counts for nothing', async () => {
  const api = await scripted();
  const held = gate();
  api.on('GET /slow', async (request) => {
    await held.pass();
    request.socket.destroy();
  });
  const { origin, answers } = circuitAbove(clientOf(api.url), 2, 0);
  answers.push(false);
  const slow = Promise.allSettled(Array.from({ length: 5 }, () => origin.fetch(asking('/slow'))));
  await held.arrived(5);
  await (await origin.fetch(asking('/quick'))).body.stream().toArray();
  held.release();
  await slow;
  expect(origin.isClosed).toBe(true);
  await Promise.allSettled([origin.fetch(asking('/slow')), origin.fetch(asking('/slow'))]);
  expect(origin.isClosed, 'nothing was answered since').toBe(false);
});

test('one that waited for a connection was sent when it got one', async () => {
  const api = await scripted();
  const pool = clientOf(api.url);
  const held = gate();
  const waits = async (watch: Watch | undefined): Promise<OriginResponse> => {
    await held.pass();
    watch?.refusal();
    throw new OriginError('originReset', { sent: true });
  };
  const fetch: WatchableOrigin['fetch'] = (request, watch) =>
    request.target === '/waits' ? waits(watch) : pool.fetch(request, watch);
  const { origin, answers } = circuitAbove({ serverErrors: 'unknown', fetch }, 1, 0);
  answers.push(false);
  const waiting = origin.fetch(asking('/waits'));
  await (await origin.fetch(asking('/quick'))).body.stream().toArray();
  held.release();
  await expect(waiting).rejects.toMatchObject({ code: 'originReset' });
  expect(origin.isClosed).toBe(false);
});

test.each<[string, Partial<OriginRequest>, boolean]>([
  ['a read', {}, false],
  ['a handshake', { upgrade: 'websocket' }, true],
])('an origin that resets the connection of %s', async (_what, more, isClosed) => {
  for (const reached of [true, false]) {
    const error = new OriginError(reached ? 'originReset' : 'originRefused', { sent: reached });
    const failing: Origin = { serverErrors: 'unknown', fetch: () => Promise.reject(error) };
    const { origin, answers } = circuitAbove(failing, 1, 0);
    answers.push(false);
    await expect(origin.fetch(asking('/1', more))).rejects.toBe(error);
    expect(origin.isClosed).toBe(reached && isClosed);
  }
});

test('a write that got no connection in time counts; one that got no answer in time does not', async () => {
  for (const sent of [true, false]) {
    const failing: Origin = {
      serverErrors: 'unknown',
      fetch: () => Promise.reject(new OriginError('originTimeout', { sent })),
    };
    const origin = circuitAbove(failing, 1, HOUR_MS).origin;
    await expect(origin.fetch(asking('/1', { method: 'PUT', writes: true }))).rejects.toMatchObject({ sent });
    expect(origin.isClosed).toBe(sent);
  }
});

test.each(['GET /204', 'GET /304', 'HEAD /200', 'GET /200'])('%s: its end is told once', async (asked) => {
  const api = await scripted();
  const [method = '', target = ''] = asked.split(' ');
  api.on(asked, (_request, response) => void response.writeHead(Number(target.slice(1))).end());
  const told: string[] = [];
  const watch: Watch = {
    refusal: () => undefined,
    answered: (status) => void told.push(`answered ${status}`),
    ended: () => void told.push('ended'),
    brokeOff: () => void told.push('broke off'),
  };
  const origin = clientOf(api.url, { connections: 1 });
  await (await origin.fetch(asking(target, { method }), watch)).body.stream().toArray();
  // The one connection is free once the first answer is over.
  await (await origin.fetch(asking('/204'))).body.stream().toArray();
  expect(told).toEqual([`answered ${target.slice(1)}`, 'ended']);
});
