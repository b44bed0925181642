import { type DehydratedState, dehydrate, hydrate, QueryClient, QueryObserver } from '@tanstack/query-core';
import { expect, test } from 'vitest';
import { api, change, client, followed, live, show, shown, startConnecting, turn, useQueryRig } from './query-rig.ts';

/* Data that an application puts into the cache: restored, rendered by a server, made of other data, or patched. */

useQueryRig();

/** A cache with the first version of the step, as it is stored, or sent by a server. */
async function stored(): Promise<DehydratedState> {
  const other = new QueryClient();
  await other.prefetchQuery({ queryKey: ['step', 7], queryFn: () => 1 });
  const state = JSON.parse(JSON.stringify(dehydrate(other))) as DehydratedState;
  other.clear();
  return state;
}

/** The step has been shown, and has left the screen when it changes. */
async function changedOffScreen(): Promise<void> {
  followed();
  await turn();
  (await shown()).close();
  change('e-1');
}

test('a cache that is restored behind an event is fetched when it is shown', async () => {
  const state = await stored();
  followed();
  await turn();
  change('e-1');
  hydrate(client, state);
  const query = await shown();
  expect(query.data()).toBe(2);
});

test('one that is restored before the stream is live is fetched once, when it is', async () => {
  startConnecting();
  followed();
  hydrate(client, await stored());
  show();
  expect(api.fetches).toBe(0);
  live.become('live');
  await turn();
  expect(api.fetches).toBe(1);
});

test('what is not fetched through the gateway is left as it is restored', async () => {
  followed({ queries: ([kind]) => kind !== 'step' });
  await turn();
  change('e-1');
  hydrate(client, await stored());
  await shown();
  expect(api.fetches).toBe(0);
});

test('data that is made of a stale list is fetched', async () => {
  followed();
  await turn();
  change('e-1');
  const observer = new QueryObserver(client, {
    queryKey: ['step', 7],
    queryFn: api.read,
    staleTime: Infinity,
    initialData: () => 1,
  });
  observer.subscribe(() => {});
  await api.answer();
  expect(observer.getCurrentResult().data).toBe(2);
});

test.each<[string, (state: DehydratedState) => void]>([
  ['is hydrated with data from before the event', (state) => hydrate(client, state)],
  ['is patched', () => client.setQueryData(['step', 7], (old: unknown) => old)],
  [
    'is updated by a mutation that fails',
    () => {
      const before = client.getQueryData(['step', 7]);
      client.setQueryData(['step', 7], 'optimistic');
      client.setQueryData(['step', 7], before);
    },
  ],
])('a stale query that %s stays stale', async (_what, put) => {
  await changedOffScreen();
  // Hydration takes what is newer by the clock.
  const state = await stored();
  for (const query of state.queries) query.state.dataUpdatedAt += 60_000;
  put(state);
  const query = await shown();
  expect(query.data()).toBe(2);
});

test('once it has been fetched, it can be patched', async () => {
  await changedOffScreen();
  (await shown()).close();
  client.setQueryData(['step', 7], 'patched');
  const query = await shown();
  expect([query.data(), api.fetches]).toEqual(['patched', 2]);
});
