import { type Case, ratioOf } from '../bench.ts';
import { runLoadCase } from './load-case.ts';

/** What no cache stores: `cache: off` here, and the same in each peer. */
export const passThrough: Case = {
  name: 'pass-through',
  title: 'pass-through (`cache: off`), 1 KiB, 32 connections',
  run(bench) {
    const contenders = [bench.origin, ...bench.gateways, ...bench.peers].map((server) => ({
      name: server.name,
      server,
      load: { method: 'GET', headers: {}, body: undefined, connections: 32 } as const,
      paths: () => ({ prefix: '/live/', first: 1, count: 1 }),
      status: 200 as const,
      originRequests: { min: 1, max: 1 },
    }));
    return runLoadCase(
      bench,
      contenders,
      contenders.filter(({ name }) => name !== 'gateway').map(({ name }) => ratioOf('gateway', name)),
    );
  },
};
