import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

let gateway: TestGateway;
let origin: ScriptedOrigin;

beforeAll(async () => {
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    (_, response) => void response.end('{}'),
  );
  gateway = await startGateway(origin.url, 'routes: [{ match: /steps/:id, cache: { ttl: 60s } }]');
});
afterAll(async () => {
  await gateway.stop();
  await origin.close();
});

test('a write through the gateway comes as an event to listeners and to iterators', async () => {
  const live = connect({ url: `${gateway.url}/_unstale/events`, match: ['/steps/:id'] });
  const heard: string[] = [];
  live.on('event', ({ paths }) => void heard.push(...paths));
  const first = live[Symbol.asyncIterator]().next();
  await until(() => live.state === 'live', 'the subscription');
  await get(`${gateway.url}/steps/7`, { method: 'PUT' });
  expect((await first).value).toMatchObject({ type: 'invalidate', paths: ['/steps/7'], cause: { method: 'PUT' } });
  expect(heard).toEqual(['/steps/7']);
  live.close();
  expect(live.state).toBe('stopped');
});
