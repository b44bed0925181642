import { afterEach, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { sseClient } from '../support/sse-client.ts';
import { type Nodes, startNodes } from './rig.ts';

/* What subscribers of several nodes are told. */

let nodes: Nodes | undefined;
afterEach(async () => {
  await nodes?.stop();
  nodes = undefined;
});

const by = (client: string) => ({ headers: { 'unstale-client': client }, body: '{}' });

test('a client that writes to one node and listens to another is not told what it has written', async () => {
  nodes = await startNodes(2);
  const url = `${nodes.gateways[1]?.url}/_unstale/events`;
  const [ann, any] = [await sseClient(`${url}?client=ann`), await sseClient(url)];
  const from = String(ann.lastEventId);
  await nodes.ask(0, 'PUT', '/a', by('ann'));
  await nodes.ask(0, 'PUT', '/b', by('bob'));
  await until(() => any.events.length === 2 && ann.events.length === 1);
  expect(ann.events[0]?.json()).toMatchObject({ paths: ['/b'] });
  // From where it was, at the node that it wrote to.
  const again = await sseClient(`${nodes.gateways[0]?.url}/_unstale/events?client=ann&lastEventId=${from}`);
  await until(() => again.events.length === 1);
  expect(again.events[0]?.json()).toMatchObject({ paths: ['/b'] });
});
