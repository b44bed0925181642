import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { catchMutant } from './catch.ts';
import { runGateway } from './gateway/run.ts';
import { mutants } from './mutants.ts';
import { simulate } from './schedule.ts';

/* npm run test:simulate: more schedules than `npm test` runs, shared among the cores. Exit code 1 for a stale read. */

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

interface Counts {
  readonly reads: number;
  readonly hits: number;
  readonly shared: number;
  readonly acknowledged: number;
  readonly announced: number;
}

/** What a shard tells of each schedule, or of each mutant. */
interface Told {
  readonly counts?: Counts;
  readonly line?: string;
  readonly failed: boolean;
}

const from = Number(values.seed ?? values.from);
const schedules = values.seed === undefined ? Number(values.seeds) : 1;

async function* work({ first, step }: Shard): AsyncGenerator<Told> {
  if (values.mutants) {
    for (let i = first; i < mutants.length; i += step) {
      const mutant = mutants[i] as (typeof mutants)[number];
      const caught = await catchMutant(mutant, Number(values.seeds));
      const line = `${mutant.invariant}: ${mutant.name}: ${caught ?? 'NOT CAUGHT'}`;
      yield { line, failed: caught === undefined };
    }
    return;
  }
  for (let i = first; i < schedules; i += step) yield schedule(from + i);
}

async function schedule(seed: number): Promise<Told> {
  const { violations, trace, history } = await simulate(seed);
  const { reads, hits, shared, acknowledged, announced } = history;
  const counts = { reads, hits, shared, acknowledged, announced };
  const failed = violations.length > 0;
  const replay = `\nseed ${seed} (replay: npm run test:simulate -- --seed ${seed}):\n${violations.join('\n')}`;
  const lines = [...(failed || values.seed !== undefined ? trace() : []), ...(failed ? [replay] : [])];
  return { counts, failed, ...(lines.length > 0 && { line: lines.join('\n') }) };
}

/** Resolves when every shard has come to its end, or one to a stale read: the others' are then not looked for. */
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
            if (message.failed && !values.mutants) for (const each of workers) void each.terminate();
          });
          worker.on('error', reject);
          worker.on('exit', () => resolve());
        }),
    ),
  );
}

async function main(): Promise<void> {
  const startedAt = performance.now();
  const total = { reads: 0, hits: 0, shared: 0, acknowledged: 0, announced: 0 };
  let done = 0;
  let stale = false;
  await shardedWork(({ counts, line, failed }) => {
    done += 1;
    if (line !== undefined) console.log(line);
    if (failed) {
      stale = true;
      process.exitCode = 1;
    }
    for (const name of Object.keys(total) as (keyof Counts)[]) total[name] += counts?.[name] ?? 0;
  });
  const all = values.mutants ? mutants.length : schedules;
  // A shard that waits for what never happens ends without a word.
  if (done < all && process.exitCode !== 1) {
    console.log(`only ${done} of ${all} came to an end`);
    process.exitCode = 1;
  }
  if (!values.mutants) {
    const { reads, hits, shared, acknowledged, announced } = total;
    console.log(`${done} schedules: ${reads} reads, ${hits} of them hits, ${shared} found in the tier;`);
    const outcome = stale ? 'STALE' : 'none stale';
    console.log(`${acknowledged} writes acknowledged, ${announced} records announced; ${outcome}`);
  }
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

if (isMainThread) await (values.gateway ? runGateway(values) : main());
else for await (const told of work(workerData as Shard)) parentPort?.postMessage(told);
