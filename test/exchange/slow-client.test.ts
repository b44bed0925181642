import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { get, stream } from '../support/request.ts';
import { scriptedOrigin } from '../support/scripted-origin.ts';

/** More than the sockets between origin and client hold. */
const BYTES = 16 * 1024 * 1024;

test('a response to a slow client is stored at the pace of the origin, and other clients get it meanwhile', async () => {
  const origin = await scriptedOrigin();
  origin.on('GET /a', (_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(Buffer.alloc(BYTES));
  });
  const gateway = await startGateway(origin.url, 'store: { memory: { maxSize: 128MiB, maxEntry: 32MiB } }');
  const client = new AbortController();
  (await stream(`${gateway.url}/a`, { signal: client.signal })).pause();
  const other = await get(`${gateway.url}/a`);
  expect(other.body.byteLength).toBe(BYTES);
  expect(String((await get(`${gateway.url}/a`)).headers['cache-status'])).toContain('unstale; hit');
  expect(origin.seen).toHaveLength(1);
  client.abort();
  await gateway.stop();
  await origin.close();
});
