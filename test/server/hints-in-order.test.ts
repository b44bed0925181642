import { describe, expect, test } from 'vitest';
import { type Gate, gate, standstill, until } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';
import { begin, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* What is sent before an answer, to clients that cannot have it, or not yet. */

useScriptedRig();

const LONG = Buffer.alloc(100_000, 'y');
const request = (path: string, version = '1.1'): string => `GET ${path} HTTP/${version}\r\nHost: a.example\r\n\r\n`;

async function start(front: boolean): Promise<void> {
  origin.on('GET /hinted', (_, response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.end(LONG);
  });
  await begin(`server: { listen: "127.0.0.1:0", front: ${front} }\ndefaults: { cache: off }`);
}

test.each([true, false])('is not sent while an earlier answer is due (front: %s)', async (front) => {
  const slow = gate();
  await start(front);
  origin.on('GET /slow', async (_, response) => {
    await slow.pass();
    response.end('slow');
  });
  const client = await rawClient(gateway.url);
  client.write(request('/slow') + request('/hinted') + request('/hinted'));
  await slow.arrived();
  await until(() => origin.requests('GET /hinted').length === 2);
  // What came first from the origin has come.
  await standstill(() => origin.requests('GET /hinted').length);
  slow.release();
  const answers = [await client.answer(), await client.answer(), await client.answer()];
  expect(answers.map(({ status, body }) => [status, body.equals(LONG) || body.toString()])).toEqual([
    [200, 'slow'],
    [200, true],
    [200, true],
  ]);
  await client.close();
});

describe.each([true, false])('an invitation to send a body (front: %s)', (front) => {
  const asked = (method: string): string =>
    `${method} /asked HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`;

  test('is sent when its request is due', async () => {
    const slow = await startSlow();
    origin.on('PUT /asked', (_, response) => void response.end('put'));
    const client = await rawClient(gateway.url);
    client.write(request('/slow') + asked('PUT'));
    await slow.arrived();
    slow.release();
    expect((await client.answer()).body.toString()).toBe('slow');
    await until(() => client.pending.toString() === 'HTTP/1.1 100 Continue\r\n\r\n', 'the invitation');
    client.write('abc');
    const { interim, body } = await client.answer();
    expect([interim.map(({ status }) => status), body.toString()]).toEqual([[100], 'put']);
    await client.close();
  });

  test('is not sent if the answer is there before', async () => {
    const slow = await startSlow();
    origin.on('GET /asked', (_, response) => void response.end(LONG));
    const client = await rawClient(gateway.url);
    // It does not wait for the invitation.
    client.write(`${request('/slow')}${asked('GET')}abc`);
    await slow.arrived();
    await until(() => origin.requests('GET /asked').length === 1);
    await standstill(() => origin.requests('GET /asked').length);
    slow.release();
    expect((await client.answer()).body.toString()).toBe('slow');
    const { interim, status, body } = await client.answer();
    expect([interim, status, body.equals(LONG)]).toEqual([[], 200, true]);
    // Whether a body comes that was not asked for, nobody can tell.
    await client.ended();
    await client.close();
  });

  async function startSlow(): Promise<Gate> {
    const slow = gate();
    await start(front);
    origin.on('GET /slow', async (_, response) => {
      await slow.pass();
      response.end('slow');
    });
    return slow;
  }
});

test.each([true, false])('is not sent to a client of HTTP/1.0 (front: %s)', async (front) => {
  await start(front);
  const client = await rawClient(gateway.url);
  client.write(request('/hinted', '1.0'));
  expect(await client.answer()).toMatchObject({ status: 200, interim: [] });
  await client.close();
});
