import { type Case, differenceOf, ratioOf } from '../bench.ts';
import { runLoadCase } from './load-case.ts';

/** More than any run requests, so that no path is requested twice. */
const pathsPerRun = 10_000_000;

interface Misses {
  readonly name: string;
  readonly title: string;
  readonly template: string;
  readonly connections: number;
}

const misses = ({ name, title, template, connections }: Misses): Case => ({
  name,
  title,
  run(bench) {
    const contenders = [bench.origin, ...bench.gateways, ...bench.peers].map((server) => ({
      name: server.name,
      server,
      load: { method: 'GET', headers: {}, body: undefined, connections } as const,
      paths: () => ({ template, first: bench.freshNumbers(pathsPerRun), count: pathsPerRun }),
      status: 200 as const,
      originRequests: { min: 1, max: 1 },
    }));
    const others = contenders.map(({ name }) => name).filter((name) => name !== 'direct' && name !== 'gateway');
    return runLoadCase(bench, contenders, [
      ...bench.gateways.flatMap(({ name }) => [ratioOf(name, 'direct'), differenceOf(name, 'direct')]),
      ...others.map((name) => ratioOf('gateway', name)),
    ]);
  },
});

/** One connection: the difference of the p50s is the overhead of forwarding and storing. */
export const missAlone = misses({
  name: 'miss',
  title: 'miss, 1 KiB, one connection',
  template: '/things/{n}',
  connections: 1,
});
export const missLoaded = misses({
  name: 'miss-load',
  title: 'miss, 1 KiB, 32 connections',
  template: '/things/{n}',
  connections: 32,
});
export const missLarge = misses({
  name: 'miss-64k',
  title: 'miss, 64 KiB, 32 connections',
  template: '/large/{n}',
  connections: 32,
});
