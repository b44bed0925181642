import { type Case, type CaseResult, type Comparison, type Metric, ratioOf, type Sample } from '../bench.ts';
import type { Paced, PacedResult } from '../generator/protocol.ts';
import { cpuSeconds } from '../measure/cpu-time.ts';
import type { Server } from '../servers/server.ts';
import { store } from './hit.ts';
import type { LoadBench } from './load-case.ts';

/** Far below saturation, and as much as the generator can send on time. */
const rates = [10_000, 25_000];
const connections = 64;

const us = (name: string): Metric => ({ name, unit: 'µs', better: 'lower', digits: 0 });
const p50 = us('p50 µs');
const p99 = us('p99 µs');
const p999 = us('p99.9 µs');
const achieved: Metric = { name: 'requests/s', unit: '1/s', digits: 0 };
const late: Metric = { name: 'sent late p99 µs', unit: 'µs', digits: 0 };
const serverLoad: Metric = { name: 'server CPU %', unit: '%', digits: 0 };

export interface PacedContender {
  readonly name: string;
  readonly server: Server;
  readonly load: Omit<Paced, 'url' | 'seconds'>;
}

/** Measures every contender once per round at its rate. */
export async function runPacedCase(
  bench: LoadBench,
  contenders: readonly PacedContender[],
  comparisons: readonly Comparison[],
): Promise<CaseResult> {
  const { rounds, seconds, warmUpSeconds } = bench.effort;
  const samples: Record<string, Sample[]> = {};
  for (const { name, server, load } of contenders) {
    bench.progress(`${name}: warming up`);
    await bench.generator.paced({ ...load, url: server.url, seconds: warmUpSeconds });
    samples[name] = [];
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { name, server, load } of contenders) {
      const before = cpuSeconds(server.pid);
      const result = await bench.generator.paced({ ...load, url: server.url, seconds });
      const cpu = cpuSeconds(server.pid) - before;
      assertAnswered(name, result);
      samples[name]?.push({
        [achieved.name]: result.requests / result.seconds,
        [p50.name]: result.p50Us,
        [p99.name]: result.p99Us,
        [p999.name]: result.p999Us,
        [late.name]: result.lateP99Us,
        [serverLoad.name]: (100 * cpu) / result.seconds,
      });
      bench.progress(`${name}: round ${round} of ${rounds}, p99 ${result.p99Us} µs`);
    }
  }
  return { metrics: [achieved, p50, p99, p999, late, serverLoad], samples, comparisons };
}

function assertAnswered(name: string, { requests, statuses }: PacedResult): void {
  if (statuses['200'] !== requests) throw new Error(`${name}: expected only 200, got ${JSON.stringify(statuses)}`);
}

/**
 * At equal load and below saturation, latency is the server's own and not that of a queue which the load itself fills.
 */
export const hitPaced: Case = {
  name: 'hit-paced',
  title: 'hit, 1 KiB, requests due at a fixed rate, 64 connections',
  async run(bench) {
    const caches = [...bench.gateways, ...bench.peers];
    for (const cache of caches) await store(bench, cache, { template: '/things/{n}', keys: 1 });
    const contenders = rates.flatMap((rate) =>
      caches.map((server) => ({
        name: at(server.name, rate),
        server,
        load: { path: '/things/1', headers: {}, rate, connections },
      })),
    );
    const comparisons = rates.flatMap((rate) =>
      caches.slice(1).map(({ name }) => ratioOf(at('gateway', rate), at(name, rate))),
    );
    return runPacedCase(bench, contenders, comparisons);
  },
};

const at = (name: string, rate: number): string => `${name}, ${rate.toLocaleString('en')}/s`;
