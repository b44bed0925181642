import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { documentApi } from '../support/document-api.ts';
import { type Answer, get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { type Running, serve } from './serve.ts';

/* Protected writes through one gateway of several processes, without a Redis: they take turns with each other. */

const EDITS = 30;
const WORKERS = 3;
const yaml = `coherence: { lease: 2s, settle: 1s }
writes: [{ on: PUT /settings, merge: true }]`;

let origin: ScriptedOrigin;
let gateway: Running;
/** One for all tests: on a busy machine, four processes take long to start. */
beforeAll(async () => {
  origin = await scriptedOrigin();
  gateway = await serve(origin.url, WORKERS, yaml);
  // A worker that has not joined yet refuses writes.
  const cluster = async (): Promise<string> => (await get(`${gateway.adminUrl}/metrics`)).text;
  await until(async () => (await cluster()).includes(`\nunstale_cluster_serving ${WORKERS}`), 'all workers', 60_000);
}, 300_000);
afterAll(async () => {
  await gateway.end('SIGTERM');
  await origin.close();
});

/** On a connection of its own, so that any of the workers gets it. */
const put = (body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> =>
  get(`${gateway.url}/settings`, {
    ...{ method: 'PUT', body, headers: { 'content-type': 'application/json', ...headers } },
    // A connection that was handed to a process which died then is told nothing.
    signal: AbortSignal.timeout(5_000),
  });

/** On a busy machine a worker may lose its lease, and refuses writes until it has it again. */
async function done(body: Record<string, unknown>): Promise<void> {
  await until(async () => (await put(body).catch(() => undefined))?.status === 200, 'a write', 60_000);
}

describe('a gateway of three workers', () => {
  test('two editors, each with a partial document: no member of either is lost', { timeout: 120_000 }, async () => {
    const api = documentApi(origin, '/settings', { text: '{"a":0,"b":0}' });
    const edit = async (member: string): Promise<void> => {
      for (let i = 1; i <= EDITS; i++) await done({ [member]: i });
    };
    await Promise.all([edit('a'), edit('b')]);
    expect(JSON.parse(api.text)).toEqual({ a: EDITS, b: EDITS });
    const seen = api.writes.map((text) => JSON.parse(text) as { a: number; b: number });
    expect(seen.every(({ a, b }, i) => a >= (seen[i - 1]?.a ?? 0) && b >= (seen[i - 1]?.b ?? 0))).toBe(true);
  });

  test('of equal-tagged writes no two succeed, and some do', { timeout: 120_000 }, async () => {
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    for (let round = 1; round <= 5; round++) {
      const etag = String((await get(`${gateway.url}/settings`)).headers.etag);
      const answers = await Promise.all([1, 2, 3, 4].map((rival) => put({ round, rival }, { 'if-match': etag })));
      const won = answers.filter(({ status }) => status === 200);
      expect(won.length).toBeLessThan(2);
      expect(answers.filter(({ status }) => ![200, 412, 503].includes(status))).toEqual([]);
    }
    expect(api.writes.length).toBeGreaterThan(0);
  });

  test('workers that are killed, one of them in its turn: what it has written is merged, not lost', {
    timeout: 120_000,
  }, async () => {
    const api = documentApi(origin, '/settings', { text: '{"a":0,"b":0}' });
    api.gate = gate();
    const first = put({ a: 1 }).catch(() => undefined);
    await api.gate.arrived();
    const second = put({ b: 1 }).catch(() => undefined);
    // Whichever has it: all are started again.
    for (const worker of gateway.workers()) process.kill(worker, 'SIGKILL');
    await Promise.all([first, second]);
    // The API carries out what it has received of the dead.
    api.gate.release();
    await done({ b: 2 });
    expect(JSON.parse(api.text)).toEqual({ a: 1, b: 2 });
  });
});
