import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGateway, type TestGateway, waitingReads } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { gate, type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

const rules = `
coherence: { settle: 2s }
defaults: { cache: { ttl: 60s } }
rules:
  - name: child
    on: PUT|PATCH|DELETE /children/:id
    invalidate: ["/children/{id}", "/parents/{before.parent, response.parent}"]
    event: child.changed
`;

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeEach(async () => {
  origin = await scriptedOrigin();
  gateway = await startGateway(origin.url, rules);
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
const json = (value: unknown) => (_request: IncomingMessage, response: ServerResponse) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
};
// Seed 13510 of test/simulate, on one node.
test('a fill of what is in quarantine answers nobody who came after a write: the write may not know what the late one did', async () => {
  let parent = 'A';
  const toC = gate();
  const early = gate();
  origin.on('GET /children/5', json({ parent: 'A' }));
  origin.on('GET /parents/B', async (_request, response) => {
    const body = parent === 'B' ? 'has it' : 'empty';
    if (parent === 'B') await early.pass();
    response.end(body);
  });
  origin.on('PATCH /children/5', async (_request, response, { body }) => {
    if (body.toString() === 'B') {
      response.statusCode = 500;
      response.end();
      return;
    }
    await toC.pass();
    parent = 'C';
    json({ parent: 'C' })(_request, response);
  });
  await ask('PATCH', '/children/5', { body: 'B' });
  const write = ask('PATCH', '/children/5', { body: 'C' });
  await toC.arrived();
  // Only now does the origin apply the first one, of which the second one read nothing.
  parent = 'B';
  const before = ask('GET', '/parents/B');
  await early.arrived();
  toC.release();
  await write;
  const after = ask('GET', '/parents/B');
  await waitingReads(gateway, 1);
  early.release();
  expect((await before).text).toBe('has it');
  expect((await after).text).toBe('empty');
});
