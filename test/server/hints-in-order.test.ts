import { expect, test } from 'vitest';
import { gate, standstill, until } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';
import { begin, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* A 1xx of the origin, for clients that cannot have it. */

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

test.each([true, false])('is not sent to a client of HTTP/1.0 (front: %s)', async (front) => {
  await start(front);
  const client = await rawClient(gateway.url);
  client.write(request('/hinted', '1.0'));
  expect(await client.answer()).toMatchObject({ status: 200, interim: [] });
  await client.close();
});
