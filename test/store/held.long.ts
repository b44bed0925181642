import { expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import type { ClientRequest, Origin } from '../../src/exchange/ports.ts';
import { judge } from '../../src/exchange/read/judge.ts';
import { storedResponse } from '../../src/exchange/read/stored-form.ts';
import { compileRoutes } from '../../src/exchange/routes.ts';
import { Fields } from '../../src/http/fields.ts';
import { parseTarget } from '../../src/route/path.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { configOf } from '../config/parse.ts';
import { collectGarbage } from '../support/garbage.ts';

/* What responses are charged for, compared with what they hold, in the form in which a fill stores them. */

function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const AT = Date.UTC(2026, 0, 1);

interface Shape {
  readonly bodyBytes: number;
  /** Of the route. */
  readonly tags: readonly string[];
  /** Fields besides the usual ones. */
  readonly fields: (i: number) => string[];
  readonly target: (i: number) => string;
}

const plain: Shape = { bodyBytes: 256, tags: [], fields: () => [], target: (i) => `/things/${i}` };
const threeTags = ['thing:{id}', 'group:{response.group}', 'kind:{response.kind}'];

function fillerFor({ bodyBytes, tags, fields, target: targetOf }: Shape) {
  const config = configOf(`
origin: { url: "http://api.example" }
routes:
  - match: /things/:id
    cache: { ttl: 1h }
    tags: ${JSON.stringify(tags)}
`);
  const origins = new Map(Object.keys(config.origins).map((name) => [name, {} as Origin]));
  const routes = compileRoutes(config, origins);
  return (i: number) => {
    const target = parseTarget(targetOf(i));
    const headers = new Fields(['Host', 'api.example', 'Accept-Language', 'de']);
    const request = { method: 'GET', scheme: 'http', host: 'api.example', trusted: false, target, headers } as const;
    const asked = request as unknown as ClientRequest;
    const found = routes.find(target.resource);
    const read = { request: asked, ...found, key: '', arrived: 0, credentials: false, cursor: undefined };
    const context = { read, asOf: 0, requestedAt: AT, respondedAt: AT };
    const bare = JSON.stringify({ id: i, group: i % 1_000, kind: i % 50, text: '' });
    const body = Buffer.from(bare.replace('""', `"${'x'.repeat(bodyBytes - bare.length)}"`));
    const own = ['ETag', `"thing-${i}"`, 'Date', new Date(AT + 100 * i).toUTCString(), ...fields(i)];
    const usual = ['Content-Type', 'application/json', 'Content-Length', String(body.length)];
    const lines = new Fields([...usual, 'Cache-Control', 'public, max-age=3600', ...own]);
    const storability = judge(context, 200, lines);
    if (!storability.store) throw new Error(storability.detail);
    const response = storedResponse(context, { status: 200, headers: lines, body, storability });
    if ('unstorable' in response) throw new Error(response.unstorable);
    return response;
  };
}

/** As many as fill the maps of the indexes little, so that each of them costs much. */
const COUNT = 10_000;

test.each<[string, Shape, number]>([
  ['small responses', plain, 1_000],
  ['small responses with five tags', { ...plain, tags: threeTags }, 1_200],
  ['responses of 1 KiB', { ...plain, bodyBytes: 1_024 }, 1_800],
  ['responses of 4 KiB', { ...plain, bodyBytes: 4_096 }, 5_100],
  ['responses to queries', { ...plain, target: (i) => `/things/${i}?page=${i % 7}&of=${i}` }, 1_200],
  ['responses to queries of one path', { ...plain, target: (i) => `/things/1?page=${i % 7}&of=${i}` }, 1_300],
  ['responses to long queries', { ...plain, target: (i) => `/things/1?${'q'.repeat(1_000)}=${i}` }, 4_500],
  [
    'responses with many fields',
    {
      ...plain,
      fields: (i) => [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [`X-Field-${n}`, `the ${n}th value of ${i}`]),
    },
    2_000,
  ],
  [
    'responses with names of fields that no other has',
    { ...plain, fields: (i) => [1, 2, 3, 4, 5, 6].flatMap((n) => [`X-Invented-For-The-Response-${i}-${n}`, 'a']) },
    2_200,
  ],
  ['variants', { ...plain, fields: () => ['Vary', 'Accept-Language', 'Content-Language', 'de'] }, 1_400],
])('%s are charged for what they hold', (_what, shape, most) => {
  const fill = fillerFor(shape);
  const store = new MemoryStore({ maxBytes: 2 ** 40, maxEntryBytes: 2 ** 20, maxVariants: 8 }, new Fence());
  for (let i = 0; i < 1_000; i++) fill(COUNT + i);
  const before = heldBytes();
  for (let i = 0; i < COUNT; i++) store.put(fill(i));
  const held = (heldBytes() - before) / COUNT;
  const charged = store.bytes / COUNT;
  expect(store.size).toBe(COUNT);
  expect(held).toBeLessThan(most);
  expect(charged).toBeGreaterThan(0.9 * held);
  expect(charged).toBeLessThan(1.6 * held);
});
