import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { type Child, type Step, travelClient } from '../demo/travel-client.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { scriptedOrigin } from '../support/scripted-origin.ts';
import { travelApi } from '../support/shared.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';

/**
 * Each pack in rules/ by itself: sound, without a warning, and doing what its comments say. travel.yaml is
 * child-write.test.ts's, back-office.yaml is back-office.test.ts's.
 */

const packs = [...packsIn('rules'), ...packsIn('rules/backends')];

function packsIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) =>
    name.endsWith('.yaml') ? [`${folder}/${name}`.replace('rules/', '')] : [],
  );
}
const api = await travelApi();
const travel = travelClient(api);

let gateway: TestGateway;
let events: SseClient | undefined;
afterEach(async () => {
  events?.close();
  events = undefined;
  await gateway?.stop();
});

async function play(pack: string): Promise<void> {
  gateway = await startGateway(api, `include: [rules/${pack}.yaml]`);
}
const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));

async function warm(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await ask('GET', path);
    expect(isHit(await ask('GET', path)), `${path} is stored`).toBe(true);
  }
}

test.each(packs)('%s is sound, without a warning', (pack) => {
  const { config, warnings } = parseConfig(`origin: { url: http://x, ignoreInPaths: [] }\ninclude: [${pack}]`, {
    file: 'rules/gateway.yaml',
    env: {},
    readFile: (file) => readFileSync(file, 'utf8'),
    readFolder: (folder) => readdirSync(folder),
  });
  expect(warnings).toEqual([]);
  expect(config.routes.length + config.rules.length).toBeGreaterThan(0);
});

describe('refresh-and-patch', () => {
  test('the next read shows a change, without waiting for the origin', async () => {
    await play('refresh-and-patch');
    const { step, trip, accommodation } = await travel.ownTrip();
    const own = `/accommodations/${accommodation.id}`;
    await warm(own, `/steps/${step.id}`, `/trips/${trip.id}`, '/accommodations');
    await ask('PATCH', own, { body: { name: 'New', priceCents: 77 } });
    const patched = await ask('GET', own);
    expect(isHit(patched)).toBe(true);
    expect(patched.json()).toEqual((await get(api + own)).json());
    const refreshed = await ask('GET', `/steps/${step.id}`);
    expect(String(refreshed.headers['cache-status'])).toMatch(/hit|collapsed/);
    expect(refreshed.json<Step>().totals).toEqual((await get(`${api}/steps/${step.id}`)).json<Step>().totals);
    expect(String((await ask('GET', `/trips/${trip.id}`)).headers['cache-status'])).toMatch(/hit|collapsed/);
    expect(isHit(await ask('GET', '/accommodations'))).toBe(false);
  });

  test('DELETE removes it everywhere', async () => {
    await play('refresh-and-patch');
    const { step, accommodation } = await travel.ownTrip();
    await warm(`/accommodations/${accommodation.id}`, `/steps/${step.id}`);
    await ask('DELETE', `/accommodations/${accommodation.id}`);
    expect((await ask('GET', `/accommodations/${accommodation.id}`)).status).toBe(404);
    const refreshed = await ask('GET', `/steps/${step.id}`);
    expect(String(refreshed.headers['cache-status'])).toMatch(/hit|collapsed/);
    expect(refreshed.json<Step>().accommodations).toEqual([]);
  });
});

test('route-policy: which caches may keep what', async () => {
  await play('route-policy');
  const { authorization } = await travel.ownUser();
  for (const path of ['/users/me', '/notifications', '/dashboard']) {
    const answer = await ask('GET', path, { headers: { authorization } });
    expect(answer.headers['cache-control']).toBe('private, no-store');
    expect(isHit(await ask('GET', path, { headers: { authorization } }))).toBe(false);
  }
  await warm('/countries', '/trips');
  expect((await ask('GET', '/countries')).headers['cache-control']).toBe('public, max-age=3600');
  const trips = await ask('GET', '/trips', { headers: { 'cache-control': 'no-cache' } });
  expect(isHit(trips), 'no client can make the origin work').toBe(true);
  const again = { 'if-none-match': String(trips.headers.etag) };
  expect((await ask('GET', '/trips', { headers: again })).status).toBe(304);
});

test('live-updates: events carry what a client needs', async () => {
  await play('live-updates');
  const { trip, step, other } = await travel.ownTrip();
  events = await sseClient(`${gateway.url}/_unstale/events?tag=trip:${trip.id}`);
  await warm(`/trips/${trip.id}`);
  const body = { stepId: step.id, name: 'Walk' };
  const { id } = (await ask('POST', '/activities', { body })).json<Child>();
  const created = await events.next();
  expect(created.type).toBe('activity.created');
  expect(created.json().payload).toEqual({ id, steps: step.id, name: 'Walk' });
  expect(isHit(await ask('GET', `/trips/${trip.id}`))).toBe(false);
  await ask('PATCH', `/activities/${id}`, { body: { stepId: other.id } });
  expect((await events.next()).json().payload).toEqual({
    id: String(id),
    steps: other.id,
    from: step.id,
    name: 'Walk',
  });
  await ask('PATCH', `/steps/${step.id}`, { body: { title: 'Third' } });
  expect((await events.next()).json().payload).toEqual({ id: String(step.id), trip: trip.id, title: 'Third' });
});

test('unchanged-writes: saving the same form again invalidates nothing', async () => {
  await play('unchanged-writes');
  const { step, other, accommodation } = await travel.ownTrip();
  const own = `/accommodations/${accommodation.id}`;
  const form = { stepId: step.id, name: 'Same', nights: 2, priceCents: 1, updatedBy: 'office' };
  await ask('PUT', own, { body: form });
  await warm(`/steps/${step.id}`, own);
  events = await sseClient(`${gateway.url}/_unstale/events`);
  await ask('PUT', own, { body: form });
  expect(isHit(await ask('GET', `/steps/${step.id}`))).toBe(true);
  await ask('PUT', own, { body: { ...form, name: 'Another' } });
  expect(isHit(await ask('GET', `/steps/${step.id}`))).toBe(false);
  await ask('PUT', own, { body: { ...form, stepId: other.id, name: 'Another' } });
  await until(() => (events?.events.length ?? 0) >= 3);
  expect(events.events.map(({ type }) => type)).toEqual([
    'accommodation.changed',
    'accommodation.changed',
    'accommodation.moved',
  ]);
  expect(events.events[2]?.json().payload).toEqual({ id: String(accommodation.id), from: step.id, to: other.id });
});

describe('deleted-data', () => {
  test('what is deleted is gone wherever it was shown', async () => {
    await play('deleted-data');
    const { step, trip, accommodation } = await travel.ownTrip();
    const picture = `/steps/${step.id}/thumbnail`;
    const gif = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');
    await get(api + picture, { method: 'PUT', headers: { 'content-type': 'image/gif' }, body: gif });
    await warm(picture, `/steps/${step.id}`, `/trips/${trip.id}`, `/accommodations/${accommodation.id}`);
    await ask('DELETE', `/accommodations/${accommodation.id}`);
    expect((await ask('GET', `/accommodations/${accommodation.id}`)).status).toBe(404);
    expect((await ask('GET', `/steps/${step.id}`)).json<Step>().accommodations).toEqual([]);
    expect(isHit(await ask('GET', `/trips/${trip.id}`))).toBe(false);
    await ask('DELETE', picture);
    expect((await ask('GET', picture)).status).toBe(404);
    expect((await ask('GET', `/steps/${step.id}`)).json<Step>().thumbnailUrl).toBeNull();
    await ask('DELETE', `/steps/${step.id}`);
    for (const path of [`/steps/${step.id}`, picture]) expect((await ask('GET', path)).status).toBe(404);
    const steps = (await ask('GET', `/trips/${trip.id}`)).json<{ steps: { id: number }[] }>().steps;
    expect(steps.map(({ id }) => id)).not.toContain(step.id);
  });

  test('also while the API is down: an error, or a copy that no write has invalidated', async () => {
    const origin = await scriptedOrigin();
    let down = false;
    origin.on(
      () => true,
      (request, response) => {
        if (request.method === 'DELETE') return void response.writeHead(204).end();
        if (down) return void response.writeHead(500).end();
        const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=0', ETag: '"a"' };
        return void response.writeHead(200, headers).end('{"steps":[],"accommodations":[{"id":42}],"activities":[]}');
      },
    );
    gateway = await startGateway(origin.url, 'include: [rules/deleted-data.yaml]');
    await ask('GET', '/steps/7');
    await ask('GET', '/steps/8');
    await ask('DELETE', '/accommodations/42');
    await ask('GET', '/trips/1');
    down = true;
    expect((await ask('GET', '/steps/7')).status).toBe(500);
    expect((await ask('GET', '/accommodations/42')).status).toBe(500);
    expect((await ask('GET', '/trips/1')).status).toBe(200);
    await origin.close();
  });
});

test('offline-clients: batches and replays', async () => {
  await play('offline-clients');
  const { step, other, accommodation } = await travel.ownTrip();
  const own = `/accommodations/${accommodation.id}`;
  await warm(own, `/steps/${step.id}`, `/steps/${other.id}`, '/accommodations');
  events = await sseClient(`${gateway.url}/_unstale/events`);
  await ask('PATCH', '/accommodations', { body: [{ id: accommodation.id, stepId: other.id }] });
  for (const path of [own, `/steps/${step.id}`, `/steps/${other.id}`, '/accommodations']) {
    expect(isHit(await ask('GET', path)), path).toBe(false);
  }
  const event = await events.next();
  expect(event.json().payload).toEqual({ ids: [accommodation.id] });
  await warm(own, `/steps/${other.id}`);
  // The same write once more, since its answer had got lost.
  await ask('PATCH', own, { body: { stepId: other.id } });
  expect(isHit(await ask('GET', `/steps/${other.id}`))).toBe(true);
  // A subscriber that comes back gets what it missed.
  const back = await sseClient(`${gateway.url}/_unstale/events?lastEventId=${event.id?.replace(/-\d+$/, '-0')}`);
  expect((await back.next()).id).toBe(event.id);
  back.close();
});
