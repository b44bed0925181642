import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { standstill, until } from '../support/barrier.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { answerForAMinute, begin, every, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* What comes behind an answer that has been given, and that its client has not read to its end. */

useScriptedRig();

const LARGE = Buffer.alloc(8 * 1024 * 1024, 'x');
const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

describe.each([true, false])('with the front: %s', (front) => {
  let client: RawClient;
  let before: unknown[];
  beforeEach(async () => {
    every(answerForAMinute);
    origin.on('GET /large', (_, response) => void response.setHeader('Cache-Control', 'max-age=60').end(LARGE));
    origin.on('GET /broken', (_, response) => {
      response.writeHead(200, { 'Content-Length': '200000' }).write('x'.repeat(100_000));
      response.socket?.end();
    });
    await begin(`server: { listen: "127.0.0.1:0", front: ${front}, drain: 20s }\ndefaults: { cache: { ttl: 60s } }`);
    const first = await rawClient(gateway.url);
    first.write(request('/large'));
    await first.answer();
    await first.close();
    before = gateway.logs.filter(({ level }) => level > 20);
    client = await rawClient(gateway.url, { reads: false });
    client.write(request('/large'));
    // It has been given.
    await until(() => gateway.logs.filter(({ path }) => path === '/large').length === 2);
  });
  afterEach(() => client.close());

  /** The answer is read once all has come that the gateway does meanwhile. */
  async function large(): Promise<number> {
    client.read();
    return (await client.answer()).body.byteLength;
  }

  test.each([
    ['what is no request', 'BAD REQUEST\r\n\r\n'],
    ['a request whose answer breaks off', request('/broken')],
  ])('%s does not cut it short', async (_, behind) => {
    client.write(behind);
    await standstill(() => client.pending.byteLength);
    // The gateway has not come to it: what it refuses it gives up a little later, with all that is unsent.
    if (front) expect(gateway.logs.filter(({ level }) => level > 20)).toEqual(before);
    expect(await large()).toBe(LARGE.byteLength);
  });

  test('a write behind it is carried out, though its client has ended its side', async () => {
    const other = await rawClient(gateway.url);
    // Left to the HTTP server.
    other.write('GET /first HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\n\r\n');
    await other.answer();
    other.pause();
    other.write(request('/large'));
    await until(() => gateway.logs.filter(({ path }) => path === '/large').length === 3);
    other.write('PUT /steps/7 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n');
    other.end();
    // The gateway looks for its end each second.
    const looked = performance.now() + 2_200;
    if (front) await until(() => performance.now() > looked);
    other.read();
    expect((await other.answer()).body.byteLength).toBe(LARGE.byteLength);
    await until(() => origin.requests('PUT /steps/7').length === 1, 'the write');
    expect(gateway.logs.filter(({ level }) => level > 30)).toEqual([]);
    // Then the gateway ends its own.
    await other.ended();
    await other.close();
  });

  test('a stop waits for it, though a part of a request has come', async () => {
    client.write('GET /next HT');
    await standstill(() => client.pending.byteLength);
    const stopping = gateway.stop();
    expect(await large()).toBe(LARGE.byteLength);
    await client.close();
    await stopping;
  });

  test('an event stream begins behind it, and is not taken for slow', async () => {
    client.write(request('/_unstale/events'));
    await standstill(() => client.pending.byteLength);
    await send('PUT', '/steps/7', { body: {} });
    expect(await large()).toBe(LARGE.byteLength);
    await until(() => client.pending.includes('text/event-stream'), 'the stream');
  });
});
