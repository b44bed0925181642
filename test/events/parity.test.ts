import { describe, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { answerForAMinute, begin, every, gateway, send, useScriptedRig } from '../support/scripted-rig.ts';
import { type SseEvent, sseClient } from '../support/sse-client.ts';
import { wsClient } from '../support/ws-client.ts';

/* The same scenarios over Server-Sent Events and over a WebSocket. */

interface Subscriber {
  readonly events: readonly SseEvent[];
  readonly lastEventId: string | undefined;
  next(): Promise<SseEvent>;
  close(): void;
}

const SSE = '/_unstale/events';
const WS = '/_unstale/ws';

interface Way {
  open(query: string): Promise<Subscriber>;
  /** The status that a subscription is refused with. */
  refusal(query: string): Promise<number>;
}

const refusalOf = (error: Error): number => Number(/server response: (\d+)/.exec(error.message)?.[1]);

const ways: readonly (readonly [string, Way])[] = [
  [
    'Server-Sent Events',
    {
      open: (query) => sseClient(`${gateway.url}${SSE}${query}`),
      refusal: async (query) => (await get(`${gateway.url}${SSE}${query}`)).status,
    },
  ],
  [
    'a WebSocket',
    {
      open: (query) => wsClient(`${gateway.url}${WS}${query}`),
      refusal: (query) => wsClient(`${gateway.url}${WS}${query}`).then(() => 101, refusalOf),
    },
  ],
];

useScriptedRig();

async function write(...paths: string[]): Promise<void> {
  for (const path of paths) expect((await send('PUT', path, { body: 'x' })).status).toBe(200);
}

const pathsOf = (subscriber: Subscriber): unknown[] => subscriber.events.map((event) => event.json().paths);

async function subscribersBecome(count: number): Promise<void> {
  await until(async () => (await get(`${gateway.adminUrl}/metrics`)).text.includes(`unstale_subscribers ${count}\n`));
}

describe.each(ways)('over %s', (_name, way) => {
  async function start(yaml = ''): Promise<void> {
    every(answerForAMinute);
    await begin(yaml);
  }

  test('an event has its id, its type, and what a client needs to refetch', async () => {
    await start('rules: [{ name: r, on: "PUT /steps/:id", invalidate: ["/trips/1"], event: step.changed }]');
    const subscriber = await way.open('');
    await write('/steps/7');
    const event = await subscriber.next();
    expect(event.type).toBe('step.changed');
    expect(event.id).toMatch(/^[\w-]+-\d+$/);
    expect(event.json()).toEqual({
      paths: expect.arrayContaining(['/steps/7', '/trips/1']),
      tags: [],
      cause: { method: 'PUT', path: '/steps/7', rule: 'r' },
      at: expect.any(String),
    });
    subscriber.close();
  });

  test.each([
    ['nothing: everything', '', ['/a', '/b/1', '/b/2']],
    ['a path', '?match=/a', ['/a']],
    ['a pattern', '?match=/b/:id', ['/b/1', '/b/2']],
    ['several', '?match=/a&match=/b/2', ['/a', '/b/2']],
    ['what does not happen', '?match=/c', []],
  ])('a subscriber that asks for %s', async (_what, query, paths) => {
    await start();
    const subscriber = await way.open(query);
    const everything = await way.open('');
    await write('/a', '/b/1', '/b/2');
    await until(() => everything.events.length === 3);
    await until(() => subscriber.events.length === paths.length);
    expect(pathsOf(subscriber)).toEqual(paths.map((path) => [path]));
    subscriber.close();
    everything.close();
  });

  test('one that comes back gets what it missed, without a gap or a repetition', async () => {
    await start();
    const first = await way.open('?match=/b/:id');
    await write('/b/1');
    const seen = await first.next();
    first.close();
    await subscribersBecome(0);
    await write('/b/2', '/a', '/b/3');
    const second = await way.open(`?match=/b/:id&lastEventId=${seen.id}`);
    await write('/b/4');
    await until(() => second.events.length === 3);
    expect(pathsOf(second)).toEqual([['/b/2'], ['/b/3'], ['/b/4']]);
    second.close();
  });

  test('one that has seen no event yet resumes from where it began', async () => {
    await start();
    await write('/a');
    const first = await way.open('');
    const from = first.lastEventId;
    first.close();
    await write('/b');
    const second = await way.open(`?lastEventId=${from}`);
    expect((await second.next()).json().paths).toEqual(['/b']);
    second.close();
  });

  test('one whose last event is not held is told to resync, and goes on', async () => {
    await start();
    await write('/a');
    const subscriber = await way.open('?lastEventId=other-5');
    expect(await subscriber.next()).toMatchObject({ type: 'resync', data: '{}' });
    await write('/b');
    expect((await subscriber.next()).json().paths).toEqual(['/b']);
    subscriber.close();
  });

  test.each([
    ['a bad pattern', '?match=steps', 400],
    ['an unknown parameter', '?matches=/steps/7', 400],
    ['too many filters', `?${'tag=a&'.repeat(65)}`, 400],
    ['a long filter', `?tag=${'a'.repeat(1_025)}`, 400],
  ])('%s is refused', async (_what, query, status) => {
    await start();
    expect(await way.refusal(query)).toBe(status);
    await subscribersBecome(0);
  });

  test('there is a bound for all, and for one address; who leaves makes room', async () => {
    await start('events: { maxSubscribers: 2 }');
    const first = await way.open('');
    expect(await way.refusal('')).toBe(429);
    first.close();
    await subscribersBecome(0);
    (await way.open('')).close();
  });

  test('a stopping gateway ends it', async () => {
    await start();
    const subscriber = await way.open('');
    await gateway.stop();
    await expect(subscriber.next()).rejects.toThrow('ended');
    await begin();
  });
});
