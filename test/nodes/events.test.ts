import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import type { Answer } from '../support/request.ts';
import { sseClient } from '../support/sse-client.ts';
import { isHit, type Nodes, startNodes, status } from './rig.ts';

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

describe('the cursor of an answer', () => {
  const cursorOf = (answer: Answer): string | undefined => answer.headers['unstale-event-cursor'] as string | undefined;
  const toldFrom = async (all: Nodes, node: number, cursor: string | undefined, count: number): Promise<unknown[]> => {
    const client = await sseClient(`${all.gateways[node]?.url}/_unstale/events?lastEventId=${cursor}`);
    await until(() => client.events.length === count);
    return client.events.map((event) => event.json().paths);
  };

  test('of one node holds at another, for hits of memory and of the shared tier', async () => {
    nodes = await startNodes(2, 'defaults: { cache: { ttl: 60s } }');
    const { ask } = nodes;
    await ask(0, 'GET', '/steps/7');
    await ask(0, 'PUT', '/a', by('ann'));
    const hit = await ask(0, 'GET', '/steps/7');
    const shared = await ask(await nodes.add(), 'GET', '/steps/7');
    expect([isHit(hit), status(shared)]).toEqual([true, expect.stringContaining('detail=redis')]);
    await ask(0, 'PUT', '/b', by('ann'));
    for (const answer of [hit, shared]) {
      for (const node of [0, 1]) expect(await toldFrom(nodes, node, cursorOf(answer), 1)).toEqual([['/b']]);
    }
  });

  test('is not told by a node that is not serving', async () => {
    nodes = await startNodes(1);
    expect(cursorOf(await nodes.ask(0, 'GET', '/items/1'))).toBeDefined();
    await nodes.redis.kill();
    await until(async () =>
      /not-serving|fenced|bypass/.test(status((await nodes?.ask(0, 'GET', '/items/1')) as Answer)),
    );
    expect(cursorOf(await nodes.ask(0, 'GET', '/items/1'))).toBeUndefined();
  });
});
