import { type Bench, type Case, type Comparison, ratioOf } from '../bench.ts';
import { ask, type Server } from '../servers/server.ts';
import { type Contender, runLoadCase } from './load-case.ts';

/** Enough connections to keep a server busy, but few enough for the generator to keep up. */
const connections = 64;

interface Hits {
  readonly name: string;
  readonly title: string;
  readonly template: string;
  readonly etag?: string;
  /** So many stored responses, asked for at random. */
  readonly keys?: number;
  /** With the gateway's plain hits in the same rounds, to compare with. */
  readonly besidePlain?: boolean;
}

const smallTemplate = '/things/{n}';

const hits = ({ name, title, template, etag, keys = 1, besidePlain = false }: Hits): Case => ({
  name,
  title,
  async run(bench: Bench) {
    const caches = [...bench.gateways, ...bench.peers];
    for (const cache of caches) await store(bench, cache, { template, keys });
    const headers: Record<string, string> = etag === undefined ? {} : { 'If-None-Match': etag };
    const contenders = caches.map((server): Contender => {
      const random = keys > 1 ? ({ order: 'random' } as const) : {};
      const paths = { template, first: 1, count: keys, ...random };
      return { ...plainHit(server), load: { ...plainHit(server).load, headers }, paths: () => paths };
    });
    const status = etag === undefined ? 200 : 304;
    const asked = contenders.map((contender) => ({ ...contender, status }) as const);
    const comparisons: Comparison[] = caches.slice(1).map((cache) => ratioOf('gateway', cache.name));
    const [gateway] = bench.gateways;
    if (!besidePlain || gateway === undefined) return runLoadCase(bench, asked, comparisons);
    await store(bench, gateway, { template: smallTemplate, keys: 1 });
    const plain = { ...plainHit(gateway), name: 'gateway, plain hit' };
    return runLoadCase(bench, [...asked, plain], [...comparisons, ratioOf('gateway', plain.name)]);
  },
});

/** Hits on one stored response of 1 KiB. */
export const plainHit = (server: Server): Contender => ({
  name: server.name,
  server,
  load: { method: 'GET', headers: {}, body: undefined, connections },
  paths: () => ({ template: smallTemplate, first: 1, count: 1 }),
  status: 200,
  originRequests: { min: 0, max: 0 },
});

interface Stored {
  readonly template: string;
  readonly keys: number;
}

/** Stores the responses, and checks that asking for one again is a hit. */
export async function store(bench: Bench, cache: Server, { template, keys }: Stored): Promise<void> {
  if (keys > 1) {
    const paths = { template, first: 1, count: keys };
    const filling = { method: 'GET', headers: {}, body: undefined, connections: 16, amount: keys } as const;
    const { requests, errors } = await bench.generator.load({ ...filling, url: cache.url, paths });
    if (requests !== keys || errors > 0) throw new Error(`${cache.name} stored ${requests} of ${keys}`);
  }
  const path = template.replace('{n}', '1');
  await ask(cache.url + path);
  const { headers } = await ask(cache.url + path);
  if (!isHit(headers)) throw new Error(`${cache.name} does not store ${path}: its second answer does not say hit`);
}

/** What caches say in `Cache-Status` (RFC 9211) or `X-Cache`; else an `Age`, which only a cache adds. */
export function isHit(headers: NodeJS.Dict<string | string[]>): boolean {
  const status = `${headers['cache-status'] ?? ''}${headers['x-cache'] ?? ''}`;
  return status === '' ? headers.age !== undefined : /\bhit\b/i.test(status);
}

export const hitSmall = hits({ name: 'hit', title: 'hit, 1 KiB', template: smallTemplate });
export const hitLarge = hits({ name: 'hit-64k', title: 'hit, 64 KiB', template: '/large/{n}' });
export const hitKeys = hits({
  name: 'hit-keys',
  title: 'hit, 1 KiB, 10,000 keys at random',
  template: '/things/k{n}',
  keys: 10_000,
  besidePlain: true,
});
export const notModified = hits({
  name: '304',
  title: '304 to If-None-Match, 1 KiB stored',
  template: smallTemplate,
  etag: '"small-1"',
  besidePlain: true,
});
