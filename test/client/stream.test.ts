import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ConnectOptions, connect, type Live, type Resync, type UnstaleEvent } from '../../src/client/index.ts';
import { until } from '../support/barrier.ts';
import { type ScriptedOrigin, type SeenRequest, scriptedOrigin } from '../support/scripted-origin.ts';

/* The client over real sockets, in Node, with a server that says what the test is about. */

let server: ScriptedOrigin;
let live: Live;

beforeEach(async () => {
  server = await scriptedOrigin();
});
afterEach(async () => {
  live.close();
  await server.close();
});

const EVENTS = '/_unstale/events';
const event = (id: string): string =>
  `id: ${id}\nevent: invalidate\ndata: {"paths":["/a"],"tags":[],"cause":{"method":"PUT","path":"/a","rule":null},"at":""}\n\n`;

function begin(response: ServerResponse, text = 'id: e-1\n\n'): void {
  response
    .writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    .write(`retry: 1\n: unstale\n\n${text}`);
}

/** One answer for each request; the last one for all others. */
function answers(...handlers: ((response: ServerResponse, seen: SeenRequest) => void)[]): void {
  let asked = 0;
  server.on(`GET ${EVENTS}`, (_, response, seen) => {
    handlers[Math.min(asked, handlers.length - 1)]?.(response, seen);
    asked += 1;
  });
}

function follow(options: ConnectOptions = {}): {
  states: string[];
  items: (UnstaleEvent | Resync)[];
  warnings: string[];
} {
  const heard = { states: [] as string[], items: [] as (UnstaleEvent | Resync)[], warnings: [] as string[] };
  live = connect({ url: server.url + EVENTS, ...options });
  live.on('state', ({ state, reason }) => heard.states.push(reason === undefined ? state : `${state}: ${reason.code}`));
  live.on('event', (item) => void heard.items.push(item));
  live.on('resync', (item) => void heard.items.push(item));
  live.on('warning', ({ code, id }) => void heard.warnings.push(`${code} ${id ?? ''}`.trim()));
  return heard;
}

const queries = (): Record<string, string[]>[] =>
  server.requests(`GET ${EVENTS}`).map(({ url }) => {
    const query = new URL(url, 'http://server').searchParams;
    return Object.fromEntries([...new Set(query.keys())].map((name) => [name, query.getAll(name)]));
  });
const authorizations = (): (string | undefined)[] =>
  server.seen.map(
    ({ rawHeaders }) => rawHeaders[rawHeaders.findIndex((name) => /^authorization$/i.test(name)) + 1 || -1],
  );

test('a stream that ends before anything has come is none: it was never live, and is asked for again', async () => {
  const nothing = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': 0 }).end();
  };
  answers(
    (response) => {
      begin(response);
      response.end();
    },
    nothing,
    (response) => begin(response, event('e-2')),
  );
  const heard = follow();
  await until(() => heard.items.length === 1, 'the event', 20_000);
  expect(heard.states).toEqual(['live', 'retrying: ended', 'live']);
});

test('it asks for what it is to be told, and resumes after the last id', async () => {
  answers(
    (response) => {
      begin(response, event('e-2'));
      response.end();
    },
    (response) => begin(response, event('e-3')),
  );
  const heard = follow({ match: ['/a', '/b/:c'], tags: ['t:1'], clientId: 'me', lastEventId: 'e-1' });
  await until(() => heard.items.length === 2);
  const asked = { match: ['/a', '/b/:c'], tag: ['t:1'], client: ['me'] };
  expect(queries()).toEqual([
    { ...asked, lastEventId: ['e-1'] },
    { ...asked, lastEventId: ['e-2'] },
  ]);
  expect(heard.items.map(({ id }) => id)).toEqual(['e-2', 'e-3']);
  expect(heard.states).toEqual(['live', 'retrying: ended', 'live']);
  expect(live.lastEventId).toBe('e-3');
});

test('it is not live while nobody has answered, nor before it can resume', async () => {
  let response: ServerResponse | undefined;
  answers((given) => {
    response = given;
  });
  follow();
  await server.until((seen) => seen.length === 1);
  expect(live.state).toBe('connecting');
  begin(response as ServerResponse, '');
  await new Promise((resolve) => setImmediate(resolve));
  expect(live.state).toBe('connecting');
  response?.write('id: e-1\n\n');
  await until(() => live.state === 'live');
});

test('an event that cannot be read is a warning with its id and a resync, and the stream goes on', async () => {
  const broken = ['{"paths":', '{"paths":["/a"]}', '{"paths":["/a"],"tags":[],"cause":null}', '7'];
  answers((response) => {
    begin(response);
    for (const [i, data] of broken.entries()) response.write(`id: e-${i + 2}\nevent: x\ndata: ${data}\n\n`);
    response.write(event('e-9'));
  });
  const heard = follow();
  await until(() => heard.items.length === 5);
  expect(heard.warnings).toEqual(['unreadable e-2', 'unreadable e-3', 'unreadable e-4', 'unreadable e-5']);
  expect(heard.items[0]).toEqual({ type: 'resync', id: 'e-2', paths: ['/**'], tags: ['*'], reason: 'unreadable' });
  expect(heard.items[4]).toMatchObject({ id: 'e-9', type: 'invalidate', paths: ['/a'] });
  expect(heard.states).toEqual(['live']);
});

test('the gateway says that it no longer has what was missed', async () => {
  answers((response) => {
    begin(response, 'id: e-9\nevent: resync\ndata: {}\n\n');
    response.write('id: e-10\nevent: resync\ndata: {"refetchWithinMs":2000}\n\n');
  });
  const heard = follow({ lastEventId: 'd-1' });
  await until(() => heard.items.length === 2);
  const resync = { type: 'resync', paths: ['/**'], tags: ['*'], reason: 'gap' };
  expect(heard.items).toEqual([
    { ...resync, id: 'e-9' },
    { ...resync, id: 'e-10', refetchWithinMs: 2_000 },
  ]);
});

test('a token is in the header only; after a refusal a new one is asked for, once', async () => {
  const asked: string[] = [];
  const auth: ConnectOptions['auth'] = (why) => `token-${asked.push(why)}`;
  answers((response) =>
    response
      .writeHead(401, { 'content-type': 'application/problem+json' })
      .end('{"title":"Unauthorized","detail":"expired"}'),
  );
  const heard = follow({ auth });
  await until(() => live.state === 'stopped');
  expect(asked).toEqual(['connect', 'refused']);
  expect(authorizations()).toEqual(['Bearer token-1', 'Bearer token-2']);
  expect(server.seen.every(({ url }) => !url.includes('token'))).toBe(true);
  expect(heard.states).toEqual(['stopped: refused']);
  await expect(live[Symbol.asyncIterator]().next()).rejects.toThrow('401 expired');
});

test('a token that expires in mid-life is replaced, and nothing is missed', async () => {
  let token = 'old';
  answers(
    (response) => {
      begin(response);
      response.end();
    },
    (response) => response.writeHead(401).end(),
    (response) => begin(response, event('e-2')),
  );
  const heard = follow({
    auth: async (why) => {
      if (why === 'refused') token = 'new';
      return token;
    },
  });
  await until(() => heard.items.length === 1);
  expect(authorizations()).toEqual(['Bearer old', 'Bearer old', 'Bearer new']);
  expect(queries().at(-1)).toEqual({ lastEventId: ['e-1'] });
  expect(heard.states).toEqual(['live', 'retrying: ended', 'live']);
});

test('auth() that fails is a warning, and is tried again', async () => {
  answers((response) => begin(response));
  let asked = 0;
  const heard = follow({
    auth: () => {
      asked += 1;
      if (asked === 1) throw new Error('no token today');
      return 'token';
    },
  });
  await until(() => live.state === 'live');
  expect(heard.warnings).toEqual(['auth']);
  expect(heard.states).toEqual(['retrying: auth', 'live']);
});

test.each<[number, string, string]>([
  [400, 'stopped: rejected', 'a wrong filter'],
  [401, 'stopped: rejected', 'a refusal without auth'],
  [403, 'stopped: rejected', 'no right, without auth'],
  [405, 'stopped: rejected', 'no event path'],
  [204, 'stopped: rejected', 'a server that wants no more'],
  [404, 'retrying: unavailable', 'a gateway that is being deployed'],
  [429, 'retrying: unavailable', 'too many'],
  [503, 'retrying: unavailable', 'a gateway that is full'],
])('%i: %s (%s)', async (status, state) => {
  answers((response) => response.writeHead(status).end());
  const heard = follow();
  await until(() => heard.states.length > 0);
  expect(heard.states).toEqual([state]);
});

test('a page in the place of the stream is no stream', async () => {
  answers(
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
    (response) => begin(response),
  );
  const heard = follow();
  await until(() => live.state === 'live');
  expect(heard.states).toEqual(['retrying: unavailable', 'live']);
});

test('closing ends the request, and nothing is told after it', async () => {
  let response: ServerResponse | undefined;
  answers((given) => {
    response = given;
    begin(given);
  });
  const heard = follow();
  await until(() => live.state === 'live');
  live.close();
  await until(() => response?.destroyed === true);
  expect(heard.states).toEqual(['live', 'stopped: closed']);
  expect(heard.items).toEqual([]);
});
