import { afterEach, beforeEach, expect, test } from 'vitest';
import { withPatience } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { gate, type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/*
 * A client that can provoke a 5xx keeps a URL uncached while it is quarantined. That must not cost the origin, or other
 * clients, more than that.
 */

const rules = `server: { listen: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] }
coherence: { settle: 2s }
defaults: { cache: { ttl: 60s } }
rules:
  - name: batch
    on: POST /batch
    invalidate: ["/items/{request.ids[*]}"]
`;

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeEach(async () => {
  origin = await scriptedOrigin();
  gateway = await startGateway(origin.url, rules);
  origin.on(
    () => true,
    (request, response) => {
      response.statusCode = request.method === 'GET' || request.headers['x-fine'] !== undefined ? 200 : 500;
      response.end(request.url);
    },
  );
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

const ask = (path: string, options: RequestOptions = {}): Promise<Answer> => get(gateway.url + path, options);
const write = (path: string, address: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address, ...headers },
    body: JSON.stringify(body),
  });
const isHit = (answer: Answer): boolean => String(answer.headers['cache-status']).includes('; hit');
/** Ids of a kilobyte each: 2 MB of targets. */
const batch = (i: number) => ({ ids: Array.from({ length: 990 }, (_, k) => `${i}-${k}-${'x'.repeat(1_000)}`) });

test('reads of what is quarantined are collapsed, also while further writes fail', async () => {
  await write('/a', '192.0.2.1');
  const held = gate();
  origin.on('GET /a', async (_request, response) => {
    await held.pass();
    response.end('fresh');
  });
  const reads: Promise<Answer>[] = [];
  for (let i = 0; i < 10; i++) {
    for (let k = 0; k < 10; k++) reads.push(ask('/a'));
    await held.arrived();
    await write('/a', '192.0.2.1');
  }
  held.release();
  const answers = await Promise.all(reads);
  expect(answers.every(({ text }) => text === 'fresh')).toBe(true);
  // The fill that they found, which began before a write that failed, and the next one, for all of them.
  expect(origin.requests('GET /a').length).toBeLessThanOrEqual(3);
  expect(isHit(await ask('/b'))).toBe(false);
  expect(isHit(await ask('/b'))).toBe(true);
});

test('of one address is bounded: beyond it writes are refused before the origin hears of them, and others write', async () => {
  let failed = 0;
  let refused: Answer | undefined;
  while (refused === undefined && failed < 20) {
    const answer = await write('/batch', '192.0.2.1', batch(failed));
    if (answer.status === 429) refused = answer;
    else failed += 1;
  }
  expect(refused?.json<{ type: string }>().type).toBe('urn:unstale:problem:too-many-indeterminate');
  expect(origin.requests('POST /batch')).toHaveLength(failed);
  // Not everything is quarantined: others are served from memory, and their writes are forwarded.
  await ask('/other');
  expect(isHit(await ask('/other'))).toBe(true);
  expect((await write('/c', '192.0.2.2', {}, { 'x-fine': '1' })).status).toBe(200);
  // When the windows have ended, it may write again.
  let again: number | undefined;
  const writing = async (): Promise<void> => {
    while (again !== 200) ({ status: again } = await write('/c', '192.0.2.1', {}, { 'x-fine': '1' }));
  };
  await withPatience(writing(), () => 'the windows to end');
});

test.each([
  ['PURGE', 501],
  ['PROPPATCH', 501],
  ['M-SEARCH', 501],
  ['PUT', 401],
  ['PUT', 405],
  ['PUT', 414],
  ['PUT', 421],
  ['PUT', 431],
])('%s answered %i says that nothing was done: nothing is dropped, and nothing quarantined', async (method, status) => {
  origin.on(`${method} /a`, (_request, response) => void response.writeHead(status).end());
  await ask('/a');
  expect((await ask('/a', { method })).status).toBe(status);
  expect(isHit(await ask('/a'))).toBe(true);
});
