import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { deferred, gate } from '../support/barrier.ts';
import type { Inn } from '../support/small-api.ts';
import { api, ask, gateway, start, useSmallApiRig } from '../support/small-api-rig.ts';

/*
 * Invariant 5 beyond one address: a write is answered once every conflicting write is recorded, even one that was sent
 * to another path of the same resource, as a batch, or to a resource that its rule has looked up.
 */

useSmallApiRig();
const json = (response: ServerResponse, value: unknown): void =>
  void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
const writes = (count: number) =>
  api.origin.until((seen) => seen.filter(({ method }) => method !== 'GET').length === count);
const move = (stepId: number): Inn => {
  const inn = { ...(api.inns.get(42) as Inn), stepId };
  api.inns.set(42, inn);
  return inn;
};
const innsOf = async (step: number): Promise<number[]> =>
  (await ask('GET', `/steps/${step}`)).json<{ inns: Inn[] }>().inns.map(({ id }) => id);

/** Whether an answer is still held back when the gateway has answered many others since. */
async function isWaiting(answer: Promise<unknown>): Promise<boolean> {
  let waiting = true;
  void answer.then(() => {
    waiting = false;
  });
  for (let i = 0; i < 20; i++) await ask('GET', `/others/${i}`);
  return waiting;
}

const rules = `
defaults: { cache: { ttl: 60s } }
rules:
  - { name: inn, on: "* /inns/:id", invalidate: ["/steps/{before.stepId, response.stepId}"] }
  - { name: alias, on: "* /steps/:step/inns/:id", invalidate: ["/inns/{id}", "/steps/{step}", "/steps/{response.stepId}"] }
  - { name: batch, on: POST /moves, invalidate: ["/inns/{request.ids[*]}", "/steps/{response.steps[*]}"] }
`;

describe('a write that conflicts with one sent earlier', () => {
  test.each([
    ['to the same path', 'PATCH', '/inns/42'],
    ['to another path of it', 'PATCH', '/steps/7/inns/42'],
    ['as a batch', 'POST', '/moves'],
  ])('%s is answered once the earlier one is recorded', async (_, method, path) => {
    await start(rules);
    const [applied, answered, second] = [gate(), gate(), gate()];
    let first = true;
    api.origin.on(`${method} ${path}`, async (_request, response) => {
      if (!first) {
        await second.pass();
        return json(response, move(8));
      }
      first = false;
      await applied.pass();
      const inn = move(9);
      await answered.pass();
      return json(response, path === '/moves' ? { steps: [7, 9] } : inn);
    });
    if (path !== '/inns/42') {
      api.origin.on('PATCH /inns/42', async (_request, response) => {
        await second.pass();
        json(response, move(8));
      });
    }
    const slow = ask(method, path, { body: { ids: [42], stepId: 9 } });
    await writes(1);
    const fast = ask('PATCH', '/inns/42', { body: { stepId: 8 } });
    await writes(2);
    applied.release();
    await answered.arrived();
    // As it is between the two: with the inn.
    expect(await innsOf(9)).toEqual([42]);
    second.release();
    expect(await isWaiting(fast)).toBe(true);
    answered.release();
    await fast;
    expect(await innsOf(9)).toEqual([]);
    await slow;
  });

  test('is answered after a bounded wait if the earlier one hangs, with its whole write set invalidated', async () => {
    await start(rules);
    const hanging = deferred();
    api.origin.on('PATCH /steps/7/inns/42', async (_, response) => {
      const inn = move(9);
      await hanging.promise;
      json(response, inn);
    });
    await ask('GET', '/inns/42');
    const slow = ask('PATCH', '/steps/7/inns/42', { body: {} });
    await writes(1);
    expect(await innsOf(9)).toEqual([42]);
    await ask('DELETE', '/inns/42');
    expect(await innsOf(9)).toEqual([]);
    hanging.resolve();
    await slow;
  });
});

describe('while another write is under way', () => {
  const travel = `
defaults: { cache: { ttl: 60s } }
rules:
  - { name: inn, on: "* /inns/:id", invalidate: ["/steps/{before.stepId, request.stepId, response.stepId}"] }
  - { name: new, on: POST /steps/:step/inns, invalidate: ["/steps/{step}", "/steps/{response.stepId}"] }
  - { name: step, on: "* /steps/:id", invalidate: ["/trips/{before.tripId, response.tripId}"] }
`;
  const heldWrite = async (method: string, path: string) => {
    await start(travel);
    const held = gate();
    api.origin.on(`${method} ${path}`, async (_request, response) => {
      await held.pass();
      json(response, { id: 1, stepId: 7 });
    });
    const slow = ask(method, path, { body: {} });
    await held.arrived();
    return { held, slow };
  };

  test.each([
    ['to a child of its resource', 'PUT', '/inns/42', 'PATCH', '/steps/7'],
    ['of a new child of its resource', 'POST', '/steps/7/inns', 'PATCH', '/steps/7'],
  ])('%s, a write waits, since it has read what that may change', async (_, slowMethod, slowPath, method, path) => {
    const { held, slow } = await heldWrite(slowMethod, slowPath);
    const answer = ask(method, path, { body: {} });
    expect(await isWaiting(answer)).toBe(true);
    held.release();
    expect((await slow).status).toBe(200);
    expect((await answer).status).toBe(200);
  });

  test.each([
    ['of a new member of its collection', 'POST', '/inns', 'PUT', '/inns/42'],
    ['to another member', 'PUT', '/inns/43', 'PUT', '/inns/42'],
  ])('%s, a write does not wait', async (_, slowMethod, slowPath, method, path) => {
    const { held, slow } = await heldWrite(slowMethod, slowPath);
    await ask(method, path, { body: {} });
    const written = gateway.logs.filter(({ msg, path: at }) => msg === 'write' && at === path);
    expect(written).toHaveLength(1);
    expect(gateway.logs.some(({ msg, path: at }) => msg === 'write' && at === slowPath)).toBe(false);
    expect(api.origin.requests('/trips/*')).toEqual([]);
    held.release();
    await slow;
  });
});

test('a write that looks up a resource waits for a write in flight that moves it', async () => {
  await start(
    `
defaults: { cache: { ttl: 60s } }
rules:
  - name: inn
    on: PUT /inns/:id
    lookup: { step: "GET /steps/{response.stepId}" }
    invalidate: ["/trips/{step.tripId}"]
  - { name: step, on: PATCH /steps/:id, invalidate: ["/trips/{before.tripId, response.tripId}"] }
`,
  );
  const [named, moved] = [gate(), gate()];
  api.origin.on('PUT /inns/42', async (_, response) => {
    const inn = { ...(api.inns.get(42) as Inn), name: 'New' };
    api.inns.set(42, inn);
    await named.pass();
    json(response, inn);
  });
  api.origin.on('PATCH /steps/7', async (_, response) => {
    api.trips.set(7, 2);
    await moved.pass();
    json(response, api.step(7));
  });
  await ask('GET', '/trips/1');
  const naming = ask('PUT', '/inns/42', { body: { name: 'New' } });
  await named.arrived();
  const moving = ask('PATCH', '/steps/7', { body: { tripId: 2 } });
  await moved.arrived();
  named.release();
  expect(await isWaiting(naming)).toBe(true);
  moved.release();
  await naming;
  expect(String((await ask('GET', '/trips/1')).headers['cache-status'])).not.toContain('hit');
  await moving;
});

describe('a write that seems to have changed nothing', () => {
  const unchanged = (more: string): string => `
rules:
  - { name: r, on: PUT /inns/:id, onlyIfChanged: { ignoring: [updatedAt] }, ${more}invalidate: ["/steps/7"] }
`;
  const isHit = async (path: string): Promise<boolean> =>
    String((await ask('GET', path)).headers['cache-status']).includes('; hit');

  test('is taken for a change if it was only accepted (202)', async () => {
    await start(unchanged(''));
    api.origin.on('PUT /inns/42', (_, response) => {
      response.writeHead(202, { 'Content-Type': 'application/json' }).end(JSON.stringify(api.inns.get(42)));
    });
    await ask('GET', '/steps/7');
    await ask('PUT', '/inns/42', { body: { name: 'New' } });
    expect(await isHit('/steps/7')).toBe(false);
  });

  test('is taken for a change if reads lag behind writes and it is answered without a body', async () => {
    await start(unchanged('settle: 5s, '));
    api.origin.on('PUT /inns/42', (_, response) => void response.writeHead(204).end());
    await ask('GET', '/steps/7');
    await ask('PUT', '/inns/42', { body: { name: 'New' } });
    expect(await isHit('/steps/7')).toBe(false);
  });

  test('invalidates nothing if no other rule applies', async () => {
    const other = '  - { name: s, on: PUT /inns/:id, when: { changed: stepId }, invalidate: ["/steps/9"] }\n';
    await start(unchanged('') + other);
    await ask('GET', '/steps/7');
    await ask('GET', '/inns/42');
    await ask('PUT', '/inns/42', { body: api.inns.get(42) as unknown as Record<string, unknown> });
    expect(gateway.logs.filter(({ msg }) => msg === 'write').map(({ outcome }) => outcome)).toEqual(['unchanged']);
    for (const path of ['/steps/7', '/inns/42']) expect(await isHit(path)).toBe(true);
  });
});
