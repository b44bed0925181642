import { expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { sseClient } from '../support/sse-client.ts';
import { api, gateway, travel, useTravelRig } from '../support/travel-rig.ts';

/* Subscribers hear of a write when it is effective: what an event makes them refetch is never stale. */

useTravelRig();

test('a child write is announced to subscribers of its parent, and the refetch it triggers is fresh', async () => {
  const { step, accommodation } = await travel.ownTrip();
  const watcher = await sseClient(`${gateway.url}/_unstale/events?match=/steps/${step.id}`);
  for (let price = 1; price <= 20; price++) {
    await get(`${gateway.url}/steps/${step.id}`);
    const writing = get(`${gateway.url}/accommodations/${accommodation.id}`, {
      method: 'PATCH',
      body: { priceCents: price },
    });
    const event = await watcher.next();
    expect(event.type).toBe('accommodation.changed');
    expect(event.json()).toMatchObject({
      paths: expect.arrayContaining([`/steps/${step.id}`, `/accommodations/${accommodation.id}`]),
      cause: { method: 'PATCH', path: `/accommodations/${accommodation.id}`, rule: 'accommodation-in-step' },
    });
    const refetched = await get(`${gateway.url}/steps/${step.id}`);
    expect(refetched.json<{ accommodations: { priceCents: number }[] }>().accommodations[0]?.priceCents).toBe(price);
    await writing;
  }
  watcher.close();
});

test('a write without a rule is announced under its own path', async () => {
  const watcher = await sseClient(`${gateway.url}/_unstale/events?match=/uploads`);
  await get(`${gateway.url}/uploads`, { method: 'POST', body: 'anything' });
  const event = await watcher.next();
  expect(event.type).toBe('invalidate');
  expect(event.json()).toMatchObject({ paths: ['/uploads'], cause: { method: 'POST', rule: null } });
  watcher.close();
});

test('a write that the origin refuses is not announced', async () => {
  const { step } = await travel.ownTrip();
  const watcher = await sseClient(`${gateway.url}/_unstale/events`);
  await get(`${gateway.url}/steps/${step.id}`, {
    method: 'PATCH',
    body: 'not json',
    headers: { 'content-type': 'text/plain' },
  });
  await get(`${gateway.url}/steps/${step.id}`, { method: 'PATCH', body: { title: 'New' } });
  const first = await watcher.next();
  expect(first.json()).toMatchObject({ cause: { path: `/steps/${step.id}`, rule: 'step-in-trip' } });
  watcher.close();
});

test('the stream is for GET alone, and a stopping gateway ends it', async () => {
  const own = await startGateway(api);
  const wrong = await get(`${own.url}/_unstale/events`, { method: 'POST', body: 'x' });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.allow).toBe('GET');
  const watcher = await sseClient(`${own.url}/_unstale/events`);
  await own.stop();
  await until(() => watcher.closed);
});
