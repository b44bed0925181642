import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Verified } from '../../src/exchange/inspect/verify.ts';
import { run } from '../cli/run.ts';
import { gate, until } from '../support/barrier.ts';
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

const verify = (...args: string[]) => run(['verify', ...args], { env: { UNSTALE_ADMIN_URL: gateway.adminUrl } });
const start = async (): Promise<void> => {
  api = await smallApi();
  gateway = await serve(api.origin.url, 2, 'defaults: { cache: { ttl: 60s } }\n');
};
const inns = Array.from({ length: 12 }, (_, i) => `/inns/${i}`);

test('sees what each process has stored', async () => {
  await start();
  for (const [i] of inns.entries()) api.inns.set(i, { id: i, stepId: null, name: 'Inn', updatedAt: 1 });
  expect(await verify('/inns/*')).toEqual({
    ...{ code: 0, stdout: '/inns/*: not stored in the memory of this node\n', stderr: '' },
  });
  // Connections are given to either process.
  for (const path of inns) await get(gateway.url + path);
  expect(await verify('/inns/*')).toMatchObject({ code: 0, stdout: '/inns/*: 12 stored responses, as the API says\n' });
  api.inns.clear();
  const { code, stdout } = await verify('--json', ...inns);
  expect(code).toBe(1);
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Verified);
  expect(found.map(({ url, outcome, copies }) => [url, outcome, copies.length])).toEqual(
    inns.map((url) => [url, 'differs', 1]),
  );
}, 120_000);

test('a process that dies meanwhile has not answered', async () => {
  await start();
  for (let i = 0; i < 30; i++) await get(`${gateway.url}/steps/9`);
  const held = gate();
  api.origin.on('GET /steps/9', async (_request, response) => {
    await held.pass();
    response.end('{}');
  });
  const asked = verify('/steps/9');
  // One copy in each process.
  await held.arrived(2);
  const last = gateway.workers().at(-1) as number;
  process.kill(last, 'SIGKILL');
  await until(() => !gateway.workers().includes(last), 'it to be gone');
  held.release();
  const { code, stdout } = await asked;
  expect(code).toBe(1);
  expect(stdout).toContain('  unknown: 1 of the processes of this node did not answer: ask again\n');
}, 120_000);
