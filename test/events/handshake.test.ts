import { describe, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { answerForAMinute, begin, every, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* Handshakes of WebSockets with events. */

useScriptedRig();

async function start(yaml = ''): Promise<void> {
  every(answerForAMinute);
  await begin(yaml);
}

describe('a handshake', () => {
  const request = (lines: string, start = 'GET /_unstale/ws HTTP/1.1'): string =>
    `${start}\r\nHost: h.test\r\n${lines}\r\n`;
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  const version = 'Sec-WebSocket-Version: 13\r\n';
  const whole = upgrade + key + version;

  async function answerTo(bytes: string): Promise<Awaited<ReturnType<RawClient['answer']>>> {
    const client = await rawClient(gateway.url);
    client.write(bytes);
    const answer = await client.answer();
    await client.close();
    return answer;
  }

  test.each([
    ['no upgrade', request(''), 426, 'upgrade-required', 'upgrade', 'websocket'],
    [
      'another protocol',
      request('Connection: Upgrade\r\nUpgrade: h2c\r\n'),
      426,
      'upgrade-required',
      'upgrade',
      'websocket',
    ],
    ['a body', `${request(`${whole}Content-Length: 1\r\n`)}x`, 426, 'upgrade-required', 'upgrade', 'websocket'],
    ['another method', request(whole, 'POST /_unstale/ws HTTP/1.1'), 405, 'method-not-allowed', 'allow', 'GET'],
    ['no key', request(upgrade + version), 400, 'bad-request', 'connection', 'close'],
    ['a wrong key', request(`${upgrade + version}Sec-WebSocket-Key: x\r\n`), 400, 'bad-request', 'connection', 'close'],
    ['no version', request(upgrade + key), 426, 'upgrade-required', 'sec-websocket-version', '13'],
    [
      'another version',
      request(`${upgrade + key}Sec-WebSocket-Version: 8\r\n`),
      426,
      'upgrade-required',
      'sec-websocket-version',
      '13',
    ],
    ['a bad filter', request(whole, 'GET /_unstale/ws?match=a HTTP/1.1'), 400, 'bad-request', 'connection', 'close'],
    [
      'a page of another origin',
      request(`${whole}Origin: https://evil.test\r\n`),
      403,
      'foreign-page',
      'connection',
      'close',
    ],
    ['a page without an origin', request(`${whole}Origin: null\r\n`), 403, 'foreign-page', 'connection', 'close'],
    [
      'a page of another port',
      request(`${whole}Origin: http://h.test:81\r\n`),
      403,
      'foreign-page',
      'connection',
      'close',
    ],
    ['the event stream', request(whole, 'GET /_unstale/events HTTP/1.1'), 400, 'bad-request', 'connection', 'close'],
  ])('%s: a problem says why', async (_what, bytes, status, type, field, value) => {
    await start('events: { cors: { origins: ["https://app.test"] } }');
    const answer = await answerTo(bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(String(answer.body))).toMatchObject({ type: `urn:unstale:problem:${type}`, status });
    expect(String(answer.headers[field]).toLowerCase()).toBe(value.toLowerCase());
    expect(origin.requests('GET /_unstale/ws')).toEqual([]);
  });

  test('a gateway that has no room for subscribers refuses it before it is accepted', async () => {
    await start('events: { maxSubscribers: 0 }');
    const answer = await answerTo(request(whole));
    expect(answer.status).toBe(503);
    expect(JSON.parse(String(answer.body))).toMatchObject({ type: 'urn:unstale:problem:overloaded' });
  });

  test.each([['http://h.test'], ['https://h.test'], ['https://app.test']])('a page of %s may', async (from) => {
    await start('events: { cors: { origins: ["https://app.test"] } }');
    const client = await rawClient(gateway.url);
    client.write(request(`${whole}Origin: ${from}\r\n`));
    await until(() => client.pending.includes('"ready"'));
    expect(String(client.pending)).toMatch(/^HTTP\/1\.1 101 /);
    await client.close();
  });

  test('one that offers protocols is told of none; what comes behind the handshake is read', async () => {
    await start();
    const client = await rawClient(gateway.url);
    // A masked text frame with the mask 0: {"type":"ping"}
    const ping = Buffer.concat([Buffer.from([0x81, 0x80 | 15, 0, 0, 0, 0]), Buffer.from('{"type":"ping"}')]);
    client.write(request(`${whole}Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n`));
    client.write(ping);
    await until(() => client.pending.includes('"pong"'));
    expect(String(client.pending)).not.toMatch(/sec-websocket-(?:protocol|extensions)/i);
    await client.close();
  });

  test("off, the path is the origin's", async () => {
    await start('events: { webSocket: off }');
    expect((await get(`${gateway.url}/_unstale/ws`)).text).toBe('answer');
  });
});
