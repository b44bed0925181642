import { parseArgs } from 'node:util';
import { catchMutant } from './catch.ts';
import { runGateway } from './gateway/run.ts';
import { mutants } from './mutants.ts';
import { simulate } from './schedule.ts';

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

const startedAt = performance.now();
const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;

if (values.gateway) {
  await runGateway(values);
} else if (values.mutants) {
  for (const mutant of mutants) {
    const caught = await catchMutant(mutant, Number(values.seeds));
    console.log(`${mutant.invariant}: ${mutant.name}: ${caught ?? 'NOT CAUGHT'}`);
    if (caught === undefined) process.exitCode = 1;
  }
  console.log(seconds());
} else {
  const first = Number(values.seed ?? values.from);
  const last = values.seed === undefined ? first + Number(values.seeds) - 1 : first;
  const total = { reads: 0, hits: 0, shared: 0, acknowledged: 0, announced: 0 };
  for (let seed = first; seed <= last; seed++) {
    const { violations, trace, history } = await simulate(seed);
    total.reads += history.reads;
    total.hits += history.hits;
    total.shared += history.shared;
    total.acknowledged += history.acknowledged;
    total.announced += history.announced;
    if (violations.length > 0 || values.seed !== undefined) console.log(trace.join('\n'));
    if (violations.length === 0) continue;
    console.log(`\nseed ${seed} (replay: npm run test:simulate -- --seed ${seed}):\n${violations.join('\n')}`);
    process.exitCode = 1;
    break;
  }
  const { reads, hits, shared, acknowledged, announced } = total;
  console.log(
    `${last - first + 1} schedules: ${reads} reads, ${hits} of them hits, ${shared} found in the tier; ${acknowledged} writes acknowledged,`,
  );
  console.log(`${announced} records announced; ${process.exitCode === 1 ? 'STALE' : 'none stale'}; ${seconds()}`);
}
