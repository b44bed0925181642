import { type Case, ratioOf } from '../bench.ts';
import { childrenPerParent } from '../servers/representations.ts';
import { store } from './hit.ts';
import { type Contender, runLoadCase } from './load-case.ts';

const parents = 1000;
/** One request of twenty. */
const every = 20;

/**
 * Reads of parents at random, and writes of children at random. Each write makes one parent stale. Peers have no rules:
 * they proxy the writes, go on serving what these made stale, and so have hits only. That is what being right costs.
 */
export const mixed: Case = {
  name: 'mixed',
  title: '95 % reads of 1,000 parents, 5 % writes of their children, 1 KiB, 32 connections',
  async run(bench) {
    const caches = [...bench.gateways, ...bench.peers];
    for (const cache of caches) await store(bench, cache, { template: '/parents/{n}', keys: parents });
    const children = { template: '/children/{n}', first: childrenPerParent, count: parents * childrenPerParent };
    const contenders = caches.map(
      (server): Contender => ({
        name: server.name,
        server,
        load: {
          method: 'GET',
          headers: {},
          body: undefined,
          writes: { every, paths: { ...children, order: 'random' } },
          connections: 32,
        },
        paths: () => ({ template: '/parents/{n}', first: 1, count: parents, order: 'random' }),
        status: 200,
        // The writes, and at most one read after each. The counts of a short run are not exact multiples.
        originRequests: { min: 0.9 / every, max: bench.peers.includes(server) ? 1.1 / every : 2.2 / every },
      }),
    );
    const comparisons = caches.slice(1).map(({ name }) => ratioOf('gateway', name));
    return runLoadCase(bench, contenders, comparisons);
  },
};
