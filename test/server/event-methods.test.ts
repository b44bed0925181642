import { METHODS } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';

/* What is for GET alone says so of each other method that Node knows. */

const others = METHODS.filter((method) => !['GET', 'CONNECT'].includes(method));
const page = 'https://app.example';

test.each([
  ['/_unstale/events', page],
  ['/.well-known/mercure', page],
  ['/_unstale/ws', undefined],
])('%s', async (path, allowed) => {
  const events = `events: { mercure: true, cors: { origins: ["${page}"] } }`;
  const gateway = await startGateway('http://127.0.0.1:9', events);
  onTestFinished(() => gateway.stop());
  const client = await rawClient(gateway.url);
  onTestFinished(() => client.close());
  const head = (method: string): string => `${method} ${path} HTTP/1.1\r\nHost: a\r\nOrigin: ${page}\r\n`;
  for (const method of others) {
    for (const end of ['\r\n', 'Content-Length: 4\r\n\r\nbody']) {
      client.write(head(method) + end);
      const { status, headers } = await client.answer(method);
      // A page may ask what it is allowed.
      const [code, allow] = method === 'OPTIONS' && allowed !== undefined ? [204, undefined] : [405, 'GET'];
      const told = [status, headers.allow, headers['access-control-allow-origin']];
      expect([method, ...told]).toEqual([method, code, allow, allowed]);
    }
  }
});
