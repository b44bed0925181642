import { describe, expect, test } from 'vitest';
import { gaugeIs } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { gate, until } from '../support/scripted-origin.ts';
import { begin, every, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';

/* Who writes is not told what he has written (`Unstale-Client`). */

useScriptedRig();

const eventsUrl = (query = ''): string => `${gateway.url}/_unstale/events${query}`;
const by = (client: string) => ({ headers: { 'unstale-client': client } });
const pathsOf = ({ events }: SseClient): unknown[] => events.map((event) => event.json().paths);

async function started(yaml = ''): Promise<void> {
  every((_, response) => void response.writeHead(204).end());
  await begin(yaml);
}

test.each([
  ['the parameter', async () => sseClient(eventsUrl('?client=ann'))],
  ['the field', async () => sseClient(eventsUrl(), { 'unstale-client': 'ann' })],
])('a stream that %s names is not told what its client writes; all others are', async (_, subscribe) => {
  await started();
  const [ann, bob, any] = [await subscribe(), await sseClient(eventsUrl('?client=bob')), await sseClient(eventsUrl())];
  await send('PUT', '/a', by('ann'));
  await send('PUT', '/b', by('bob'));
  await send('PUT', '/c');
  await until(() => any.events.length === 3 && ann.events.length === 2 && bob.events.length === 2);
  expect(pathsOf(ann)).toEqual([['/b'], ['/c']]);
  expect(pathsOf(bob)).toEqual([['/a'], ['/c']]);
  // Who knows an id can keep its client from being told.
  for (const { received } of [ann, bob, any]) expect(received).not.toMatch(/ann|bob/);
});

test('nor when it resumes', async () => {
  await started();
  const first = await sseClient(eventsUrl('?client=ann'));
  const from = String(first.lastEventId);
  first.close();
  await send('PUT', '/a', by('ann'));
  await send('PUT', '/b', by('bob'));
  const again = await sseClient(eventsUrl(`?client=ann&lastEventId=${from}`));
  await until(() => again.events.length === 1);
  expect(pathsOf(again)).toEqual([['/b']]);
});

test('every event of a write is its echo', async () => {
  const rule = (name: string) => `{ name: ${name}, on: "PUT /a", invalidate: [/${name}], event: ${name} }`;
  await started(`rules: [${rule('one')}, ${rule('two')}]`);
  const ann = await sseClient(eventsUrl('?client=ann'));
  await send('PUT', '/a', by('ann'));
  await send('PUT', '/b');
  await until(() => ann.events.length === 1);
  expect(pathsOf(ann)).toEqual([['/b']]);
});

test('the API is not told who writes', async () => {
  await started();
  await send('PUT', '/a', by('ann'));
  await get(`${gateway.url}/a`, by('ann'));
  expect(origin.seen).toHaveLength(2);
  for (const { rawHeaders } of origin.seen)
    expect(rawHeaders.map((name) => name.toLowerCase())).not.toContain('unstale-client');
});

describe('an id that is none', () => {
  test.each(['a b', 'x'.repeat(129), 'a,b', '"a"'])('%j is refused where it opens a stream', async (id) => {
    await started();
    const { status, text } = await get(eventsUrl(`?client=${encodeURIComponent(id)}`));
    expect([status, text]).toMatchObject([400, expect.stringContaining('client')]);
  });

  test('does nothing to a write', async () => {
    await started();
    const ann = await sseClient(eventsUrl('?client=ann'));
    expect((await send('PUT', '/a', by('ann, ann'))).status).toBe(204);
    await until(() => ann.events.length === 1);
  });
});

describe('an event is no echo', () => {
  const yaml =
    'rules:\n  - { on: PUT /items/:id, invalidate: ["/lists/{before.list, response.list}"] }\ncoherence: { settle: 10ms }';

  test('where it is also about the write of another that came in between', async () => {
    const held = gate();
    every(async (request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'PUT' && request.url === '/items/1' && request.headers['x-held'] === 'yes')
        await held.pass();
      response.end('{"list":1}');
    });
    await begin(yaml);
    const ann = await sseClient(eventsUrl('?client=ann'));
    const slow = send('PUT', '/items/1', { headers: { 'unstale-client': 'ann', 'x-held': 'yes' }, body: '{}' });
    await held.arrived();
    const other = send('PUT', '/items/1', { headers: { 'unstale-client': 'bob' }, body: '{}' });
    // It is recorded, and waits for the first, which carries its targets over.
    await gaugeIs(gateway, 'unstale_log_position', 1);
    held.release();
    await Promise.all([slow, other]);
    await until(() => ann.events.length >= 2);
  });

  test('where it is not known whether the write was applied', async () => {
    every((request, response) => void (request.method === 'PUT' ? response.destroy() : response.end()));
    await begin(yaml);
    const ann = await sseClient(eventsUrl('?client=ann'));
    expect((await send('PUT', '/a', by('ann'))).status).toBe(502);
    await until(() => ann.events.length === 2);
    expect(pathsOf(ann)).toEqual([['/a'], ['/a']]);
  });

  test('where it names more than the write has changed', async () => {
    const many = Array.from({ length: 150 }, (_, i) => `/many/${i}`);
    await started(`rules: [{ on: PUT /a, invalidate: ${JSON.stringify(many)} }]`);
    const ann = await sseClient(eventsUrl('?client=ann'));
    await send('PUT', '/a', by('ann'));
    await until(() => ann.events.length === 1);
    expect(ann.events[0]?.json().paths).toContain('/many/*');
  });
});
