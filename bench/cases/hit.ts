import { type Bench, type Case, ratioOf } from '../bench.ts';
import { ask, type Server } from '../servers/server.ts';
import { type Contender, runLoadCase } from './load-case.ts';

/** Enough connections to keep a server busy, but few enough for the generator to keep up. */
const connections = 64;

interface Hits {
  readonly name: string;
  readonly title: string;
  readonly prefix: string;
  readonly etag?: string;
  /** So many stored responses, asked for at random. */
  readonly keys?: number;
}

const hits = ({ name, title, prefix, etag, keys = 1 }: Hits): Case => ({
  name,
  title,
  async run(bench: Bench) {
    const caches = [...bench.gateways, ...bench.peers];
    for (const cache of caches) await store(bench, cache, { prefix, keys });
    const contenders = caches.map((server): Contender => {
      const headers: Record<string, string> = etag === undefined ? {} : { 'If-None-Match': etag };
      return {
        name: server.name,
        server,
        load: { method: 'GET', headers, body: undefined, connections },
        paths: () => ({ prefix, first: 1, count: keys, ...(keys > 1 && { order: 'random' as const }) }),
        status: etag === undefined ? 200 : 304,
        originRequests: { min: 0, max: 0 },
      };
    });
    return runLoadCase(
      bench,
      contenders,
      caches.slice(1).map((peer) => ratioOf('gateway', peer.name)),
    );
  },
});

/** Stores the responses, and checks that asking for one again is a hit. */
async function store(bench: Bench, cache: Server, { prefix, keys }: { prefix: string; keys: number }): Promise<void> {
  if (keys > 1) {
    const paths = { prefix, first: 1, count: keys };
    const filling = { method: 'GET', headers: {}, body: undefined, connections: 16, amount: keys } as const;
    const { requests, errors } = await bench.generator.load({ ...filling, url: cache.url, paths });
    if (requests !== keys || errors > 0) throw new Error(`${cache.name} stored ${requests} of ${keys}`);
  }
  const path = `${prefix}1`;
  await ask(cache.url + path);
  const { headers } = await ask(cache.url + path);
  const status = `${headers['cache-status'] ?? ''}${headers['x-cache'] ?? ''}`;
  if (!/\bhit\b/i.test(status)) throw new Error(`${cache.name} does not store ${path}: ${status || 'no cache status'}`);
}

export const hitSmall = hits({ name: 'hit', title: 'hit, 1 KiB', prefix: '/things/' });
export const hitLarge = hits({ name: 'hit-64k', title: 'hit, 64 KiB', prefix: '/large/' });
export const hitKeys = hits({
  name: 'hit-keys',
  title: 'hit, 1 KiB, 10,000 keys at random',
  prefix: '/things/k',
  keys: 10_000,
});
export const notModified = hits({
  name: '304',
  title: '304 to If-None-Match, 1 KiB stored',
  prefix: '/things/',
  etag: '"small-1"',
});
