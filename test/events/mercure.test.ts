import { EventSource } from 'eventsource';
import { afterEach, expect, test } from 'vitest';
import { get } from '../support/request.ts';
import { until } from '../support/scripted-origin.ts';
import { begin, every, gateway, send, useScriptedRig } from '../support/scripted-rig.ts';

/* What a client of the Mercure protocol does: an EventSource with its spelling of the URL. */

useScriptedRig();

let source: EventSource | undefined;
afterEach(() => source?.close());

const hub = (query: string): string => `${gateway.url}/.well-known/mercure?${query}`;

async function started(yaml = 'events: { mercure: true }'): Promise<void> {
  every((_, response) => void response.writeHead(204).end());
  await begin(yaml);
}

/** The paths that an EventSource hears of, in the order of its events. */
async function listen(query: string): Promise<string[]> {
  const heard: string[] = [];
  const opened = new EventSource(hub(query));
  source = opened;
  for (const type of ['invalidate', 'resync']) {
    opened.addEventListener(type, ({ data }) => {
      heard.push((JSON.parse(data) as { paths?: string[] }).paths?.[0] ?? type);
    });
  }
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
  expect(all).toEqual(expected);
});

test('lastEventID resumes', async () => {
  await started();
  const { headers } = await get(`${gateway.url}/a`);
  await send('PUT', '/a');
  const all = await listen(`topic=*&lastEventID=${headers['unstale-event-cursor']}`);
  await until(() => all.length === 1);
  expect(all).toEqual(['/a']);
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
