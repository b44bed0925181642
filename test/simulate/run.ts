import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { catchMutant } from './catch.ts';
import { playSchedule, runGateway } from './gateway/run.ts';
import { mutants } from './mutants.ts';
import { simulate } from './schedule.ts';
import type { Told } from './told.ts';

/*
 * npm run test:simulate: more schedules than `npm test` runs, shared among the cores. Exit code 1 for a stale read.
 * test/README.md says what there is to choose.
 */

const { values } = parseArgs({
  options: {
    /** How many schedules. */
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    /** Replays one seed, and prints what happened in it. */
    seed: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    /** The whole gateway, and not the log alone. */
    gateway: { type: 'boolean', default: false },
    /** Of the gateway: a fixed schedule by its name, or features that all seeds have, as JSON. */
    scenario: { type: 'string' },
    features: { type: 'string' },
  },
});

/** Every `step`-th piece of the work, from `first`. */
interface Shard {
  readonly first: number;
  readonly step: number;
}

const from = Number(values.seed ?? values.from);
const schedules = values.seed === undefined ? Number(values.seeds) : 1;

async function* work({ first, step }: Shard): AsyncGenerator<Told> {
  const play = values.gateway ? (seed: number) => playSchedule(seed, values) : schedule;
  if (values.mutants) {
    for (let i = first; i < mutants.length; i += step) {
      const mutant = mutants[i] as (typeof mutants)[number];
      const caught = await catchMutant(mutant, Number(values.seeds));
      const line = `${mutant.invariant}: ${mutant.name}: ${caught ?? 'NOT CAUGHT'}`;
      yield { line, failed: caught === undefined };
    }
    return;
  }
  for (let i = first; i < schedules; i += step) yield play(from + i);
}

async function schedule(seed: number): Promise<Told> {
  const { violations, trace, history } = await simulate(seed);
  const { reads, hits, shared, acknowledged, announced } = history;
  const counts = {
    ...{ reads, hits, 'found in the tier': shared },
    ...{ 'writes acknowledged': acknowledged, 'records announced': announced },
  };
  const failed = violations.length > 0;
  const replay = `\nseed ${seed} (replay: npm run test:simulate -- --seed ${seed}):\n${violations.join('\n')}`;
  const lines = [...(failed || values.seed !== undefined ? trace() : []), ...(failed ? [replay] : [])];
  return { counts, failed, ...(lines.length > 0 && { line: lines.join('\n') }) };
}

/** Resolves when every shard has ended, or when one has found a stale read: the others then stop. */
async function shardedWork(told: (told: Told) => void): Promise<void> {
  const step = Math.min(availableParallelism(), values.mutants ? mutants.length : schedules);
  const workers = Array.from({ length: step }, (_, first) => {
    const shard: Shard = { first, step };
    return new Worker(new URL(import.meta.url), { workerData: shard, argv: process.argv.slice(2) });
  });
  await Promise.all(
    workers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          worker.on('message', (message: Told) => {
            told(message);
            if (message.failed && !values.mutants && !values.gateway) for (const each of workers) void each.terminate();
          });
          worker.on('error', reject);
          worker.on('exit', () => resolve());
        }),
    ),
  );
}

async function main(): Promise<void> {
  const startedAt = performance.now();
  const total: Record<string, number> = {};
  let done = 0;
  let failing = 0;
  await shardedWork(({ counts = {}, line, failed }) => {
    done += 1;
    if (line !== undefined) console.log(line);
    if (failed) {
      failing += 1;
      process.exitCode = 1;
    }
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  });
  const all = values.mutants ? mutants.length : schedules;
  // A shard that waits for what never happens ends without a word.
  if (done < all && process.exitCode !== 1) {
    console.log(`only ${done} of ${all} came to an end`);
    process.exitCode = 1;
  }
  if (!values.mutants) {
    const counted = Object.entries(total).map(([name, count]) => `${count} ${name}`);
    const failures = values.gateway ? `${failing} schedules failed` : failing > 0 ? 'STALE' : 'none stale';
    console.log(`${done} schedules: ${[...counted, failures].join(', ')}`);
    const few = tooFew(total, done);
    if (few.length > 0) {
      console.log(`nothing is proved: too few ${few.join(', ')}`);
      process.exitCode = 1;
    }
  }
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Where nothing is served from memory, nothing is proved. Of one schedule, on the average of this many. */
const least: Readonly<Record<string, number>> = values.gateway ? { hits: 50 } : { hits: 10, 'found in the tier': 1 };
const ENOUGH_SCHEDULES = 16;

/** What has not happened as often as it should have. Features may prevent it. */
function tooFew(total: Readonly<Record<string, number>>, done: number): string[] {
  if (done < ENOUGH_SCHEDULES || values.features !== undefined) return [];
  return Object.keys(least).filter((name) => (total[name] ?? 0) <= (least[name] ?? 0) * done);
}

if (isMainThread)
  await (values.gateway && (values.mutants || values.scenario !== undefined) ? runGateway(values) : main());
else for await (const told of work(workerData as Shard)) parentPort?.postMessage(told);
