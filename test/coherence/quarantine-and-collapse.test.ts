import { expect, test } from 'vitest';
import { waitingReads } from '../support/gateway.ts';
import { gate } from '../support/scripted-origin.ts';
import { send as ask, childRules, gateway, jsonOf, origin, useScriptedRig } from '../support/scripted-rig.ts';

useScriptedRig(childRules('2s'));

// Seed 13510 of test/simulate, on one node.
test('a fill of what is in quarantine answers nobody who came after a write: the write may not know what the late one did', async () => {
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
