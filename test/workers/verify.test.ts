import { afterEach, beforeAll, expect, test } from 'vitest';
import { run } from '../cli/run.ts';
import { get } from '../support/request.ts';
import { program } from '../support/shared.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { type Running, serve } from './serve.ts';

/* `unstale verify` on a gateway of several processes. */

let api: SmallApi;
let gateway: Running;
beforeAll(program, 120_000);
afterEach(async () => {
  await gateway.end('SIGTERM');
  await api.origin.close();
}, 60_000);

test('never says that all is well: the memory of one process is seen', async () => {
  api = await smallApi();
  gateway = await serve(api.origin.url, 2, 'defaults: { cache: { ttl: 60s } }\n');
  const env = { UNSTALE_ADMIN_URL: gateway.adminUrl };
  const why = 'unknown: this is one of 2 processes, and only its memory is seen here\n';
  expect(await run(['verify', '/steps/9'], { env })).toEqual({ code: 1, stdout: `/steps/9: ${why}`, stderr: '' });
  // Connections are given to either process.
  for (let i = 0; i < 30; i++) await get(`${gateway.url}/steps/9`);
  const { code, stdout } = await run(['verify', '/steps/9'], { env });
  expect([code, stdout]).toEqual([1, `/steps/9: stored, as the API says\n  ${why}`]);
}, 120_000);
