import type { Bench, CaseResult, Comparison, Metric, Sample } from '../bench.ts';
import type { Load, LoadResult } from '../generator/protocol.ts';
import { cpuSeconds } from '../measure/cpu-time.ts';
import type { Server } from '../servers/server.ts';

/** A server under one load. */
export interface Contender {
  readonly name: string;
  readonly server: Server;
  /** The load without its URL; `paths` creates new paths for every run. */
  readonly load: Omit<Load, 'url' | 'seconds' | 'amount' | 'paths'>;
  paths(): Load['paths'];
  readonly status: 200 | 304;
  /** Requests to the origin per request of the load. A run outside of these limits measured something else. */
  readonly originRequests: { readonly min: number; readonly max: number };
}

/** What a load needs of the bench. Without an origin of the bench's own, requests to it are not checked. */
export interface LoadBench extends Pick<Bench, 'effort' | 'generator' | 'progress'> {
  readonly origin?: Bench['origin'];
}

const throughput: Metric = { name: 'requests/s', unit: '1/s', better: 'higher', digits: 0 };
const perCpu: Metric = { name: 'per server CPU-s', unit: '1/s', better: 'higher', digits: 0 };
const p50: Metric = { name: 'p50 µs', unit: 'µs', better: 'lower', digits: 0 };
const p99: Metric = { name: 'p99 µs', unit: 'µs', better: 'lower', digits: 0 };
const serverLoad: Metric = { name: 'server CPU %', unit: '%', digits: 0 };
const generatorLoad: Metric = { name: 'generator CPU %', unit: '%', digits: 0 };

const loadMetrics: readonly Metric[] = [throughput, perCpu, p50, p99, serverLoad, generatorLoad];

/** Measures every contender once per round, one after the other, so that disturbances affect all of them. */
export async function runLoadCase(
  bench: LoadBench,
  contenders: readonly Contender[],
  comparisons: readonly Comparison[],
): Promise<CaseResult> {
  const { rounds, seconds } = bench.effort;
  const samples: Record<string, Sample[]> = {};
  for (const contender of contenders) {
    bench.progress(`${contender.name}: warming up`);
    await warmUp(bench, contender);
    samples[contender.name] = [];
  }
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      const sample = await measure(bench, contender, seconds);
      samples[contender.name]?.push(sample);
      const rate = Math.round(sample[throughput.name] ?? 0).toLocaleString('en');
      bench.progress(`${contender.name}: round ${round} of ${rounds}, ${rate} requests/s`);
    }
  }
  return { metrics: loadMetrics, samples, comparisons };
}

/** At most so many times the usual warm-up, for loads that are slow by nature. */
const longestWarmUp = 5;

/** Node compiles what it has run often: on a busy machine, the same time may have too few requests for that. */
async function warmUp(bench: LoadBench, contender: Contender): Promise<void> {
  const { warmUpSeconds, warmUpRequests } = bench.effort;
  let requests = 0;
  for (let i = 0; i < longestWarmUp; i++) {
    requests += (await measure(bench, contender, warmUpSeconds))[throughput.name] ?? 0;
    if (requests * warmUpSeconds >= warmUpRequests) return;
  }
}

/** How many times as long a load goes on, once more, of which nothing was answered. */
const PATIENCE = 10;

/**
 * With `--quick`, on a busy machine, the first answer of an origin that is slow by nature may come too late. Then all
 * of it is measured again, for longer.
 */
async function measure(bench: LoadBench, contender: Contender, seconds: number, isLast = false): Promise<Sample> {
  const { server, load } = contender;
  const pids = [server.pid, ...(server.morePids ?? [])];
  const seenBefore = await bench.origin?.settledRequests();
  const cpuBefore = cpuSeconds(...pids);
  const result = await bench.generator.load({ ...load, url: server.url, paths: contender.paths(), seconds });
  const cpu = cpuSeconds(...pids) - cpuBefore;
  const isSilent = result.requests === 0 && result.errors === 0;
  if (isSilent && !isLast) return measure(bench, contender, PATIENCE * seconds, true);
  assertAnswered(contender, result);
  const seen = await bench.origin?.settledRequests();
  if (seen !== undefined && seenBefore !== undefined) assertForwarded(contender, result, seen - seenBefore);
  return {
    [throughput.name]: result.requests / result.seconds,
    [perCpu.name]: result.requests / cpu,
    [p50.name]: result.p50Us,
    [p99.name]: result.p99Us,
    [serverLoad.name]: (100 * cpu) / result.seconds,
    [generatorLoad.name]: (100 * result.cpuSeconds) / result.seconds,
  };
}

/** Fails on errors: a figure for those would be misleading. */
function assertAnswered({ name, status }: Contender, result: LoadResult): void {
  const others = Object.keys(result.statuses).filter((code) => Number(code) !== status);
  if (result.requests === 0 || result.errors > 0 || others.length > 0) {
    const answers = JSON.stringify(result.statuses);
    throw new Error(`${name}: expected only ${status}, got ${answers} and ${result.errors} failed requests`);
  }
}

/** Fails on hits that were misses, and the other way round. */
function assertForwarded(contender: Contender, result: LoadResult, originRequests: number): void {
  const { name, load, originRequests: expected } = contender;
  const min = expected.min * result.requests;
  // When a run ends, each connection has a request in flight that is not counted, and on a busy machine those of the
  // run before may arrive in this one. wrk's load has one request ahead of it.
  const max = expected.max * (result.requests + 2 * load.connections + 1);
  if (originRequests < min || originRequests > max) {
    throw new Error(`${name}: the origin got ${originRequests} requests for ${result.requests} of the load`);
  }
}
