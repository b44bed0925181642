import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import type { Child, Step } from '../demo/travel-client.ts';
import { api, ask, expectFresh, isHit, travel, useTravelRig, warm } from '../support/travel-rig.ts';

/* A draft of the travel API's description, used as it is against the travel API. */

const text = writeDraft(draftConfig(readFileSync('test/openapi/documents/travel.yaml', 'utf8')), 'travel.yaml');
useTravelRig(text.replace('http://127.0.0.1:4000', api));

const warmAll = async (...paths: string[]): Promise<void> => {
  for (const path of paths) await warm(path);
};
const expectAllFresh = async (...paths: string[]): Promise<void> => {
  for (const path of paths) await expectFresh(path);
};

test('a move makes both steps, the lists and the trip fresh', async () => {
  const { trip, step, other, accommodation } = await travel.ownTrip();
  const bystander = await travel.ownTrip();
  const paths = [
    `/steps/${step.id}`,
    `/steps/${other.id}`,
    `/trips/${trip.id}`,
    '/accommodations',
    `/accommodations?stepId=${step.id}`,
  ];
  await warmAll(...paths, `/accommodations/${accommodation.id}`, `/steps/${bystander.step.id}`);
  await ask('PATCH', `/accommodations/${accommodation.id}`, { body: { stepId: other.id } });
  await expectAllFresh(...paths, `/accommodations/${accommodation.id}`);
  expect(isHit(await ask('GET', `/steps/${bystander.step.id}`))).toBe(true);
});

test('so does a DELETE that answers 204', async () => {
  const { trip, step, accommodation } = await travel.ownTrip();
  await warmAll(`/steps/${step.id}`, `/trips/${trip.id}`, '/accommodations');
  await ask('DELETE', `/accommodations/${accommodation.id}`);
  await expectAllFresh(`/steps/${step.id}`, `/trips/${trip.id}`, '/accommodations');
  expect((await ask('GET', `/steps/${step.id}`)).json<Step>().accommodations).toEqual([]);
});

test('and a POST, and a batch', async () => {
  const { trip, step, other } = await travel.ownTrip();
  await warmAll(`/steps/${other.id}`, `/trips/${trip.id}`, '/accommodations');
  const { id } = (await ask('POST', '/accommodations', { body: { stepId: other.id, name: 'New' } })).json<Child>();
  await expectAllFresh(`/steps/${other.id}`, `/trips/${trip.id}`, '/accommodations');
  await warmAll(`/steps/${step.id}`, `/steps/${other.id}`, `/accommodations/${id}`);
  await ask('PATCH', '/accommodations', { body: [{ id, stepId: step.id }] });
  await expectAllFresh(`/steps/${step.id}`, `/steps/${other.id}`, `/accommodations/${id}`);
});
