import { EventSource } from 'eventsource';
import { afterEach, expect, test } from 'vitest';
import { get } from '../support/request.ts';
import { until } from '../support/scripted-origin.ts';
import { begin, every, gateway, send, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';

/*
 * What the documentation of the Mercure protocol shows for its clients: an EventSource with its spelling of the URL,
 * that listens to `message`. No npm package of such a client is to be had.
 */

useScriptedRig();

let source: EventSource | undefined;
afterEach(() => source?.close());

const hub = (query: string): string => `${gateway.url}/.well-known/mercure?${query}`;

async function started(yaml = 'events: { mercure: true }'): Promise<void> {
  every((_, response) => void response.writeHead(204).end());
  await begin(yaml);
}

interface Heard {
  readonly type: string;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
}

/** What an EventSource hears, in the order of its messages. */
async function listen(query: string): Promise<Heard[]> {
  const heard: Heard[] = [];
  const opened = new EventSource(hub(query));
  source = opened;
  opened.onmessage = ({ data }) => void heard.push(JSON.parse(data));
  await until(() => opened.readyState === EventSource.OPEN);
  return heard;
}

test.each([
  ['a path', 'topic=/books/1', ['/books/1']],
  ['a template', `topic=${encodeURIComponent('/books/{id}')}`, ['/books/1', '/books/2']],
  ['an IRI', `topic=${encodeURIComponent('https://example.com/books/{id}')}`, ['/books/1', '/books/2']],
  ['several', 'topic=/books/2&topic=/users/:id', ['/books/2', '/users/1']],
  ['everything', 'topic=*', ['/books/1', '/books/2', '/users/1', '/last']],
])('topics select: %s', async (_what, query, expected) => {
  await started();
  const all = await listen(query);
  for (const path of ['/books/1', '/books/2', '/users/1', '/last']) await send('PUT', path);
  await until(() => all.length >= expected.length);
  expect(all.map(({ paths }) => paths[0])).toEqual(expected);
});

test('lastEventID resumes', async () => {
  await started();
  const { headers } = await get(`${gateway.url}/a`);
  await send('PUT', '/a');
  const all = await listen(`topic=*&lastEventID=${headers['unstale-event-cursor']}`);
  await until(() => all.length === 1);
  expect(all.map(({ paths }) => paths)).toEqual([['/a']]);
});

test('the data has the type of an event, and the rest of it', async () => {
  await started(
    'events: { mercure: true }\nrules: [{ name: r, on: PUT /a, invalidate: [{ tag: a }], event: a.changed }]',
  );
  const all = await listen('topic=*');
  await send('PUT', '/a');
  await until(() => all.length === 1);
  const cause = { method: 'PUT', path: '/a', rule: 'r' };
  expect(all).toEqual([{ type: 'a.changed', paths: ['/a'], tags: ['a'], cause, at: expect.any(String) }]);
});

test('a resync names everything', async () => {
  await started();
  const all = await listen('topic=/a&lastEventID=none');
  await until(() => all.length === 1);
  expect(all).toEqual([{ type: 'resync', paths: ['/**'], tags: ['*'] }]);
});

test('the event stream has its types all the same', async () => {
  await started();
  const [mercure, own] = [await listen('topic=*'), await sseClient(`${gateway.url}/_unstale/events`)];
  await send('PUT', '/a');
  expect(await own.next()).toMatchObject({ type: 'invalidate' });
  await until(() => mercure.length === 1);
  own.close();
});

test('other templates are refused, with a reason', async () => {
  await started();
  const { status, text } = await get(hub(`topic=${encodeURIComponent('/books{?page}')}`));
  expect([status, text]).toEqual([400, expect.stringContaining('topic')]);
});

test('the path is the API’s, unless the configuration says so', async () => {
  await started('');
  expect((await get(hub('topic=*'))).status).toBe(204);
});
