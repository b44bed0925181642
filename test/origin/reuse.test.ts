import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { deferred, gate } from '../support/barrier.ts';
import { answering, clientOf, failureOf, get, scripted, textOf } from './origin-under-test.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('connections', () => {
  it('are kept and reused, one request at a time on each', async () => {
    const origin = await answering((socket) => socket.write(ok));
    const client = clientOf(origin.url, { connections: 1 });
    const texts = await Promise.all([1, 2, 3, 4].map(async () => textOf((await client.fetch(get())).body)));
    expect(texts).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(origin.accepted).toBe(1);
  });

  it('are as many as configured', async () => {
    const origin = await scripted();
    const held = gate();
    origin.on('GET /', async (_request, response) => {
      await held.pass();
      response.end('ok');
    });
    const client = clientOf(origin.url, { connections: 3 });
    const answers = [1, 2, 3, 4, 5].map(async () => textOf((await client.fetch(get())).body));
    await held.arrived(3);
    expect(await origin.connections()).toBe(3);
    held.release();
    expect(await Promise.all(answers)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(origin.seen).toHaveLength(5);
  });
});

describe('a kept connection that the origin closes just as a request is written to it', () => {
  /** Answers the first request of a connection, and does `then` at its second. */
  const closing = (then: (socket: Socket) => unknown) =>
    answering((socket, { connection, count }) => {
      if (connection === 1 && count === 2) then(socket);
      else socket.write(ok);
    });

  it.each([
    ['GET', 'closed'],
    ['GET', 'reset'],
    ['HEAD', 'closed'],
  ])('%s, %s: is tried again, once', async (method, how) => {
    const origin = await closing((socket) => (how === 'reset' ? socket.resetAndDestroy() : socket.end()));
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    const answer = await client.fetch(get('/', { method }));
    expect([answer.status, await textOf(answer.body)]).toEqual([200, method === 'HEAD' ? '' : 'ok']);
    expect(origin.accepted).toBe(2);
  });

  it.each([
    ['POST', undefined],
    ['PUT', Buffer.from('{}')],
    ['DELETE', undefined],
    ['M-SEARCH', undefined],
    ['GET', Buffer.from('{}')],
  ])('%s with %s: never, because the origin may have acted on it', async (method, body) => {
    const origin = await closing((socket) => socket.end());
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    expect(await failureOf(client.fetch(get('/', { method, body })))).toMatchObject({
      code: 'originReset',
      sent: true,
    });
    expect(origin.accepted).toBe(1);
  });

  it.each([
    ['tried again', 'GET', ['at the origin', 'at the origin', 'left']],
    ['not tried again', 'POST', ['at the origin', 'left']],
  ])('%s: its place is given back when it is over, and not before', async (_, method, expected) => {
    const steps: string[] = [];
    const origin = await answering((socket, { connection, count }) => {
      if (connection === 1 && count === 1) return void socket.write(ok);
      steps.push('at the origin');
      if (connection === 1) socket.end();
      else socket.write(ok);
    });
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    const place = { leave: () => void steps.push('left') };
    await client.fetch(get('/', { method, place })).then(
      ({ body }) => textOf(body),
      () => {},
    );
    expect(steps).toEqual(expected);
  });

  it('after the first byte of an answer: not again', async () => {
    const origin = await closing((socket) => socket.end('HTTP/1.1 2'));
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    expect(await failureOf(client.fetch(get()))).toMatchObject({ code: 'originReset', sent: true });
    expect(origin.accepted).toBe(1);
  });

  it('within the body of an answer: not again', async () => {
    const origin = await closing((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab'));
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    const answer = await client.fetch(get());
    expect(await failureOf(textOf(answer.body))).toMatchObject({ code: 'originReset', sent: true });
    expect(origin.accepted).toBe(1);
  });

  it('twice in a row: the second time is an error', async () => {
    const slow = deferred();
    const arrived = deferred();
    const victim = deferred();
    const origin = await answering((socket, { head, count }) => {
      if (count === 1) socket.write(ok);
      else if (head.startsWith('GET /slow')) void slow.promise.then(() => socket.write(ok));
      else if (count === 2) {
        arrived.resolve();
        void victim.promise.then(() => socket.end());
      } else socket.end();
    });
    const client = clientOf(origin.url, { connections: 2 });
    const both = await Promise.all([client.fetch(get()), client.fetch(get())]);
    await Promise.all(both.map(({ body }) => textOf(body)));
    const first = client.fetch(get('/slow'));
    const place = { leave: vi.fn() };
    const failure = failureOf(client.fetch(get('/victim', { place })));
    await arrived.promise;
    // The other connection is free again by the time of the retry, which takes it because it is the first of the pool.
    slow.resolve();
    await textOf((await first).body);
    victim.resolve();
    expect(await failure).toMatchObject({ code: 'originReset', sent: true });
    expect(origin.accepted).toBe(2);
    expect(place.leave, 'its place is given back').toHaveBeenCalled();
  });

  it('and the origin gone for good: what was sent first stays sent', async () => {
    const origin = await closing((socket) => {
      void origin.close();
      socket.destroy();
    });
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    expect(await failureOf(client.fetch(get()))).toMatchObject({ code: 'originRefused', sent: true });
  });

  it('is not tried again for a caller that gives up at that moment', async () => {
    const origin = await closing((socket) => socket.end());
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    const controller = new AbortController();
    // The failed attempt stops listening, and the next has not begun to.
    controller.signal.removeEventListener = () => controller.abort();
    expect(await failureOf(client.fetch(get('/', { signal: controller.signal })))).toMatchObject({ sent: true });
    expect(origin.accepted).toBe(1);
  });
});

describe('a new connection that the origin closes without an answer', () => {
  it('is an error, also in the place of one that was used', async () => {
    const origin = await answering((socket, { connection }) => {
      if (connection === 1) socket.end(ok.replace('\r\n', '\r\nConnection: close\r\n'));
      else socket.end();
    });
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    expect(await failureOf(client.fetch(get()))).toMatchObject({ code: 'originReset', sent: true });
    expect(origin.accepted).toBe(2);
  });
});
