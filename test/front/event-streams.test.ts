import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { collectGarbage } from '../support/garbage.ts';
import { rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { gate, until } from '../support/scripted-origin.ts';
import { answerForAMinute, begin, every, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';
import { wsClient } from '../support/ws-client.ts';

/* An event stream takes its connection from the HTTP server. What holds for connections holds for it all the same. */

useScriptedRig();

const EVENTS = '/_unstale/events';
const asked = (path: string, ...fields: string[]): string =>
  `GET ${path} HTTP/1.1\r\n${['Host: a.example', ...fields, ''].join('\r\n')}\r\n`;
const write = (): Promise<unknown> => get(`${gateway.url}/written`, { method: 'PUT', body: '{}' });

async function subscribersBecome(count: number): Promise<void> {
  const figure = `\nunstale_subscribers ${count}\n`;
  while (!(await get(`${gateway.adminUrl}/metrics`)).text.includes(figure)) await new Promise(setImmediate);
}

/** A client whose stream is open. */
async function subscribed(request: string, earlier: readonly string[] = []): ReturnType<typeof rawClient> {
  const client = await rawClient(gateway.url);
  for (const each of earlier) {
    client.write(each);
    await client.answer();
  }
  client.write(request);
  await until(() => client.pending.includes('\n\nid: '), 'the stream to open');
  return client;
}

/** Resolves once none of them is held by anything. */
const forgotten = (held: readonly WeakRef<object>[]): Promise<void> =>
  until(() => {
    collectGarbage();
    return held.every((each) => each.deref() === undefined);
  }, 'all of them to be forgotten');

test('it holds neither its request nor its response', async () => {
  every(answerForAMinute);
  await begin();
  const exchanges: WeakRef<IncomingMessage | ServerResponse>[] = [];
  const note = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    if (request.url === EVENTS) exchanges.push(new WeakRef(request), new WeakRef(response));
  };
  subscribe('http.server.request.start', note);
  const streams = await Promise.all(Array.from({ length: 10 }, () => sseClient(gateway.url + EVENTS)));
  unsubscribe('http.server.request.start', note);
  expect(exchanges).toHaveLength(20);
  await forgotten(exchanges);
  await write();
  for (const stream of streams) expect(await stream.next()).toMatchObject({ type: 'invalidate' });
  for (const stream of streams) stream.close();
  await subscribersBecome(0);
});

test('a WebSocket holds neither its handshake nor what the HTTP server took for the connection', async () => {
  every(answerForAMinute);
  await begin();
  const held: WeakRef<object>[] = [];
  const { assignSocket } = ServerResponse.prototype;
  ServerResponse.prototype.assignSocket = function noted(socket) {
    held.push(new WeakRef(this), new WeakRef(this.req), new WeakRef(socket));
    assignSocket.call(this, socket);
  };
  onTestFinished(() => {
    ServerResponse.prototype.assignSocket = assignSocket;
  });
  const clients = await Promise.all(Array.from({ length: 10 }, () => wsClient(`${gateway.url}/_unstale/ws`)));
  ServerResponse.prototype.assignSocket = assignSocket;
  expect(held).toHaveLength(30);
  await forgotten(held);
  await write();
  for (const client of clients) {
    expect(await client.next()).toMatchObject({ type: 'invalidate' });
    client.say({ type: 'ping' });
    await client.told('pong');
    client.close();
  }
  await subscribersBecome(0);
});

test('it is no idle connection, though hits were answered there before', async () => {
  every(answerForAMinute);
  await begin();
  const client = await subscribed(asked(EVENTS), [asked('/a'), asked('/a')]);
  await gateway.stop();
  await client.ended();
  expect(client.pending.toString()).toMatch(/\nretry: \d+\n\n$/);
  await client.close();
});

test.each([
  ['a body', asked(EVENTS, 'Content-Length: 4'), 'body'],
  ['a body in chunks', asked(EVENTS, 'Transfer-Encoding: chunked'), '4\r\nbody\r\n0\r\n\r\n'],
  ['an empty line', asked(EVENTS), '\r\n'],
])('%s behind the request does not cut it', async (_, request, behind) => {
  every(answerForAMinute);
  await begin();
  const client = await subscribed(request);
  client.write(behind);
  const other = await subscribed(asked(EVENTS));
  other.write('G');
  await other.ended();
  await write();
  await until(() => client.pending.includes('"/written"'), 'the event');
  expect(client.isEnded).toBe(false);
  await Promise.all([client.close(), other.close()]);
});

test('a client that ends its side has left', async () => {
  every(answerForAMinute);
  await begin();
  const client = await subscribed(asked(EVENTS));
  await subscribersBecome(1);
  client.end();
  await client.ended();
  await subscribersBecome(0);
  await client.close();
});

const part = asked(EVENTS, 'Content-Length: 400000');
const large = `${asked(EVENTS, 'Content-Length: 300000')}${'x'.repeat(300_000)}`;
test.each([
  ['within a body', `${part}body`],
  ['within a large body', `${part}${'x'.repeat(300_000)}`],
  ['behind a large body', large],
  ['within a chunk', `${asked(EVENTS, 'Transfer-Encoding: chunked')}4\r\nbo`],
  ['within the next head', `${asked(EVENTS)}GET /a HT`],
])('a client that ends its side %s has left', async (_, request) => {
  every(answerForAMinute);
  await begin();
  const client = await subscribed(request);
  await subscribersBecome(1);
  client.end();
  await client.ended();
  await subscribersBecome(0);
  const hasty = await rawClient(gateway.url);
  hasty.write(request);
  hasty.end();
  await hasty.ended();
  await subscribersBecome(0);
  await Promise.all([client.close(), hasty.close()]);
});

test('a client that ends its side within the next head before the stream is open gets none', async () => {
  const held = gate();
  every((request, response) => void held.pass().then(() => answerForAMinute(request, response)));
  await begin();
  const client = await rawClient(gateway.url);
  client.write(`${asked('/slow')}${asked(EVENTS)}GET /a HT`);
  client.end();
  await origin.until((seen) => seen.length > 0);
  // What was sent before has been read once this has been answered.
  await subscribed(asked(EVENTS)).then((other) => other.close());
  await subscribersBecome(0);
  held.release();
  expect((await client.answer()).status).toBe(200);
  await client.ended();
  await subscribersBecome(0);
  await client.close();
});
