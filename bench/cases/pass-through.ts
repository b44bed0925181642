import { type Case, ratioOf } from '../bench.ts';
import { runLoadCase } from './load-case.ts';

/** What no cache stores: `cache: off` here, and the same in each peer. */
const forwarding = (name: string, size: string, template: string): Case => ({
  name,
  title: `pass-through (\`cache: off\`), ${size}, 32 connections`,
  run(bench) {
    const contenders = [bench.origin, ...bench.gateways, ...bench.peers].map((server) => ({
      name: server.name,
      server,
      load: { method: 'GET', headers: {}, body: undefined, connections: 32 } as const,
      paths: () => ({ template, first: 1, count: 1 }),
      status: 200 as const,
      originRequests: { min: 1, max: 1 },
    }));
    return runLoadCase(
      bench,
      contenders,
      contenders.filter(({ name }) => name !== 'gateway').map(({ name }) => ratioOf('gateway', name)),
    );
  },
});

export const passThrough = forwarding('pass-through', '1 KiB', '/live/{n}');
export const passThroughLarge = forwarding('pass-through-64k', '64 KiB', '/live/large-{n}');
