import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { gate, scriptedOrigin } from '../support/scripted-origin.ts';

const rules = `
defaults: { cache: { ttl: 60s } }
rules:
  - { name: moved, on: PUT /items/:id, onlyIfChanged: { ignoring: [name] }, before: read, invalidate: [/moves] }
  - name: shown
    on: PUT /items/:id
    lookup: { step: "GET /steps/{before.step}" }
    invalidate: ["/trips/{step.trip}"]
  - { name: rerouted, on: PATCH /steps/:id, before: off, invalidate: ["/trips/{request.from, request.to}"] }
`;

test('a write waits for writes that change what it looked up, even one that began during its second lookup', async () => {
  const origin = await scriptedOrigin();
  const gateway = await startGateway(origin.url, rules);
  const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
    get(gateway.url + path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
  const json = (response: ServerResponse, value: unknown): void => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(value));
  };
  let name = 'old';
  let trip = 1;
  const looks = [gate(), gate()];
  const other = gate();
  const reroute = gate();
  let looked = 0;
  origin.on('GET /items/1', (_request, response) => json(response, { step: 2, name }));
  origin.on('GET /steps/2', async (_request, response) => {
    await looks[looked++]?.pass();
    json(response, { trip });
  });
  origin.on('GET /trips/1', (_request, response) => json(response, trip === 1 ? { name } : {}));
  origin.on('PUT /items/1', async (_request: IncomingMessage, response, { body }) => {
    if (body.toString().includes('other')) {
      await other.pass();
      response.statusCode = 409;
      response.end();
      return;
    }
    name = 'new';
    json(response, { step: 2, name });
  });
  origin.on('PATCH /steps/2', async (_request, response) => {
    trip = 2;
    await reroute.pass();
    json(response, {});
  });
  expect((await ask('GET', '/trips/1')).text).toContain('old');
  const write = ask('PUT', '/items/1', { name: 'new' });
  await looks[0]?.arrived();
  // Somebody writes the same: what has been compared is not certain any longer, and is looked at once more.
  const conflicting = ask('PUT', '/items/1', { name: 'other' });
  await other.arrived();
  looks[0]?.release();
  await looks[1]?.arrived();
  const rerouting = ask('PATCH', '/steps/2', { from: 1, to: 2 });
  await reroute.arrived();
  looks[1]?.release();
  other.release();
  await write;
  expect((await ask('GET', '/trips/1')).text).not.toContain('old');
  reroute.release();
  await Promise.all([conflicting, rerouting]);
  await gateway.stop();
  await origin.close();
});
