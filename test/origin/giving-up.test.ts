import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { AnswerBody } from '../../src/exchange/ports.ts';
import { deferred, until } from '../support/barrier.ts';
import { answering, clientOf, failureOf, get, textOf } from './origin-under-test.ts';

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a request that is given up', () => {
  it('before it began: nothing is sent', async () => {
    const origin = await answering((s) => s.write(ok));
    const failure = await failureOf(clientOf(origin.url).fetch(get('/', { signal: AbortSignal.abort('gone') })));
    expect(failure).toMatchObject({ sent: false, cause: 'gone' });
    expect(origin.accepted).toBe(0);
  });

  it('while it waits for a connection: nothing is sent, and the connection is kept', async () => {
    const targets: string[] = [];
    const release = deferred();
    const arrived = deferred();
    const origin = await answering((socket, { head: request }) => {
      targets.push(request.split(' ')[1] ?? '');
      arrived.resolve();
      void release.promise.then(() => socket.write(ok));
    });
    const client = clientOf(origin.url, { connections: 1 });
    const first = client.fetch(get('/first'));
    await arrived.promise;
    const controller = new AbortController();
    const timers = armedTimers();
    const waiting = failureOf(client.fetch(get('/waiting', { method: 'POST', signal: controller.signal })));
    expect(armedTimers()).toBe(timers + 1);
    controller.abort(new Error('gone'));
    expect(armedTimers()).toBe(timers);
    expect(await waiting).toMatchObject({ code: 'originReset', sent: false, cause: { message: 'gone' } });
    release.resolve();
    expect(await textOf((await first).body)).toBe('ok');
    expect(await textOf((await client.fetch(get('/after'))).body)).toBe('ok');
    expect(targets).toEqual(['/first', '/after']);
    expect(origin.accepted).toBe(1);
  });

  it('before its answer: the connection is closed', async () => {
    const sockets: Socket[] = [];
    const origin = await answering((socket) => sockets.push(socket));
    const controller = new AbortController();
    const failure = failureOf(clientOf(origin.url).fetch(get('/', { signal: controller.signal })));
    await until(() => sockets.length === 1);
    controller.abort();
    expect(await failure).toMatchObject({ code: 'originReset', sent: true });
    await until(() => sockets[0]?.destroyed === true || sockets[0]?.readableEnded === true);
  });

  it('within its answer: the body breaks, and the connection is closed', async () => {
    const sockets: Socket[] = [];
    const origin = await answering((socket) => sockets.push(socket) && socket.write(head));
    const controller = new AbortController();
    const { body } = await clientOf(origin.url).fetch(get('/', { signal: controller.signal }));
    controller.abort();
    expect(await failureOf(textOf(body))).toMatchObject({ code: 'originReset', sent: true });
    await until(() => sockets[0]?.destroyed === true || sockets[0]?.readableEnded === true);
  });

  it.each([
    ['that nobody reads', (body: AnswerBody) => body.destroy()],
    ['that is read', (body: AnswerBody) => void (body.stream() && body.destroy())],
    ['as a stream', (body: AnswerBody) => void body.stream().destroy()],
  ])('by destroying a body %s: the connection is closed and gives its place to the next', async (_name, destroy) => {
    const sockets: Socket[] = [];
    const origin = await answering(
      (socket, { connection }) => sockets.push(socket) && socket.write(connection === 1 ? head : ok),
    );
    const client = clientOf(origin.url, { connections: 1 });
    const { body } = await client.fetch(get());
    destroy(body);
    expect(await textOf((await client.fetch(get())).body)).toBe('ok');
    await until(() => sockets[0]?.destroyed === true || sockets[0]?.readableEnded === true);
  });

  it('after its answer: without effect, and no listener stays behind', async () => {
    const origin = await answering((s) => s.write(ok));
    const client = clientOf(origin.url, { connections: 1 });
    const controller = new AbortController();
    const listening = trackListeners(controller.signal);
    for (const _ of [1, 2])
      expect(await textOf((await client.fetch(get('/', { signal: controller.signal }))).body)).toBe('ok');
    expect(listening()).toBe(0);
    controller.abort();
    expect(await textOf((await client.fetch(get())).body)).toBe('ok');
    expect(origin.accepted).toBe(1);
  });
});

/** How many timers are armed. */
function armedTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

function trackListeners(signal: AbortSignal): () => number {
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  return () => listeners;
}
