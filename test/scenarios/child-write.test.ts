import { beforeEach, describe, expect, test } from 'vitest';
import type { Child, Page, Step, Trip } from '../demo/travel-client.ts';
import { get } from '../support/request.ts';
import { api, ask, expectFresh, isHit, travel, useTravelRig, warm } from '../support/travel-rig.ts';

/*
 * Scenario 1: a child is written, and no aggregate that embeds it is served as it was before. Played against the demo
 * backend, with the rule pack that ships for it. Every test begins with a warm cache and checks that it is warm.
 */

useTravelRig();

async function expectStillCached(path: string): Promise<void> {
  expect(isHit(await ask('GET', path)), `GET ${path} is untouched`).toBe(true);
}

let rows: Awaited<ReturnType<typeof travel.ownTrip>>;
let bystander: Awaited<ReturnType<typeof travel.ownTrip>>;
beforeEach(async () => {
  rows = await travel.ownTrip();
  bystander = await travel.ownTrip();
  await warm(`/steps/${bystander.step.id}`);
  await warm(`/trips/${bystander.trip.id}`);
  await warm(`/accommodations/${bystander.accommodation.id}`);
});

/** The write invalidated exactly what it made wrong: another trip's responses stay. */
async function expectBystanderCached(): Promise<void> {
  await expectStillCached(`/steps/${bystander.step.id}`);
  await expectStillCached(`/trips/${bystander.trip.id}`);
  await expectStillCached(`/accommodations/${bystander.accommodation.id}`);
}

describe('a PUT whose answer names the parent', () => {
  test('makes the step, the list and the trip above it fresh, and nothing else', async () => {
    const { step, trip, accommodation } = rows;
    const old = await warm<Step>(`/steps/${step.id}`);
    await warm(`/accommodations/${accommodation.id}`);
    await warm(`/accommodations?stepId=${step.id}`);
    await warm(`/trips/${trip.id}`);
    const written = await ask('PUT', `/accommodations/${accommodation.id}`, {
      body: { stepId: step.id, name: 'A better inn', nights: 3, priceCents: 20_000 },
    });
    expect(written.status).toBe(200);
    const fresh = (await expectFresh(`/steps/${step.id}`)).json<Step>();
    expect(fresh.aggregateVersion).toBeGreaterThan(old.aggregateVersion);
    expect(fresh.accommodations[0]?.name).toBe('A better inn');
    await expectFresh(`/accommodations/${accommodation.id}`);
    const list = (await expectFresh(`/accommodations?stepId=${step.id}`)).json<Page>();
    expect(list.accommodations[0]?.version).toBe(accommodation.version + 1);
    expect((await expectFresh(`/trips/${trip.id}`)).json<Trip>().totals.priceCents).not.toBe(0);
    await expectBystanderCached();
  });

  test('in every variant and every query string', async () => {
    const { step, accommodation } = rows;
    const path = `/steps/${step.id}`;
    await warm(path, { 'accept-language': 'en' });
    await warm(path, { 'accept-language': 'fr' });
    await warm(`${path}?lang=fr`);
    await warm(`${path}?anything=at-all`);
    await ask('PATCH', `/accommodations/${accommodation.id}`, { body: { name: 'Renamed' } });
    await expectFresh(path, { 'accept-language': 'en' });
    await expectFresh(path, { 'accept-language': 'fr' });
    await expectFresh(`${path}?lang=fr`);
    await expectFresh(`${path}?anything=at-all`);
  });
});

describe('a DELETE that answers 204 without a body', () => {
  test('finds the parent in the stored representation', async () => {
    const { step, trip, accommodation } = rows;
    await warm(`/steps/${step.id}`);
    await warm(`/trips/${trip.id}`);
    await warm(`/accommodations/${accommodation.id}`);
    const asked = await readsOf(`/accommodations/${accommodation.id}`);
    expect((await ask('DELETE', `/accommodations/${accommodation.id}`)).status).toBe(204);
    expect(await readsOf(`/accommodations/${accommodation.id}`), 'no read in addition to the stored one').toBe(asked);
    expect((await expectFresh(`/steps/${step.id}`)).json<Step>().accommodations).toEqual([]);
    await expectFresh(`/trips/${trip.id}`);
    expect((await ask('GET', `/accommodations/${accommodation.id}`)).status).toBe(404);
    await expectBystanderCached();
  });

  test('reads the parent from the origin where nothing is stored', async () => {
    const { step, accommodation } = rows;
    await warm(`/steps/${step.id}`);
    const asked = await readsOf(`/accommodations/${accommodation.id}`);
    await ask('DELETE', `/accommodations/${accommodation.id}`);
    expect(await readsOf(`/accommodations/${accommodation.id}`)).toBe(asked + 1);
    expect((await expectFresh(`/steps/${step.id}`)).json<Step>().accommodations).toEqual([]);
    await expectBystanderCached();
  });
});

test('a PATCH that moves a child makes both parents fresh', async () => {
  const { step, other, accommodation } = rows;
  await warm(`/steps/${step.id}`);
  await warm(`/steps/${other.id}`);
  await warm(`/accommodations?stepId=${step.id}`);
  await warm(`/accommodations?stepId=${other.id}`);
  await ask('PATCH', `/accommodations/${accommodation.id}`, { body: { stepId: other.id } });
  expect((await expectFresh(`/steps/${step.id}`)).json<Step>().accommodations).toEqual([]);
  expect((await expectFresh(`/steps/${other.id}`)).json<Step>().accommodations).toHaveLength(1);
  expect((await expectFresh(`/accommodations?stepId=${step.id}`)).json<Page>().total).toBe(0);
  expect((await expectFresh(`/accommodations?stepId=${other.id}`)).json<Page>().total).toBe(1);
  await expectBystanderCached();
});

test('a PATCH that moves a child to another trip makes both trips fresh', async () => {
  const elsewhere = await travel.ownTrip();
  const { step, trip, accommodation } = rows;
  for (const path of [`/steps/${step.id}`, `/trips/${trip.id}`]) await warm(path);
  for (const path of [`/steps/${elsewhere.other.id}`, `/trips/${elsewhere.trip.id}`]) await warm(path);
  await ask('PATCH', `/accommodations/${accommodation.id}`, { body: { stepId: elsewhere.other.id } });
  expect((await expectFresh(`/trips/${trip.id}`)).json<Trip>().totals.accommodations).toBe(0);
  expect((await expectFresh(`/trips/${elsewhere.trip.id}`)).json<Trip>().totals.accommodations).toBe(2);
  await expectFresh(`/steps/${step.id}`);
  await expectFresh(`/steps/${elsewhere.other.id}`);
});

describe('a POST that creates a child', () => {
  test('makes the parent that its answer names fresh, and the list that did not contain it', async () => {
    const { other, trip } = rows;
    const empty = await warm<Page>(`/accommodations?stepId=${other.id}`);
    expect(empty.total).toBe(0);
    await warm(`/steps/${other.id}`);
    await warm(`/trips/${trip.id}`);
    const created = await ask('POST', '/accommodations', {
      body: { stepId: other.id, name: 'New', nights: 1, priceCents: 1 },
    });
    expect(created.status).toBe(201);
    expect((await expectFresh(`/accommodations?stepId=${other.id}`)).json<Page>().total).toBe(1);
    expect((await expectFresh(`/steps/${other.id}`)).json<Step>().accommodations).toHaveLength(1);
    await expectFresh(`/trips/${trip.id}`);
    await expectBystanderCached();
  });

  test('makes its own address fresh, which answered 404 before: Location names it', async () => {
    const missing = await ask('POST', '/accommodations', {
      body: { stepId: rows.step.id, name: 'First', nights: 1, priceCents: 1 },
    });
    const next = missing.json<Child>().id + 1;
    expect((await ask('GET', `/accommodations/${next}`)).status).toBe(404);
    expect(isHit(await ask('GET', `/accommodations/${next}`)), 'the 404 is cached').toBe(true);
    const created = await ask('POST', '/accommodations', {
      body: { stepId: rows.step.id, name: 'Second', nights: 1, priceCents: 1 },
    });
    if (created.json<Child>().id !== next) return; // another test file created one in between
    expect((await expectFresh(`/accommodations/${next}`)).status).toBe(200);
  });
});

test('a batch write that answers an array makes every parent fresh', async () => {
  const { step, other, accommodation } = rows;
  const second = await travel.read<Child>('POST', '/accommodations', {
    body: { stepId: other.id, name: 'Second', nights: 1, priceCents: 5 },
  });
  for (const path of [
    `/steps/${step.id}`,
    `/steps/${other.id}`,
    `/accommodations/${second.id}`,
    `/trips/${rows.trip.id}`,
  ])
    await warm(path);
  const batch = await ask('PATCH', '/accommodations', {
    body: [
      { id: accommodation.id, name: 'One' },
      { id: second.id, name: 'Two' },
    ],
  });
  expect(batch.status).toBe(200);
  expect((await expectFresh(`/steps/${step.id}`)).json<Step>().accommodations[0]?.name).toBe('One');
  expect((await expectFresh(`/steps/${other.id}`)).json<Step>().accommodations[0]?.name).toBe('Two');
  await expectFresh(`/accommodations/${second.id}`);
  // A batch may move children away from parents that nothing names: trips are invalidated as a whole, steps are not.
  await expectFresh(`/trips/${rows.trip.id}`);
  await expectStillCached(`/steps/${bystander.step.id}`);
  await expectStillCached(`/accommodations/${bystander.accommodation.id}`);
});

test('a removed thumbnail does not come back', async () => {
  const { step, trip } = rows;
  const image = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const put = await ask('PUT', `/steps/${step.id}/thumbnail`, {
    headers: { 'content-type': 'image/png' },
    body: image,
  });
  expect(put.status).toBeLessThan(300);
  const withIt = await warm<Step>(`/steps/${step.id}`);
  expect(withIt.thumbnailUrl).not.toBeNull();
  expect((await ask('GET', `/steps/${step.id}/thumbnail`)).body.equals(image)).toBe(true);
  expect(isHit(await ask('GET', `/steps/${step.id}/thumbnail`))).toBe(true);
  await warm(`/trips/${trip.id}`);
  expect((await ask('DELETE', `/steps/${step.id}/thumbnail`)).status).toBe(204);
  expect((await ask('GET', `/steps/${step.id}/thumbnail`)).status).toBe(404);
  expect((await expectFresh(`/steps/${step.id}`)).json<Step>().thumbnailUrl).toBeNull();
  await expectFresh(`/trips/${trip.id}`);
});

test('a write that the origin refuses changes nothing', async () => {
  const { step, accommodation } = rows;
  await warm(`/steps/${step.id}`);
  const refused = await ask('PATCH', `/accommodations/${accommodation.id}`, { body: { nights: 'many' } });
  expect(refused.status).toBe(422);
  await expectStillCached(`/steps/${step.id}`);
});

/** How often the origin was asked for a path. */
async function readsOf(path: string): Promise<number> {
  const answer = await get(`${api}/_requests?method=GET&path=${encodeURIComponent(path)}`);
  return answer.json<{ count: number }>().count;
}
