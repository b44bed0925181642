import { expect, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import type { UnstaleEvent } from '../../src/client/types.ts';
import { until } from '../support/barrier.ts';
import { answering, PROBE, useFailingApi } from '../support/failing-api.ts';

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
