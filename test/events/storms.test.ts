import { describe, expect, test } from 'vitest';
import { until } from '../support/scripted-origin.ts';
import { begin, every, gateway, send, useScriptedRig } from '../support/scripted-rig.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';

/* What keeps many changes, and many clients, from coming all at once. */

useScriptedRig();

const eventsUrl = (query = ''): string => `${gateway.url}/_unstale/events${query}`;
const pathsOf = ({ events }: SseClient): unknown[] => events.map((event) => event.json<{ paths: string[] }>().paths[0]);
const places = ({ events }: SseClient): number[] => events.map(({ id }) => Number(/-(\d+)/.exec(String(id))?.[1]));

async function started(yaml: string): Promise<void> {
  every((_, response) => void response.writeHead(204).end());
  await begin(yaml);
}

describe('within the window of events.coalesce', () => {
  const yaml = 'events: { coalesce: 500ms }';

  test('events of one path are one, the last, in the order of ids', async () => {
    await started(yaml);
    const client = await sseClient(eventsUrl());
    for (const path of ['/a', '/b', '/a', '/c', '/a']) await send('PUT', path);
    await until(() => client.events.length === 3);
    expect(pathsOf(client)).toEqual(['/b', '/c', '/a']);
    expect(places(client)).toEqual([2, 4, 5]);
  });

  test('a subscriber that comes gets at once what is held, and resumes from any id', async () => {
    await started(yaml);
    const from = String((await sseClient(eventsUrl())).lastEventId).replace(/\d+$/, '');
    for (const path of ['/a', '/b', '/a']) await send('PUT', path);
    const late = await sseClient(eventsUrl(`?lastEventId=${from}1`));
    await until(() => late.events.length === 2);
    expect(pathsOf(late)).toEqual(['/b', '/a']);
    const later = await sseClient(eventsUrl(`?lastEventId=${from}2`));
    await until(() => later.events.length === 1);
    expect(pathsOf(later)).toEqual(['/a']);
  });

  test('one that comes without an id does not end the window for all', async () => {
    await started(yaml);
    const client = await sseClient(eventsUrl());
    for (let i = 0; i < 3; i++) {
      await send('PUT', '/a');
      (await sseClient(eventsUrl())).close();
    }
    await until(() => client.events.length > 0);
    await send('PUT', '/last');
    await until(() => pathsOf(client).includes('/last'));
    expect(places(client)).toEqual([3, 4]);
  });

  test('what another client has written as well is no echo', async () => {
    await started(yaml);
    const ann = await sseClient(eventsUrl('?client=ann'));
    const by = (client: string) => ({ headers: { 'unstale-client': client } });
    await send('PUT', '/both', by('bob'));
    await send('PUT', '/both', by('ann'));
    await send('PUT', '/own', by('ann'));
    await send('PUT', '/own', by('ann'));
    await send('PUT', '/last');
    await until(() => pathsOf(ann).includes('/last'));
    expect(pathsOf(ann)).toEqual(['/both', '/last']);
  });

  test('each payload is told', async () => {
    const event = '{ type: said, payload: { text: query.text } }';
    await started(`${yaml}\nrules: [{ on: PUT /room, invalidate: [/room], event: ${event} }]`);
    const client = await sseClient(eventsUrl());
    for (const text of ['one', 'two']) await send('PUT', `/room?text=${text}`);
    await until(() => client.events.length === 2);
    expect(client.events.map((each) => each.json().payload)).toEqual([{ text: 'one' }, { text: 'two' }]);
  });
});

test('clients are told over which time to spread what they fetch again, after a resync, too', async () => {
  await started('events: { jitter: 2s }');
  const [client, lost] = [await sseClient(eventsUrl()), await sseClient(eventsUrl('?lastEventId=gone'))];
  await send('PUT', '/a');
  expect((await client.next()).json()).toMatchObject({ paths: ['/a'], refetchWithinMs: 2_000 });
  expect((await lost.next()).json()).toEqual({ refetchWithinMs: 2_000 });
});

test('a gateway that stops sends its clients away for times that differ', async () => {
  await started('');
  const clients = await Promise.all(Array.from({ length: 20 }, () => sseClient(eventsUrl())));
  await gateway.stop();
  await until(() => clients.every(({ closed }) => closed));
  const retries = clients.map(({ received }) => Number(/retry: (\d+)\n\n$/.exec(received)?.[1]));
  for (const retry of retries) {
    expect(retry).toBeGreaterThanOrEqual(1_000);
    expect(retry).toBeLessThanOrEqual(2_000);
  }
  expect(new Set(retries).size).toBeGreaterThan(1);
});
