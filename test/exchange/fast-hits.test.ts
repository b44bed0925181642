import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Fence } from '../../src/coherence/fence.ts';
import { pathTag } from '../../src/coherence/tag.ts';
import { DEFAULT_ORIGIN } from '../../src/config/origins.ts';
import { AskedFields } from '../../src/exchange/asked-fields.ts';
import type { ClientRequest, FastHit, Origin } from '../../src/exchange/ports.ts';
import { Encoder } from '../../src/exchange/read/encoder.ts';
import { FastHits } from '../../src/exchange/read/fast-hits.ts';
import { SearchVariances, varianceOf } from '../../src/exchange/read/search-variances.ts';
import { compileRoutes } from '../../src/exchange/routes.ts';
import { Fields } from '../../src/http/fields.ts';
import { writeHit } from '../../src/server/hit-write.ts';
import { strictFields, strictHead } from '../../src/server/strict-head.ts';
import { FencedStore } from '../../src/store/fenced.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import type { Encoded, StoredResponse } from '../../src/store/stored-response.ts';
import { configOf } from '../config/parse.ts';
import { collectGarbage } from '../support/garbage.ts';
import { type PartsOfStored, stored } from '../support/stored.ts';

const KEPT = 'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n';

/* Which forms stay prepared, and what they hold. */

const lines = ['Date', new Date(0).toUTCString()];

function portsOf(store: Store) {
  const encoder = new Encoder(store, () => {});
  return { store, clock: systemClock, cursor: () => undefined, variances: new SearchVariances(), encoder };
}

const askedOf = (host: string, fields: readonly string[]): AskedFields =>
  new AskedFields({
    scheme: 'http',
    host,
    trusted: false,
    headers: new Fields(['Host', host, ...fields]),
    client: { address: '', isProxy: false },
  });

function hitsOn(store: MemoryStore, maxBytes: number, fields: readonly string[] = [], ports = portsOf(store)) {
  const routes = compileRoutes(configOf('origin: { url: "http://a" }'), new Map([[DEFAULT_ORIGIN, {} as Origin]]));
  const hits = new FastHits(ports, routes, maxBytes);
  const asked = askedOf('host', fields);
  return (path: string, by = asked) => hits.find(path, by);
}

const emptyStore = (): MemoryStore =>
  new MemoryStore({ maxBytes: 1e9, maxEntryBytes: 1e6, maxVariants: 8 }, new Fence());

function hitsWith(maxBytes: number, coding?: 'gzip') {
  const store = emptyStore();
  const find = hitsOn(store, maxBytes, coding && ['Accept-Encoding', coding]);
  const all = [...'abcd'].map((name) => {
    const encoded = coding && { [coding]: { content: '{}', etag: undefined, clientHeaders: lines } };
    const parts = { encoded, codings: coding && [coding], clientHeaders: lines, respondedAt: Date.now() };
    return { name, response: stored(`/${name}`, { ...parts, body: Buffer.from('{}') }) };
  });
  for (const { response } of all) store.put(response);
  return {
    ask(names: string): void {
      for (const name of names) expect(find(`/${name}`)).toMatchObject({ status: 200, content: '{}' });
    },
    prepared: (formOf: (response: StoredResponse) => { prepared?: unknown }): string =>
      all.flatMap(({ name, response }) => (formOf(response).prepared === undefined ? [] : [name])).join(''),
  };
}

/** One takes some 700 bytes. */
const ROOM_FOR_THREE = 2_300;

test('what was asked for once makes room before what was asked for again', () => {
  const { ask, prepared } = hitsWith(ROOM_FOR_THREE);
  ask('abca');
  expect(prepared((response) => response)).toBe('abc');
  ask('d');
  expect(prepared((response) => response)).toBe('acd');
});

test('the same of codings', () => {
  const { ask, prepared } = hitsWith(2 * ROOM_FOR_THREE, 'gzip');
  const coded = ({ encoded }: StoredResponse) => encoded?.gzip as Exclude<Encoded, string>;
  ask('abca');
  expect(prepared(coded)).toBe('abc');
  ask('d');
  expect(prepared(coded)).toBe('acd');
  expect(prepared((response) => response)).toBe('acd');
});

async function heldBytes(): Promise<number> {
  // What a WeakRef was made of is held until the end of the job.
  await setImmediate();
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test('a 304 and a 200 with the same age each have a text of their own', () => {
  const store = emptyStore();
  const [whole, current] = [hitsOn(store, 1e6), hitsOn(store, 1e6, ['If-None-Match', '"a"'])];
  let written = '';
  const socket = { write: (text: string) => (written = text) } as unknown as Socket;
  const etag = '"a"';
  store.put(
    stored('/a', { clientHeaders: [...lines, 'ETag', etag], etag, respondedAt: Date.now(), body: Buffer.from('{}') }),
  );
  for (let times = 0; times < 3; times++) {
    for (const [find, begin, end] of [
      [whole, 'HTTP/1.1 200 OK', '{}'],
      [current, 'HTTP/1.1 304 Not Modified', ''],
    ] as const) {
      writeHit(socket, find('/a') as FastHit, true, KEPT);
      expect([written.split('\r\n')[0], written.split('\r\n\r\n')[1]]).toEqual([begin, end]);
    }
  }
});

test('what is prepared holds no more than it may', async () => {
  const [COUNT, MAX_BYTES] = [3_500, 4_000_000];
  const store = emptyStore();
  const find = hitsOn(store, MAX_BYTES);
  const socket = { write: (text: string) => Buffer.from(text, 'latin1') } as unknown as Socket;
  for (let i = 0; i < COUNT; i++) {
    const more = Array.from({ length: 10 }, (_, n) => [`X-Field-${n}`, `the ${n}th value of ${i}`]).flat();
    const body = Buffer.alloc(300, 'x');
    store.put(stored(`/${i}`, { clientHeaders: [...lines, ...more], respondedAt: Date.now(), body }));
  }
  const before = await heldBytes();
  for (let i = 0; i < COUNT; i++) {
    // A text is kept from the second time on.
    for (let times = 0; times < 2; times++) writeHit(socket, find(`/${i}`) as FastHit, true, KEPT);
  }
  const held = (await heldBytes()) - before;
  expect(held).toBeGreaterThan(0.7 * MAX_BYTES);
  expect(held).toBeLessThan(1.2 * MAX_BYTES);
  expect(find('/0')).toMatchObject({ status: 200 });
});

/* What has been answered twice is found by its target alone, as long as a look-up would find the same. */

function knownAt(target = '/a') {
  const memory = new MemoryStore({ maxBytes: 20_000, maxEntryBytes: 10_000, maxVariants: 8 }, new Fence());
  let isServing = true;
  let lookUps = 0;
  const store = new FencedStore(memory, () => isServing);
  const select = store.select.bind(store);
  store.select = (key, request) => {
    lookUps += 1;
    return select(key, request);
  };
  const ports = portsOf(store);
  const find = hitsOn(memory, 1e6, [], ports);
  const of = (text: string, parts: PartsOfStored = {}): StoredResponse =>
    stored(target, { clientHeaders: lines, respondedAt: Date.now(), body: Buffer.from(text), ...parts });
  const first = of('first');
  memory.put(first);
  for (let times = 0; times < 3; times++) expect(find(target)).toMatchObject({ content: 'first' });
  // The first prepared it, the second made it known.
  expect(lookUps).toBe(2);
  return {
    ...{ memory, ports, find, first, of },
    stopServing: () => (isServing = false),
    asked: (by?: AskedFields) => find(target, by)?.content,
  };
}

type Known = ReturnType<typeof knownAt>;

const NOTHING = { tags: new Set<string>(), patterns: [], tagPatterns: [] };
const germanOnly = { vary: ['accept-language'], selecting: ['de'] };
const plain = { vary: ['accept-language'], selecting: [''] };
const same = { scheme: 'http', host: 'host', target: { path: '/a' } } as ClientRequest;
const varies = varianceOf(new Fields(['No-Vary-Search', 'params']));

function crowdOut(memory: MemoryStore, of: Known['of']): void {
  for (let i = 0; i < 40; i++) memory.put(of('x'.repeat(1_000), { key: `other ${i}` }));
}

function putAgain(memory: MemoryStore, response: StoredResponse): void {
  memory.remove(response);
  memory.put(response);
}

test.each<[string, (known: Known) => void, content: string | undefined]>([
  ['goes on to be found', () => {}, 'first'],
  ['is not found once it is removed', ({ memory, first }) => memory.remove(first), undefined],
  [
    'is not found once it is invalidated',
    ({ memory }) => memory.invalidate({ ...NOTHING, tags: new Set([pathTag('/a')]) }),
    undefined,
  ],
  ['is not found once others have taken its room', ({ memory, of }) => crowdOut(memory, of), undefined],
  ['is not found while the node may not serve', ({ stopServing }) => stopServing(), undefined],
  ['makes way for a newer one', ({ memory, of }) => memory.put(of('newer')), 'newer'],
  ['is found again once it is stored again', ({ memory, first }) => putAgain(memory, first), 'first'],
  ['is chosen from once there is a variant', ({ memory, of }) => memory.put(of('de', germanOnly)), 'first'],
  ['makes way for a variant that the fields select', ({ memory, of }) => memory.put(of('en', plain)), 'en'],
  ['has another key with No-Vary-Search', ({ ports }) => ports.variances.learn(same, varies), undefined],
])('what is known by its target %s', (_, change, content) => {
  const known = knownAt();
  change(known);
  for (let times = 0; times < 3; times++) expect(known.asked()).toBe(content);
});

test('what one field selects is not known by its target', () => {
  const store = emptyStore();
  const find = hitsOn(store, 1e6);
  const [german, english] = ['de', 'en'].map((language) => askedOf('host', ['Accept-Language', language]));
  store.put(stored('/a', { ...germanOnly, clientHeaders: lines, respondedAt: Date.now() }));
  for (let times = 0; times < 3; times++)
    expect([find('/a', german)?.status, find('/a', english)]).toEqual([200, undefined]);
});

test('what is known by its target at one host is not found at another', () => {
  const known = knownAt();
  const elsewhere = askedOf('elsewhere', []);
  expect(known.asked(elsewhere)).toBeUndefined();
  known.memory.put(known.of('elsewhere', { key: 'http://elsewhere\n/a\n' }));
  for (let times = 0; times < 3; times++) {
    expect([known.asked(), known.asked(elsewhere)]).toEqual(['first', 'elsewhere']);
  }
});

test('what is known by its target is not held once it is no longer stored', async () => {
  const store = emptyStore();
  const find = hitsOn(store, 1e7);
  const before = await heldBytes();
  for (let i = 0; i < 100; i++) {
    const response = stored(`/${i}`, { clientHeaders: lines, respondedAt: Date.now(), body: Buffer.alloc(1_000) });
    store.put(response.with({ etag: 'x'.repeat(100_000 + i) }));
    for (let times = 0; times < 3; times++) expect(find(`/${i}`)).toMatchObject({ status: 200 });
  }
  store.clear();
  expect((await heldBytes()) - before).toBeLessThan(1_000_000);
  expect(find('/0')).toBeUndefined();
});

test('what is known by its target counts as used', () => {
  const known = knownAt();
  const { uses } = known.first;
  known.asked();
  expect(known.first.uses).toBe(uses + 1);
  // Whatever comes, it is used in between: others make room.
  for (let i = 0; i < 40; i++) {
    known.memory.put(stored(`/${i}`, { clientHeaders: lines, body: Buffer.alloc(1_000) }));
    expect(known.asked()).toBe('first');
  }
  expect(known.memory.size).toBeLessThan(40);
});

/** The fields of a request that came in one piece, at a host whose name is long enough to be cut from it. */
function cutFields(path: string, filler: string): AskedFields {
  const piece = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${LONG_HOST}\r\nX-Filler: ${filler}\r\n\r\n`);
  const { block = '' } = strictHead(piece.toString('latin1')) ?? {};
  const fields = strictFields(block, { address: '', trusted: false, gateway: '' });
  if (fields === undefined) throw new Error('the fields are not strict');
  return fields.asked;
}
const LONG_HOST = 'a-host-with-a-name-of-some-length.test';

test('what is known by its target does not hold the request that made it known', async () => {
  const COUNT = 1_000;
  const store = new MemoryStore({ maxBytes: 1e8, maxEntryBytes: 1e6, maxVariants: 8 }, new Fence());
  const find = hitsOn(store, 1e7);
  for (let i = 0; i < COUNT; i++) {
    const key = `http://${LONG_HOST}\n/${i}\n`;
    store.put(stored(`/${i}`, { key, clientHeaders: lines, respondedAt: Date.now() }));
  }
  const before = await heldBytes();
  for (let i = 0; i < COUNT; i++) {
    const asked = cutFields(`/${i}`, 'x'.repeat(7_000));
    for (let times = 0; times < 2; times++) expect(find(`/${i}`, asked)).toMatchObject({ status: 200 });
  }
  // Of one, some 700 bytes are counted.
  expect(((await heldBytes()) - before) / COUNT).toBeLessThan(1_500);
  expect(find('/0', cutFields('/0', 'x'))).toMatchObject({ status: 200 });
});
