import { describe, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { answering, PROBE, useFailingApi, well } from '../support/failing-api.ts';
import { type SseEvent, sseClient } from '../support/sse-client.ts';
import { SECRET, token } from '../support/tokens.ts';
import { wsClient } from '../support/ws-client.ts';

/* Clients that ask for it are told when an API goes down, and when it is up again. */

const api = useFailingApi();

const goDown = async (): Promise<void> => {
  api.behave = answering(503);
  await api.failUntilDown();
};
const comeUp = async (): Promise<void> => {
  api.behave = well;
  await until(async () => (await api.ask('/well')).status === 200, 'the API to be up');
};
/** What is told after all that was told before: whoever has been told of it has been told of nothing else since. */
const writeLast = async (): Promise<void> => {
  expect((await api.ask('/last', { method: 'PUT', body: {} })).status).toBe(200);
};
const typesOf = (events: readonly SseEvent[]): string[] => events.map(({ type }) => type);

/** Both wires, by the same words. */
const wires = [
  ['an event stream', '/_unstale/events', sseClient],
  ['a WebSocket', '/_unstale/ws', wsClient],
] as const;

describe.each(wires)('%s', (_what, path, open) => {
  const follow = (query: string, headers?: Record<string, string>) =>
    open(`${api.gateway.url}${path}${query}`, headers);

  test('that asks for an origin is told how it stands, and each change', async () => {
    await api.start(PROBE.soon);
    const client = await follow('?tag=unstale:origin:legacy');
    expect((await client.next()).type).toBe('origin.up');
    const before = client.lastEventId;
    await goDown();
    const down = await client.next();
    expect(down.type).toBe('origin.down');
    expect(down.json()).toMatchObject({
      paths: [],
      tags: ['unstale:origin:legacy'],
      payload: { origin: 'legacy', since: expect.stringMatching(/^\d{4}-.*Z$/) },
      cause: { rule: null },
    });
    await comeUp();
    expect((await client.next()).type).toBe('origin.up');
    expect(client.lastEventId, 'it has no place in the log').toBe(before);
    client.close();
  });

  test('that comes while it is down is told so; who resumes, too', async () => {
    await api.start(PROBE.soon);
    const first = await follow('?tag=unstale:origin:*');
    await goDown();
    const second = await follow('?tag=unstale:origin:*');
    expect((await second.next()).type).toBe('origin.down');
    const resumed = await follow(`?tag=unstale:origin:*&lastEventId=${first.lastEventId}`);
    expect((await resumed.next()).type).toBe('origin.down');
    for (const client of [first, second, resumed]) client.close();
  });

  test('that asks for all events is told of changes, and of what has changed before', async () => {
    await api.start(PROBE.soon);
    const client = await follow('');
    await goDown();
    expect(typesOf([await client.next()])).toEqual(['origin.down']);
    const later = await follow('');
    expect((await later.next()).type).toBe('origin.down');
    for (const each of [client, later]) each.close();
  });

  test.each(['?match=/steps/:id', '?tag=step:*', '?tag=unstale:origin:other'])('%s is told nothing', async (query) => {
    await api.start(PROBE.soon);
    const client = await follow(`${query}&match=/last`);
    await goDown();
    await comeUp();
    await writeLast();
    expect((await client.next()).type).toBe('invalidate');
    client.close();
  });

  test('whose token does not grant the tag is told nothing', async () => {
    await api.startWith(
      `origins: { legacy: { url: "${api.url}", circuit: { failures: 3, probe: { ${PROBE.soon} } } } }\nevents: { auth: { jwt: { secret: "${SECRET}" } } }`,
    );
    const as = async (claim: object) => ({ authorization: `Bearer ${await token({ unstale: claim })}` });
    const granted = await follow('?tag=unstale:origin:*', await as({ tags: ['unstale:origin:legacy'] }));
    const all = await follow('', await as({ match: ['/**'] }));
    const others = await follow('?tag=unstale:origin:*&match=/last', await as({ match: ['/last'], tags: ['room:*'] }));
    await goDown();
    await comeUp();
    await until(() => granted.events.length === 3, 'the changes to be told');
    expect(typesOf(granted.events)).toEqual(['origin.up', 'origin.down', 'origin.up']);
    await writeLast();
    for (const each of [all, others]) expect((await each.next()).type).toBe('invalidate');
    for (const each of [granted, all, others]) each.close();
  });
});

test('a WebSocket that asks for it later is told how it stands, once', async () => {
  await api.start(PROBE.soon);
  await goDown();
  const client = await wsClient(`${api.gateway.url}/_unstale/ws?subscribe=none`);
  client.say({ type: 'subscribe', ref: 'a', tags: ['unstale:origin:legacy'] });
  expect((await client.next()).type).toBe('origin.down');
  client.say({ type: 'subscribe', ref: 'b', match: ['/steps/:id'] });
  await client.told('subscribed', ({ ref }) => ref === 'b');
  expect(typesOf(client.events)).toEqual(['origin.down']);
  const [status] = client.messages.filter(({ type }) => type === 'event');
  expect(status).not.toHaveProperty('id');
  client.close();
});
