import { type Bench, type Case, ratioOf } from '../bench.ts';
import { ask, type Server } from '../servers/server.ts';
import { type Contender, runLoadCase } from './load-case.ts';

/** Enough connections to keep a server busy, but few enough for the generator to keep up. */
const connections = 64;

const hits = (name: string, title: string, prefix: string, etag?: string): Case => ({
  name,
  title,
  async run(bench: Bench) {
    const caches = [...bench.gateways, ...(bench.nginx === undefined ? [] : [bench.nginx])];
    for (const cache of caches) await store(cache, `${prefix}1`);
    const contenders = caches.map((server): Contender => {
      const headers: Record<string, string> = etag === undefined ? {} : { 'If-None-Match': etag };
      return {
        name: server.name,
        server,
        load: { method: 'GET', headers, body: undefined, connections },
        paths: () => ({ prefix, first: 1, count: 1 }),
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

/** Stores a response, and checks that the second answer is a hit. */
async function store(cache: Server, path: string): Promise<void> {
  await ask(cache.url + path);
  const { headers } = await ask(cache.url + path);
  const status = `${headers['cache-status'] ?? ''}${headers['x-cache'] ?? ''}`;
  if (!/\bhit\b/i.test(status)) throw new Error(`${cache.name} does not store ${path}: ${status || 'no cache status'}`);
}

export const hitSmall = hits('hit', 'hit, 1 KiB', '/things/');
export const hitLarge = hits('hit-64k', 'hit, 64 KiB', '/large/');
export const notModified = hits('304', '304 to If-None-Match, 1 KiB stored', '/things/', '"small-1"');
