import { expect, test } from 'vitest';
import { waitingReads } from '../support/gateway.ts';
import { gate, until } from '../support/scripted-origin.ts';
import { send as ask, begin, childRules, gateway, jsonOf, origin, useScriptedRig } from '../support/scripted-rig.ts';

useScriptedRig(childRules('2s'));

// Seed 13510 of test/simulate, on one node.
test('a fill of a quarantined response answers no request that came after a later write', async () => {
  let parent = 'A';
  const toC = gate();
  const early = gate();
  origin.on('GET /children/5', jsonOf({ parent: 'A' }));
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
    jsonOf({ parent: 'C' })(_request, response);
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

test('what a write changes inside a quarantine is not stored before the quarantine ends', async () => {
  await gateway.stop();
  await begin(`
coherence: { settle: 400ms }
defaults: { cache: { ttl: 60s } }
rules:
  - { name: moved, on: PATCH /children/:id, invalidate: ["/parents/{before.parent, response.parent}"] }
  - { name: deleted, on: DELETE /children/:id, invalidate: ["/parents/{before.parent}"] }
`);
  let parent: string | undefined = 'A';
  origin.on('GET /children/5', (request, response) => jsonOf({ parent })(request, response));
  origin.on('GET /parents/B', (_request, response) => void response.end(parent === 'B' ? 'has it' : 'empty'));
  origin.on('DELETE /children/5', (_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  origin.on('PATCH /children/5', (request, response) => {
    parent = 'B';
    jsonOf({ parent })(request, response);
  });
  await ask('DELETE', '/children/5');
  await ask('PATCH', '/children/5', { body: 'x' });
  expect((await ask('GET', '/parents/B')).text).toBe('has it');
  // Only now does the origin apply the first write. Nothing has shown yet that it concerns B.
  parent = undefined;
  expect((await ask('GET', '/parents/B')).text).toBe('empty');
  const ended = () => gateway.logs.filter(({ msg }) => msg === 'quarantine ended').length;
  await until(() => ended() === 2);
  await ask('GET', '/parents/B');
  expect(String((await ask('GET', '/parents/B')).headers['cache-status'])).toContain('hit');
});

test('a refusal bears the position of its record, if it has made one', async () => {
  origin.on('GET /children/5', jsonOf({ parent: 'A' }));
  origin.on('PATCH /children/5', (_request, response, { body }) => void response.writeHead(Number(body)).end());
  const refused = async () => (await ask('PATCH', '/children/5', { body: '409' })).headers['unstale-position'];
  expect(await refused()).toBeUndefined();
  // What the next one is refused for may be this one's doing.
  await ask('PATCH', '/children/5', { body: '500' });
  expect(await refused()).toMatch(/^\w+-\d+$/);
});
