import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { documentApi } from '../support/document-api.ts';
import { type Answer, get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { built } from '../support/shared.ts';
import { type Running, serve } from './serve.ts';

/* Protected writes through one gateway of several processes, without a Redis: they take turns with each other. */

const EDITS = 30;
const WORKERS = 3;
const yaml = `coherence: { lease: 1s, settle: 1s }
writes: [{ on: PUT /settings, merge: true }]`;

let origin: ScriptedOrigin;
let gateway: Running;
beforeAll(built, 120_000);
beforeEach(async () => {
  origin = await scriptedOrigin();
  gateway = await serve(origin.url, WORKERS, yaml);
  // A worker that has not joined yet refuses writes.
  const cluster = async (): Promise<string> => (await get(`${gateway.adminUrl}/metrics`)).text;
  await until(async () => (await cluster()).includes(`\nunstale_cluster_serving ${WORKERS}`), 'all workers', 20_000);
}, 90_000);
afterEach(() => origin.close());

/** On a connection of its own, so that any of the workers gets it. */
const put = (body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> =>
  get(`${gateway.url}/settings`, { method: 'PUT', body, headers: { 'content-type': 'application/json', ...headers } });

describe('a gateway of three workers', () => {
  test('two editors, each with a partial document: no member of either is lost', { timeout: 60_000 }, async () => {
    const api = documentApi(origin, '/settings', { text: '{"a":0,"b":0}' });
    const edit = async (member: string): Promise<void> => {
      for (let i = 1; i <= EDITS; i++) expect((await put({ [member]: i })).status).toBe(200);
    };
    await Promise.all([edit('a'), edit('b')]);
    expect(JSON.parse(api.text)).toEqual({ a: EDITS, b: EDITS });
    const seen = api.writes.map((text) => JSON.parse(text) as { a: number; b: number });
    expect(seen.map(({ a, b }) => a + b)).toEqual(Array.from({ length: 2 * EDITS }, (_, i) => i + 1));
  });

  test('of equal-tagged writes exactly one succeeds, each time', { timeout: 60_000 }, async () => {
    documentApi(origin, '/settings', { text: '{"a":0}' });
    for (let round = 1; round <= 5; round++) {
      const etag = String((await get(`${gateway.url}/settings`)).headers.etag);
      const answers = await Promise.all([1, 2, 3, 4].map((rival) => put({ round, rival }, { 'if-match': etag })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
    }
  });

  test('a worker that is killed in its turn: the next one waits until its write can no longer be applied', {
    timeout: 60_000,
  }, async () => {
    const api = documentApi(origin, '/settings', { text: '{"a":0,"b":0}' });
    api.gate = gate();
    const first = put({ a: 1 }).catch(() => undefined);
    await api.gate.arrived();
    const second = put({ b: 1 });
    // Whichever has it: the others are started again, too.
    for (const worker of gateway.workers()) process.kill(worker, 'SIGKILL');
    await first;
    await second.catch(() => undefined);
    // The API carries out what it has received of the dead.
    const held = api.gate;
    api.gate = undefined;
    const statuses: number[] = [];
    await until(
      async () => {
        const answer = await put({ b: 2 }).catch(() => undefined);
        if (answer !== undefined) statuses.push(answer.status);
        // As late as it may.
        if (statuses.at(-1) === 503) held.release();
        return answer?.status === 200;
      },
      'a write',
      30_000,
    );
    expect(JSON.parse(api.text)).toEqual({ a: 1, b: 2 });
  });
});
