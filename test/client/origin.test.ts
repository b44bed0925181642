import { expect, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import { platform, type TabPlatform } from '../../src/client/platform.ts';
import type { ConnectOptions, Live, UnstaleEvent } from '../../src/client/types.ts';
import { until } from '../support/barrier.ts';
import { answering, PROBE, useFailingApi, well } from '../support/failing-api.ts';

const api = useFailingApi();

test('how an API stands is told to a listener of events', async () => {
  await api.start(PROBE.never);
  const live = connect({ url: `${api.gateway.url}/_unstale/events`, tags: ['unstale:origin:*'] });
  const told: UnstaleEvent[] = [];
  live.on('event', (event) => told.push(event));
  await until(() => told.length === 1, 'how the API stands');
  api.behave = answering(503);
  await api.failUntilDown();
  await until(() => told.length === 2, 'that it is down');
  const statuses = { isStatus: true, id: live.lastEventId, paths: [], tags: ['unstale:origin:legacy'] };
  expect(told).toMatchObject([
    { type: 'origin.up', ...statuses, payload: { origin: 'legacy' } },
    { type: 'origin.down', ...statuses, payload: { origin: 'legacy', since: expect.any(String) } },
  ]);
  live.close();
});

/** The tabs of a browser that steals no locks. */
function browser(): TabPlatform {
  let last: Promise<unknown> = Promise.resolve();
  const request = (_name: string, _options: LockOptions, granted: () => unknown): Promise<unknown> => {
    last = last.then(granted);
    return last;
  };
  return {
    base: 'http://app.example/',
    locks: { request: request as LockManager['request'] },
    channel: (name) => new BroadcastChannel(name),
    digest: () => Promise.reject(new Error('there is no token')),
  };
}

test.each([
  ['has a stream of its own', false],
  ['shares the stream of one that follows everything', true],
])('a tab that %s is told how the API stands by each gateway', async (_what, shared) => {
  await api.start(PROBE.never);
  const tabs = browser();
  const open = (options: ConnectOptions): Live =>
    connect(
      { url: 'http://app.example/_unstale/events', shared, ...options },
      { ...platform, tabs, fetch: (url, init) => fetch(url.replace('http://app.example', api.gateway.url), init) },
    );
  const follow = (): { readonly live: Live; readonly told: string[] } => {
    const live = open({ tags: ['unstale:origin:*'] });
    const told: string[] = [];
    live.on('event', ({ type }) => told.push(type));
    return { live, told };
  };
  const all = open({});
  await until(() => all.state === 'live', 'the first tab');
  const banner = follow();
  await until(() => banner.told.at(-1) === 'origin.up', 'how the API stands');
  api.behave = answering(503);
  await api.failUntilDown();
  await until(() => banner.told.at(-1) === 'origin.down', 'that it is down');
  api.behave = well;
  const before = api.gateway;
  await api.start(PROBE.never);
  await before.stop();
  await until(() => banner.told.at(-1) === 'origin.up', 'how it stands for the new gateway');
  const late = follow();
  await until(() => late.live.state === 'live' && late.told.length > 0, 'a tab that comes later');
  expect(late.told).toEqual(['origin.up']);
  for (const { live } of [{ live: all }, banner, late]) live.close();
});
