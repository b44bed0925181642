import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Fence } from '../../src/coherence/fence.ts';
import { DEFAULT_ORIGIN } from '../../src/config/origins.ts';
import { AskedFields } from '../../src/exchange/asked-fields.ts';
import type { FastHit, Origin } from '../../src/exchange/ports.ts';
import { Encoder } from '../../src/exchange/read/encoder.ts';
import { FastHits } from '../../src/exchange/read/fast-hits.ts';
import { SearchVariances } from '../../src/exchange/read/search-variances.ts';
import { compileRoutes } from '../../src/exchange/routes.ts';
import { Fields } from '../../src/http/fields.ts';
import { SocketFront, type SocketFrontOptions } from '../../src/server/socket-front.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Encoded, StoredResponse } from '../../src/store/stored-response.ts';
import { configOf } from '../config/parse.ts';
import { collectGarbage } from '../support/garbage.ts';
import { stored } from '../support/stored.ts';

/* Which forms stay prepared, and what they hold. */

const lines = ['Date', new Date(0).toUTCString()];

function hitsOn(store: MemoryStore, maxBytes: number, fields: readonly string[] = []) {
  const encoder = new Encoder(store, () => {});
  const ports = { store, clock: systemClock, cursor: () => undefined, variances: new SearchVariances(), encoder };
  const routes = compileRoutes(configOf('origin: { url: "http://a" }'), new Map([[DEFAULT_ORIGIN, {} as Origin]]));
  const hits = new FastHits(ports, routes, maxBytes);
  const headers = new Fields(['Host', 'host', ...fields]);
  const asked = new AskedFields({ scheme: 'http', host: 'host', trusted: false, headers });
  return (path: string) => hits.find(path, asked);
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

/** One takes some 610 bytes. */
const ROOM_FOR_THREE = 2_000;

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

function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test('a 304 and a 200 with the same age each have a text of their own', () => {
  const store = emptyStore();
  const [whole, current] = [hitsOn(store, 1e6), hitsOn(store, 1e6, ['If-None-Match', '"a"'])];
  const front = new SocketFront({ keepAliveMs: 5_000 } as SocketFrontOptions);
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
      front.write(socket, find('/a') as FastHit, true);
      expect([written.split('\r\n')[0], written.split('\r\n\r\n')[1]]).toEqual([begin, end]);
    }
  }
});

test('what is prepared holds no more than it may', () => {
  const [COUNT, MAX_BYTES] = [3_500, 4_000_000];
  const store = emptyStore();
  const find = hitsOn(store, MAX_BYTES);
  const front = new SocketFront({ keepAliveMs: 5_000 } as SocketFrontOptions);
  const socket = { write: (text: string) => Buffer.from(text, 'latin1') } as unknown as Socket;
  for (let i = 0; i < COUNT; i++) {
    const more = Array.from({ length: 10 }, (_, n) => [`X-Field-${n}`, `the ${n}th value of ${i}`]).flat();
    const body = Buffer.alloc(300, 'x');
    store.put(stored(`/${i}`, { clientHeaders: [...lines, ...more], respondedAt: Date.now(), body }));
  }
  const before = heldBytes();
  for (let i = 0; i < COUNT; i++) {
    // A text is kept from the second time on.
    for (let times = 0; times < 2; times++) front.write(socket, find(`/${i}`) as FastHit, true);
  }
  const held = heldBytes() - before;
  expect(held).toBeGreaterThan(0.7 * MAX_BYTES);
  expect(held).toBeLessThan(1.2 * MAX_BYTES);
  expect(find('/0')).toMatchObject({ status: 200 });
});
