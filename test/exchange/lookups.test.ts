import { describe, expect, test } from 'vitest';
import { type Answer, get } from '../support/request.ts';
import {
  api,
  send as ask,
  gateway,
  rule,
  start as startWith,
  stillHits,
  useSmallApiRig,
  warm,
} from '../support/small-api-rig.ts';

/* Lookups without a result, and the bound on lookups; conditions on an answer without content. */

useSmallApiRig();

const start = async (...lines: string[]): Promise<void> => {
  await startWith(rule(lines.join('\n')));
};

describe('lookups', () => {
  test('fall back to a wildcard if one of two resources is gone: its parent is unknown', async () => {
    await start(
      'lookup: { step: "GET /steps/{before.stepId, response.stepId}" }',
      'invalidate: ["/trips/{step.tripId}"]',
    );
    await warm('/trips/1', '/trips/2', '/trips/3');
    api.origin.on('GET /steps/9', (_, response) => void response.writeHead(404).end());
    await ask('PATCH', '/inns/42', { stepId: 9 });
    expect(await stillHits('/trips/1', '/trips/2', '/trips/3')).toEqual([]);
    const warnings = gateway.logs.filter(({ msg }) => msg === 'a placeholder could not be resolved');
    expect(warnings).toMatchObject([{ placeholder: 'step.tripId', reason: 'step.tripId: not found' }]);
  });

  test.each([
    [10, ['/trips/2']],
    [11, []],
  ])('of %i resources', async (count, kept) => {
    await start('lookup: { step: "GET /steps/{request.stepIds[*]}" }', 'invalidate: ["/trips/{step.tripId}"]');
    await warm('/trips/1', '/trips/2');
    const stepIds = Array.from({ length: count }, (_, i) => 700 + i);
    for (const id of stepIds) api.trips.set(id, 1);
    await ask('PATCH', '/inns/42', { stepIds });
    expect(await stillHits('/trips/1', '/trips/2')).toEqual(kept);
    // More are not read at all: a part of them would not tell.
    expect(stepIds.filter((id) => api.reads(`/steps/${id}`) > 0)).toHaveLength(count > 10 ? 0 : count);
  });

  test('unresolved: reject does not ask for what is looked up after the write', async () => {
    await start(
      'lookup: { step: "GET /steps/{request.stepId}" }',
      'unresolved: reject',
      'invalidate: ["/trips/{step.tripId}", "/steps/{request.stepId}"]',
    );
    await warm('/trips/1', '/trips/2');
    expect((await ask('PATCH', '/inns/42', { stepId: 9 })).status).toBe(200);
    expect(await stillHits('/trips/1', '/trips/2')).toEqual(['/trips/1']);
    expect((await ask('PATCH', '/inns/42', {})).status).toBe(422);
  });
});

describe('an answer without content', () => {
  const conditions = ['equals: { response.name: New }', 'present: response.name', 'changed: name'];
  test.each(conditions)('without a body: %s holds', async (when) => {
    api.answers = 'nothing';
    await start(`when: { ${when} }`, 'invalidate: [/steps/7]');
    await warm('/steps/7');
    expect((await ask('PATCH', '/inns/42', { name: 'New' })).status).toBe(204);
    expect(await stillHits('/steps/7')).toEqual([]);
  });

  test('that a field came which was not there before', async () => {
    api.origin.on('GET /inns/42', (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"id":42,"name":"Inn"}');
    });
    api.origin.on('PATCH /inns/42', (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"ok":true}');
    });
    await start('when: { changed: stepId }', 'invalidate: ["/steps/{request.stepId}"]');
    await warm('/steps/7');
    await ask('PATCH', '/inns/42', { stepId: 7 });
    expect(await stillHits('/steps/7')).toEqual([]);
  });
});

test('a literal of more digits than a double holds is compared as it was written', async () => {
  await start('when: { equals: { request.stepId: 9007199254740993 } }', 'invalidate: [/steps/7]');
  const send = (digits: string): Promise<Answer> =>
    get(`${gateway.url}/inns/42`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: `{"stepId":${digits}}`,
    });
  await warm('/steps/7');
  await send('9007199254740992');
  expect(await stillHits('/steps/7')).toEqual(['/steps/7']);
  await send('9007199254740993');
  expect(await stillHits('/steps/7')).toEqual([]);
});
