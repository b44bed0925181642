import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock, systemTimers, type Timers } from '../../src/clock.ts';
import type { WebhookConfig } from '../../src/config/model.ts';
import { type Network, systemNetwork } from '../../src/webhooks/connect.ts';
import { resyncAt } from '../../src/webhooks/message.ts';
import type { Outcome } from '../../src/webhooks/queue.ts';
import { Sender } from '../../src/webhooks/sender.ts';
import { localhostCertificate } from '../origin/localhost-certificate.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { SECRET } from './receiver.ts';

/* One attempt: where it may go, and what its answers mean. */

const message = resyncAt('e-1', '2026-01-02T03:04:05.678Z');
const never = new AbortController().signal;

let origin: ScriptedOrigin;
let sender: Sender | undefined;
beforeEach(async () => {
  origin = await scriptedOrigin();
});
afterEach(async () => {
  await sender?.close();
  sender = undefined;
  await origin.close();
});

function senderTo(
  config: Partial<WebhookConfig>,
  network: Partial<Network> = {},
  timers: Timers = systemTimers,
  clock: Clock = systemClock,
): Sender {
  const least = { name: 'partner', url: '', secrets: [SECRET], match: [], tags: [], events: [], timeoutMs: 10_000 };
  sender = new Sender(
    { ...least, allow: ['127.0.0.1'], ...config },
    { clock, timers, network: { ...systemNetwork, ...network } },
  );
  return sender;
}
const send = (config: Partial<WebhookConfig>, network?: Partial<Network>): Promise<Outcome | undefined> =>
  senderTo(config, network).send(message, never);
const every = (handler: Parameters<ScriptedOrigin['on']>[1]): void => void origin.on(() => true, handler);
const reasonOf = (outcome: Outcome | undefined): string =>
  outcome?.kind === 'failed' ? outcome.reason : String(outcome?.kind);

describe('an answer', () => {
  const rows: [number, string][] = [
    [200, 'delivered'],
    [204, 'delivered'],
    [299, 'delivered'],
    [300, 'failed'],
    [302, 'failed'],
    [400, 'failed'],
    [401, 'failed'],
    [410, 'gone'],
    [429, 'failed'],
    [500, 'failed'],
    [503, 'failed'],
  ];
  test.each(rows)('of %d: %s', async (status, kind) => {
    every((_, response) => void response.writeHead(status).end());
    expect((await send({ url: origin.url }))?.kind).toBe(kind);
  });

  const soon = new Date(Math.floor(systemClock.wall() / 1_000) * 1_000 + 90_000);
  test.each<[string, number, string, number | undefined]>([
    ['seconds', 503, '120', 120_000],
    ['a date', 429, soon.toUTCString(), 90_000],
    ['a date that is past', 503, 'Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['neither', 503, 'later', undefined],
    ['of a status that does not ask for it', 500, '120', undefined],
  ])('says when to try again by Retry-After: %s', async (_, status, value, expected) => {
    every((_request, response) => void response.writeHead(status, { 'Retry-After': value }).end());
    const clock = { ...systemClock, wall: () => soon.getTime() - 90_000 };
    const outcome = await senderTo({ url: origin.url }, {}, systemTimers, clock).send(message, never);
    const reason = `status ${status}`;
    expect(outcome).toEqual({ kind: 'failed', reason, ...(expected !== undefined && { retryAfterMs: expected }) });
  });

  test('that goes on for ever is a delivery by its status, and costs the connection', async () => {
    every((_, response) => {
      response.writeHead(200);
      const more = (): void => void (response.destroyed || response.write('x'.repeat(4_096), more));
      more();
    });
    expect(await send({ url: origin.url })).toEqual({ kind: 'delivered' });
    await origin.close();
  });

  test('with a head that is too large has failed', async () => {
    every((_, response) => void response.writeHead(200, { 'x-much': 'x'.repeat(32_768) }).end());
    expect(reasonOf(await send({ url: origin.url }))).toContain('HEADERS_OVERFLOW');
  });

  test('that does not come in time has failed', async () => {
    const due: (() => void)[] = [];
    const timers: Timers = {
      after: (_, run) => {
        due.push(run);
        return () => {};
      },
    };
    every(() => due[0]?.());
    expect(reasonOf(await senderTo({ url: origin.url }, {}, timers).send(message, never))).toBe('no answer in time');
  });

  test('that is no longer awaited is no outcome at all', async () => {
    const stop = new AbortController();
    every(() => stop.abort());
    expect(await senderTo({ url: origin.url }).send(message, stop.signal)).toBeUndefined();
  });
});

describe('a name', () => {
  test('with many addresses is tried at the first eight', async () => {
    const dialled: string[] = [];
    const network: Partial<Network> = {
      resolve: () => Promise.resolve(Array.from({ length: 20 }, (_, i) => `127.0.1.${i}`)),
      dial: (address) => {
        dialled.push(address);
        return connect({ host: '127.0.0.1', port: 1 });
      },
    };
    expect(reasonOf(await send({ url: 'http://hooks.example/', allow: ['127.0.0.0/8'] }, network))).toContain(
      'ECONNREFUSED',
    );
    expect(dialled).toHaveLength(8);
  });
});

/** Another server, which no message may reach. */
async function victim(
  host = '127.0.0.1',
): Promise<{ server: Server; port: number; seen: string[]; close(): Promise<void> }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    // The next message needs a connection of its own.
    response.setHeader('connection', 'close').end();
  });
  server.on('connection', () => seen.push('connection'));
  server.listen(0, host);
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { server, port: (server.address() as AddressInfo).port, seen, close };
}

describe('an address that is not allowed', () => {
  test.each([
    ['the loopback', '127.0.0.1'],
    ['a name of it', 'localhost'],
    ['one that is mapped', '[::ffff:127.0.0.1]'],
    ['one number', '2130706433'],
    ['octal', '0177.0.0.1'],
    ['hexadecimal', '0x7f000001'],
    ['short', '127.1'],
    ['every interface', '0.0.0.0'],
    ['IPv6', '[::1]'],
  ])('is not connected to: %s', async (_, host) => {
    const guarded = await victim(host.includes('::1]') && !host.includes('ffff') ? '::1' : '127.0.0.1');
    const outcome = await send({ url: `http://${host}:${guarded.port}/`, allow: [] });
    expect(reasonOf(outcome)).toContain('ADDRESS_REFUSED');
    expect(guarded.seen).toEqual([]);
    await guarded.close();
  });

  test('is not connected to because a name server answers differently the second time', async () => {
    const guarded = await victim('127.0.0.2');
    const allowed = await victim('127.0.0.1');
    let asked = 0;
    const network: Partial<Network> = {
      resolve: () => Promise.resolve([asked++ === 0 ? '127.0.0.1' : '127.0.0.2']),
      dial: (address) => connect({ host: address, port: address === '127.0.0.1' ? allowed.port : guarded.port }),
    };
    const rebinding = senderTo({ url: 'http://rebinding.example/' }, network);
    expect(await rebinding.send(message, never)).toEqual({ kind: 'delivered' });
    // One resolution for one connection. The next connection resolves again, and is refused.
    expect(asked).toBe(1);
    expect(reasonOf(await rebinding.send(message, never))).toContain('ADDRESS_REFUSED');
    expect([asked, guarded.seen]).toEqual([2, []]);
    await Promise.all([guarded.close(), allowed.close()]);
  });

  test('is left again if a connection leads there all the same, before anything is sent', async () => {
    const guarded = await victim('127.0.0.2');
    const network: Partial<Network> = { dial: () => connect({ host: '127.0.0.2', port: guarded.port }) };
    expect(reasonOf(await send({ url: 'http://127.0.0.1/' }, network))).toContain('the connection led to 127.0.0.2');
    expect(guarded.seen.filter((seen) => seen !== 'connection')).toEqual([]);
    await guarded.close();
  });

  test('is passed over where a name has others that are', async () => {
    every((_, response) => void response.end());
    const resolve = (): Promise<string[]> => Promise.resolve(['169.254.169.254', '::1', '127.0.0.1']);
    expect(await send({ url: `http://mixed.example:${origin.port}/` }, { resolve })).toEqual({ kind: 'delivered' });
  });

  test('is not connected to by way of a redirect', async () => {
    const guarded = await victim();
    every((_, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${guarded.port}/latest/meta-data/` }).end();
    });
    expect(reasonOf(await send({ url: origin.url }))).toBe('status 307');
    expect(guarded.seen).toEqual([]);
    await guarded.close();
  });
});

describe('an endpoint behind TLS', () => {
  const { cert } = localhostCertificate;

  async function secureReceiver(): Promise<{ port: number; names: unknown[]; close(): Promise<void> }> {
    const names: unknown[] = [];
    const server = createSecureServer(localhostCertificate, (request, response) => {
      names.push([(request.socket as TLSSocket).servername, request.headers.host]);
      response.setHeader('connection', 'close').end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = async (): Promise<void> => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    };
    return { port: (server.address() as AddressInfo).port, names, close };
  }

  test('is asked by its name, however it was resolved', async () => {
    const receiver = await secureReceiver();
    const network = { resolve: () => Promise.resolve(['127.0.0.1']), authorities: cert };
    expect(await send({ url: `https://localhost:${receiver.port}/` }, network)).toEqual({ kind: 'delivered' });
    expect(receiver.names).toEqual([['localhost', `localhost:${receiver.port}`]]);
    await receiver.close();
  });

  const rows: [string, string, Partial<Network>, string][] = [
    ['one that nobody has signed', 'localhost', {}, 'SELF_SIGNED'],
    ['that of another name', 'partner.example', { authorities: cert }, 'ALTNAME_INVALID'],
  ];
  test.each(rows)('is sent nothing if its certificate is %s', async (_, host, more, reason) => {
    const receiver = await secureReceiver();
    const network = { resolve: () => Promise.resolve(['127.0.0.1']), ...more };
    expect(reasonOf(await send({ url: `https://${host}:${receiver.port}/` }, network))).toContain(reason);
    expect(receiver.names).toEqual([]);
    await receiver.close();
  });
});
