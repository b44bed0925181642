import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { type Child, type Step, travelClient } from '../demo/travel-client.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { travelApi } from '../support/shared.ts';

/* A draft of the travel API's description, used as it is against the travel API. */

const api = await travelApi();
const travel = travelClient(api);
let gateway: TestGateway;
beforeAll(async () => {
  const text = writeDraft(draftConfig(readFileSync('test/openapi/documents/travel.yaml', 'utf8')), 'travel.yaml');
  gateway = await startGateway(api, text.replace('http://127.0.0.1:4000', api));
});
afterAll(() => gateway.stop());

const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));
async function warm(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await ask('GET', path);
    expect(isHit(await ask('GET', path)), `${path} is stored`).toBe(true);
  }
}
async function expectFresh(...paths: string[]): Promise<void> {
  for (const path of paths) {
    const answer = await ask('GET', path);
    expect(isHit(answer), path).toBe(false);
    expect(answer.text).toBe((await get(api + path)).text);
  }
}

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
  await warm(...paths, `/accommodations/${accommodation.id}`, `/steps/${bystander.step.id}`);
  await ask('PATCH', `/accommodations/${accommodation.id}`, { body: { stepId: other.id } });
  await expectFresh(...paths, `/accommodations/${accommodation.id}`);
  expect(isHit(await ask('GET', `/steps/${bystander.step.id}`))).toBe(true);
});

test('so does a DELETE that answers 204', async () => {
  const { trip, step, accommodation } = await travel.ownTrip();
  await warm(`/steps/${step.id}`, `/trips/${trip.id}`, '/accommodations');
  await ask('DELETE', `/accommodations/${accommodation.id}`);
  await expectFresh(`/steps/${step.id}`, `/trips/${trip.id}`, '/accommodations');
  expect((await ask('GET', `/steps/${step.id}`)).json<Step>().accommodations).toEqual([]);
});

test('and a POST, and a batch', async () => {
  const { trip, step, other } = await travel.ownTrip();
  await warm(`/steps/${other.id}`, `/trips/${trip.id}`, '/accommodations');
  const { id } = (await ask('POST', '/accommodations', { body: { stepId: other.id, name: 'New' } })).json<Child>();
  await expectFresh(`/steps/${other.id}`, `/trips/${trip.id}`, '/accommodations');
  await warm(`/steps/${step.id}`, `/steps/${other.id}`, `/accommodations/${id}`);
  await ask('PATCH', '/accommodations', { body: [{ id, stepId: step.id }] });
  await expectFresh(`/steps/${step.id}`, `/steps/${other.id}`, `/accommodations/${id}`);
});
