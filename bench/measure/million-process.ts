import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/* A separate process with a large heap: stores the given number of responses with five tags each, made by the gateway's
 * own code from what an origin sends, and prints what they take. */

const [directory = '', count = '1000000'] = process.argv.slice(2);
const load = async <T>(path: string): Promise<T> =>
  (await import(pathToFileURL(join(directory, 'dist', path)).href)) as T;

interface Store {
  put(response: unknown): string | undefined;
  readonly size: number;
  readonly bytes: number;
}
interface Found {
  readonly route: object;
  readonly params: object;
}
const { MemoryStore } = await load<{ MemoryStore: new (options: object, fence: object) => Store }>('store/memory.js');
const { Fence } = await load<{ Fence: new () => object }>('coherence/fence.js');
const { Fields } = await load<{ Fields: new (lines: string[]) => object }>('http/fields.js');
const { parseConfig } = await load<{
  parseConfig(text: string, options: object): { readonly config: { readonly origins: object } };
}>('config/load.js');
const { compileRoutes } = await load<{
  compileRoutes(config: object, origins: Map<string, object>): { find(resource: string): Found };
}>('exchange/routes.js');
const { judge } = await load<{ judge(context: object, status: number, headers: object): object }>(
  'exchange/read/judge.js',
);
const { storedResponse } = await load<{ storedResponse(context: object, answer: object): object }>(
  'exchange/read/stored-form.js',
);
const { parseTarget } = await load<{ parseTarget(text: string): { readonly resource: string } }>('route/path.js');

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

function held(): number {
  collect?.();
  const { heapUsed, external } = process.memoryUsage();
  // `external` includes array buffers.
  return heapUsed + external;
}

const configuration = `
origin: { url: "http://api.example" }
routes:
  - match: /things/:id
    cache: { ttl: 1h }
    tags: ["thing:{id}", "group:{response.group}", "kind:{response.kind}"]
`;
const { config } = parseConfig(configuration, { file: 'gateway.yaml', env: {} });
const routes = compileRoutes(config, new Map(Object.keys(config.origins).map((name) => [name, {}])));
const store = new MemoryStore({ maxBytes: 2 ** 40, maxEntryBytes: 2 ** 20, maxVariants: 8 }, new Fence());
const wanted = Number(count);
const bodyBytes = 256;

/** A response in the form in which a fill stores it, from texts that are cut from longer ones, as parsers cut them. */
function stored(i: number): object {
  const at = Date.now();
  const target = parseTarget(`/things/${i}`);
  const headers = new Fields(['Host', 'api.example']);
  const request = { method: 'GET', scheme: 'http', host: 'api.example', trusted: false, target, headers };
  const context = { read: { request, ...routes.find(target.resource) }, asOf: 1, requestedAt: at, respondedAt: at };
  // Two of the three tags of its route are shared with other responses.
  const bare = JSON.stringify({ id: i, group: i % 1_000, kind: i % 50, text: '' });
  const body = Buffer.from(bare.replace('""', `"${'x'.repeat(bodyBytes - bare.length)}"`));
  const cache = ['Cache-Control', 'public, max-age=3600', 'ETag', `"thing-${i}"`, 'Date', new Date(at).toUTCString()];
  const length = ['Content-Type', 'application/json', 'Content-Length', String(body.length)];
  const fields = new Fields([...length, ...cache]);
  return storedResponse(context, { status: 200, headers: fields, body, storability: judge(context, 200, fields) });
}

for (let i = 0; i < 2_000; i++) stored(i);
const before = held();
const startedAt = process.hrtime.bigint();
for (let i = 0; i < wanted; i++) {
  const refused = store.put(stored(i));
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
