import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/* A separate process with a large heap: stores the given number of responses with five tags each, and prints what they
 * take. */

const [directory = '', count = '1000000'] = process.argv.slice(2);
const load = async <T>(path: string): Promise<T> =>
  (await import(pathToFileURL(join(directory, 'dist', path)).href)) as T;

interface Store {
  put(response: unknown): string | undefined;
  readonly size: number;
  readonly bytes: number;
}
const { MemoryStore } = await load<{ MemoryStore: new (options: object, fence: object) => Store }>('store/memory.js');
const { Fence } = await load<{ Fence: new () => object }>('coherence/fence.js');
const { Fields } = await load<{ Fields: new (lines: string[]) => object }>('http/fields.js');
const { ownText, sharedText } = await load<{ ownText(text: string): string; sharedText(text: string): string }>(
  'http/own-memory.js',
);
const { parseCacheControl } = await load<{ parseCacheControl(text: string): object }>('http/cache-control.js');

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

function held(): number {
  collect?.();
  const { heapUsed, external } = process.memoryUsage();
  // `external` includes array buffers.
  return heapUsed + external;
}

const store = new MemoryStore({ maxBytes: 2 ** 40, maxEntryBytes: 2 ** 20, maxVariants: 8 }, new Fence());
const wanted = Number(count);
const none: string[] = [];
const bodyBytes = 256;
const before = held();
const startedAt = process.hrtime.bigint();
for (let i = 0; i < wanted; i++) {
  const path = `/things/${i}`;
  const body = Buffer.alloc(bodyBytes, 120);
  const lines = ['Content-Type', 'application/json', 'ETag', ownText(`"${i}"`), 'Cache-Control', 'max-age=60'];
  const refused = store.put({
    key: ownText(`http://api.example\n${path}\n`),
    path: ownText(path),
    // The tags of its path and query, and three declared by its route, two of which other responses share.
    tags: [`p:${path}`, `q:${path}?`, `t:thing:${i}`, `t:group:${i % 1_000}`, `t:kind:${i % 50}`].map(sharedText),
    asOf: 1,
    since: undefined,
    uses: 0,
    touched: undefined,
    status: 200,
    headers: new Fields(lines),
    body,
    part: undefined,
    codings: undefined,
    encoded: undefined,
    clientHeaders: [...lines],
    vary: none,
    selecting: none,
    directives: parseCacheControl('max-age=60'),
    lifetimeMs: 60_000,
    initialAgeMs: 0,
    respondedAt: 1_700_000_000_000 + i,
    shareable: true,
    etag: lines[3],
    lastModifiedMs: undefined,
    dateMs: undefined,
    language: undefined,
  });
  if (refused !== undefined) throw new Error(`not stored: ${refused}`);
}
const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
const after = held();
if (store.size !== wanted) throw new Error(`only ${store.size} of ${wanted} responses are stored`);
console.log(
  JSON.stringify({
    heldBytes: (after - before) / wanted,
    chargedBytes: store.bytes / wanted,
    residentBytes: process.memoryUsage.rss() / wanted,
    storedPerSecond: wanted / seconds,
  }),
);
