import { type Case, differenceOf, ratioOf } from '../bench.ts';
import { runLoadCase } from './load-case.ts';

/** More than any run requests, so that no path is requested twice. */
const pathsPerRun = 10_000_000;

const misses = (name: string, title: string, connections: number): Case => ({
  name,
  title,
  run(bench) {
    const contenders = [bench.origin, ...bench.gateways].map((server) => ({
      name: server.name,
      server,
      load: { method: 'GET', headers: {}, body: undefined, connections } as const,
      paths: () => ({ prefix: '/things/', first: bench.freshNumbers(pathsPerRun), count: pathsPerRun }),
      status: 200 as const,
      originRequests: { min: 1, max: 1 },
    }));
    return runLoadCase(
      bench,
      contenders,
      bench.gateways.flatMap(({ name }) => [ratioOf(name, 'direct'), differenceOf(name, 'direct')]),
    );
  },
});

/** One connection: the difference of the p50s is the overhead of forwarding and storing. */
export const missAlone = misses('miss', 'miss, 1 KiB, one connection', 1);
export const missLoaded = misses('miss-load', 'miss, 1 KiB, 32 connections', 32);
