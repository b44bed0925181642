import { describe, expect, test } from 'vitest';
import { type Answer, get } from '../support/request.ts';
import { gate, until } from '../support/scripted-origin.ts';
import {
  ask,
  begin,
  cacheStatus,
  every,
  gateway,
  isHit,
  origin,
  send,
  useScriptedRig,
} from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';

/* `Unstale-Event-Cursor`: a subscription from there misses nothing that happened after the answer was made. */

useScriptedRig();

const anything = (): boolean => true;
const cursorOf = ({ headers }: Answer): string | undefined => headers['unstale-event-cursor'] as string | undefined;

/** What a subscription from there is told, before what is written now. */
async function toldFrom(cursor: string | undefined): Promise<string[]> {
  const client = await sseClient(`${gateway.url}/_unstale/events?lastEventId=${cursor}`);
  await send('PUT', '/last');
  const paths = (): string[] =>
    client.events.map(({ type, data }) =>
      type === 'resync' ? type : (JSON.parse(data) as { paths: string[] }).paths[0],
    ) as string[];
  await until(() => paths().includes('/last'));
  client.close();
  return paths().slice(0, -1);
}

function fresh(headers: Record<string, string> = {}): void {
  every((request, response) => {
    response.writeHead(request.method === 'PUT' ? 204 : 200, {
      'cache-control': 'max-age=60',
      etag: '"1"',
      ...headers,
    });
    response.end(request.method === 'PUT' ? undefined : 'a');
  });
}

describe.each([
  ['on the socket', true],
  ['by the HTTP server', false],
])('a hit %s', (_where, front) => {
  const yaml = `server: { listen: "127.0.0.1:0", front: ${front} }`;

  test('is current up to now, however often it was written before', async () => {
    fresh();
    await begin(yaml);
    await ask('/a');
    const seen = new Set<unknown>();
    for (let i = 0; i < 3; i++) {
      const [hit, again] = [await ask('/a'), await ask('/a')];
      expect([isHit(hit), isHit(again), cursorOf(again)]).toEqual([true, true, cursorOf(hit)]);
      seen.add(cursorOf(hit));
      await send('PUT', '/b');
      expect(await toldFrom(cursorOf(hit))).toEqual(['/b']);
    }
    expect(seen.size).toBe(3);
    expect(await toldFrom(cursorOf(await ask('/a')))).toEqual([]);
  });

  test('that is answered with 304, or without its body, tells it as well', async () => {
    fresh();
    await begin(yaml);
    const { headers } = await ask('/a');
    await send('PUT', '/b');
    const current = await ask('/a', { headers: { 'if-none-match': String(headers.etag) } });
    const head = await ask('/a', { method: 'HEAD' });
    expect([current.status, isHit(current), head.status, isHit(head)]).toEqual([304, true, 200, true]);
    for (const answer of [current, head]) expect(await toldFrom(cursorOf(answer))).not.toContain('/b');
  });
});

describe('what is asked of the API', () => {
  /** The API holds what it is asked with GET, until the gate is opened. */
  async function held(yaml: string, headers: Record<string, string> = {}) {
    const door = gate();
    origin.on(anything, async (request, response) => {
      if (request.method === 'GET') await door.pass();
      response.writeHead(request.method === 'PUT' ? 204 : 200, { 'cache-control': 'max-age=60', ...headers }).end();
    });
    await begin(yaml);
    return door;
  }

  test.each([
    ['a miss', ''],
    ['a read that passes through', 'routes: [{ match: /a, cache: off }]'],
    ['a read with credentials', ''],
  ])('%s: from before it was asked', async (what, yaml) => {
    const door = await held(yaml);
    const headers = what === 'a read with credentials' ? { authorization: 'Bearer x' } : {};
    const answer = ask('/a', { headers });
    await door.arrived();
    await send('PUT', '/b');
    door.release();
    expect(await toldFrom(cursorOf(await answer))).toEqual(['/b']);
  });

  test('one answer for several: from before the first of them', async () => {
    const door = await held('');
    const first = ask('/a');
    await door.arrived();
    await send('PUT', '/b');
    const joined = ask('/a');
    // It has come: what it asks for itself would come behind it.
    const behind = ask('/behind');
    await door.arrived(2);
    door.release();
    await Promise.all([first, behind]);
    expect(cacheStatus(await joined)).toContain('collapsed');
    expect(await toldFrom(cursorOf(await joined))).toEqual(['/b']);
  });

  test('one that is invalidated on its way: the event comes', async () => {
    const door = await held('');
    const answer = ask('/a');
    await door.arrived();
    await send('PUT', '/a');
    door.release();
    expect(await toldFrom(cursorOf(await answer))).toEqual(['/a']);
  });

  test('what the API confirms: from before it was asked', async () => {
    const door = gate();
    origin.on(anything, async (request, response) => {
      const isAgain = request.headers['if-none-match'] !== undefined;
      if (isAgain) await door.pass();
      const status = request.method === 'PUT' ? 204 : isAgain ? 304 : 200;
      response.writeHead(status, { 'cache-control': 'no-cache', etag: '"1"' }).end();
    });
    await begin('defaults: { client: { etag: origin } }');
    await ask('/a');
    const answer = ask('/a');
    await door.arrived();
    await send('PUT', '/b');
    door.release();
    expect(cacheStatus(await answer)).toContain('fwd-status=304');
    expect(await toldFrom(cursorOf(await answer))).toEqual(['/b']);
  });
});

test.each([
  ['while it is asked for again', 'max-age=0, stale-while-revalidate=60', 200],
  ['in place of an error', 'max-age=0', 500],
])('what is served stale, %s, tells none', async (_what, cacheControl, status) => {
  let asked = 0;
  every((_request, response) => {
    asked += 1;
    response.writeHead(asked === 1 ? 200 : status, { 'cache-control': cacheControl, etag: '"1"' }).end();
  });
  await begin('defaults: { cache: { staleIfError: 60s } }');
  expect(cursorOf(await ask('/a'))).toBeDefined();
  const stale = await ask('/a');
  expect([stale.status, cacheStatus(stale)]).toEqual([200, expect.stringMatching(/stale|ttl=0/)]);
  expect(cursorOf(stale)).toBeUndefined();
});

test.each([
  ['the socket', true],
  ['the HTTP server', false],
])('what is stale by its age, which the client takes all the same, tells none (%s)', async (_where, front) => {
  every((_request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=60', age: '70', etag: '"1"' }).end('a');
  });
  await begin(`server: { listen: "127.0.0.1:0", front: ${front} }
defaults: { cache: { requestDirectives: honour } }`);
  const asked = { headers: { 'cache-control': 'max-stale' } };
  await ask('/a', asked);
  const stale = await ask('/a', asked);
  expect([isHit(stale), cursorOf(stale)]).toEqual([true, undefined]);
});

describe("the API's own field of this name", () => {
  const yaml = 'routes: [{ match: /off, cache: off }]\nevents: { cursor: ';
  test.each([true, false])('is not passed on (cursor: %j)', async (isOn) => {
    fresh({ 'unstale-event-cursor': 'x-999' });
    await begin(`${yaml}${isOn} }`);
    const answers = [await ask('/a'), await ask('/a'), await ask('/off'), await send('PUT', '/a')];
    for (const answer of answers) expect(cursorOf(answer)).not.toBe('x-999');
    expect(answers.map((answer) => cursorOf(answer) !== undefined)).toEqual([isOn, isOn, isOn, false]);
  });
});

test.each<[what: string, sent: Record<string, string>, exposed: unknown]>([
  ['that pages of other origins may read', { 'access-control-allow-origin': '*' }, 'Unstale-Event-Cursor'],
  [
    'that exposes other fields',
    { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'X-Total' },
    'X-Total, Unstale-Event-Cursor',
  ],
  [
    'that exposes it already',
    { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'unstale-event-cursor' },
    'unstale-event-cursor',
  ],
  ['that they may not read', {}, undefined],
])('an answer %s', async (_what, sent, exposed) => {
  fresh(sent);
  await begin('routes: [{ match: /off, cache: off }]');
  for (const path of ['/a', '/a', '/off']) {
    expect((await get(gateway.url + path)).headers['access-control-expose-headers']).toBe(exposed);
  }
});

test('a subscription from the answer misses no write, whichever comes first', async () => {
  let version = 1;
  every((request, response) => {
    if (request.method === 'PUT') version += 1;
    response.writeHead(200, { 'cache-control': 'max-age=60' }).end(String(version));
  });
  await begin('');
  for (let i = 0; i < 20; i++) {
    const write = send('PUT', '/a');
    const read = ask('/a');
    const [{ text, ...answer }] = await Promise.all([read, write]);
    const told = await toldFrom(cursorOf({ text, ...answer }));
    // It shows the write, or is told of it.
    expect(text === String(version) || told.includes('/a')).toBe(true);
    expect(origin.seen.length).toBeGreaterThan(0);
  }
});
