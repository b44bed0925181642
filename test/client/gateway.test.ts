import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import { platform } from '../../src/client/platform.ts';
import { follow, noteCursor } from '../../src/client/tanstack-query.ts';
import type { Live } from '../../src/client/types.ts';
import { gate, until } from '../support/barrier.ts';
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

describe('the cursor of the gateway', () => {
  /** A page that opens its stream when the gate is released. */
  async function open(): Promise<{ calls: () => number; name: () => string | undefined; release: () => void }> {
    await start(rule('invalidate: ["/steps/{before.stepId, response.stepId}"]'));
    client = new QueryClient();
    const opening = gate();
    const held = async (url: string, init: RequestInit): Promise<Response> => {
      await opening.pass();
      return fetch(url, init);
    };
    live = connect({ url: `${gateway.url}/_unstale/events` }, { ...platform, fetch: held });
    follow(client, live, { '/steps/:id': ({ id }) => [['step', Number(id)]] });
    let calls = 0;
    const observer = new QueryObserver(client, {
      queryKey: ['step', 7],
      queryFn: (context) => {
        calls += 1;
        return get('/steps/7', context);
      },
      staleTime: Infinity,
    });
    observer.subscribe(() => {});
    await until(() => observer.getCurrentResult().isSuccess, 'the first fetch');
    const name = (): string | undefined => observer.getCurrentResult().data?.inns[0]?.name;
    return { calls: () => calls, name, release: opening.release };
  }

  test('what was fetched before the stream opened is not fetched again if nothing has changed', async () => {
    const { calls, release } = await open();
    release();
    await until(() => live.state === 'live' && client.isFetching() === 0, 'the stream');
    expect(calls()).toBe(1);
  });

  test('a write between the fetch and the stream is not missed', async () => {
    const { calls, name, release } = await open();
    await send('PUT', '/inns/42', { stepId: 7, name: 'Bell' });
    release();
    await until(() => name() === 'Bell', 'the new name');
    expect(calls()).toBe(2);
  });
});
