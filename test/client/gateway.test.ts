import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { afterEach, expect, test } from 'vitest';
import { connect, type Live } from '../../src/client/index.ts';
import { follow, noteCursor } from '../../src/client/tanstack-query.ts';
import { until } from '../support/barrier.ts';
import { api, gateway, rule, send, start, useSmallApiRig } from '../support/small-api-rig.ts';

/* A real gateway, a real connection and the real cache of TanStack Query. */

useSmallApiRig();

let live: Live;
let client: QueryClient;
afterEach(() => {
  live.close();
  client.clear();
});

const get = async (path: string, context: { queryKey: readonly unknown[] }): Promise<{ inns: { name: string }[] }> => {
  const response = await fetch(gateway.url + path);
  noteCursor(context, response);
  return (await response.json()) as { inns: { name: string }[] };
};

test('what is on the screen follows a write to what it embeds', async () => {
  await start(rule('invalidate: ["/steps/{before.stepId, response.stepId}"]'));
  client = new QueryClient();
  live = connect({ url: `${gateway.url}/_unstale/events`, match: ['/steps/:id'] });
  follow(client, live, { '/steps/:id': ({ id }) => [['step', Number(id)]] });
  const [left, joined] = [7, 9].map((id) => {
    const observer = new QueryObserver(client, {
      queryKey: ['step', id],
      queryFn: (context) => get(`/steps/${id}`, context),
      staleTime: Infinity,
    });
    observer.subscribe(() => {});
    return () => observer.getCurrentResult().data?.inns.map(({ name }) => name);
  });
  await until(() => live.state === 'live' && client.isFetching() === 0, 'the first fetches');
  await send('PUT', '/inns/42', { stepId: 7, name: 'Bell' });
  await until(() => String(left?.()) === 'Bell,Other', 'the new name');
  await send('PATCH', '/inns/42', { stepId: 9 });
  await until(() => String(left?.()) === 'Other' && String(joined?.()) === 'Bell', 'the move');
  expect(api.reads('/steps/9')).toBeGreaterThan(1);
});
