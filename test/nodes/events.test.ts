import { EventSource } from 'eventsource';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { type Answer, get } from '../support/request.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';
import { wsClient } from '../support/ws-client.ts';
import { isHit, type Nodes, startNodes, status } from './rig.ts';

/* What subscribers of several nodes are told. */

let nodes: Nodes | undefined;
afterEach(async () => {
  await nodes?.stop();
  nodes = undefined;
});

const by = (client: string) => ({ headers: { 'unstale-client': client }, body: '{}' });

test('a client that writes to one node and listens to another is not told what it has written', async () => {
  const all = await startNodes(2);
  nodes = all;
  const heard = ({ events }: SseClient): unknown[] =>
    events.filter(({ type }) => type !== 'resync').map((event) => event.json<{ paths: string[] }>().paths[0]);
  /** Others write until it hears of that: a node that has to join again says resync in place of what it missed. */
  const hears = async (client: SseClient, path: string): Promise<void> => {
    await until(async () => {
      await all.ask(0, 'PUT', path, by('bob'));
      return heard(client).includes(path);
    });
  };
  const url = `${all.gateways[1]?.url}/_unstale/events`;
  const ann = await sseClient(`${url}?client=ann`);
  const from = String(ann.lastEventId);
  await all.ask(0, 'PUT', '/a', by('ann'));
  await hears(ann, '/b');
  expect(heard(ann)).not.toContain('/a');
  // From where it was, at the node that it wrote to.
  const again = await sseClient(`${all.gateways[0]?.url}/_unstale/events?client=ann&lastEventId=${from}`);
  await hears(again, '/c');
  expect(heard(again)).not.toContain('/a');
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
    let shared = hit;
    // The first node may be about to put it there when the second asks.
    for (let i = 0; i < 20 && !status(shared).includes('detail=redis'); i++) {
      await ask(0, 'GET', `/steps/7?n=${i}`);
      shared = await ask(1, 'GET', `/steps/7?n=${i}`);
    }
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

test('a node that is cut off from Redis ends its streams, and opens none until it is back', async () => {
  const all = await startNodes(1, 'events: { heartbeat: 500ms }');
  nodes = all;
  await all.ready(0);
  const url = all.gateways[0]?.url;
  const [stream, socket] = [await sseClient(`${url}/_unstale/events`), await wsClient(`${url}/_unstale/ws`)];
  const browser = new EventSource(`${url}/_unstale/events`);
  onTestFinished(() => browser.close());
  const heard: string[] = [];
  browser.addEventListener('invalidate', ({ data }) => void heard.push(data));
  all.redis.signal('SIGSTOP');
  try {
    await until(() => stream.closed && socket.closed !== undefined, 'the streams to end', 30_000);
    const empty = await get(`${url}/_unstale/events`);
    expect([empty.status, empty.headers.connection, empty.text]).toEqual([200, 'close', '']);
    await until(() => browser.readyState === EventSource.CONNECTING, 'the EventSource to come again', 30_000);
    await expect(wsClient(`${url}/_unstale/ws`)).rejects.toThrow('503');
  } finally {
    all.redis.signal('SIGCONT');
  }
  const reason = expect.stringMatching(/^this node is cut off from the others: reconnect after \d+ ms$/);
  expect(socket.closed).toEqual({ code: 1012, reason });
  await all.ready(0);
  (await sseClient(`${url}/_unstale/events`)).close();
  await until(() => browser.readyState === EventSource.OPEN, 'the EventSource to be connected', 30_000);
  await all.ask(0, 'PUT', '/items/1', { body: '{}' });
  await until(() => heard.some((data) => data.includes('/items/1')), 'the EventSource to be told of a write');
});
