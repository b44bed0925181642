import type { Features } from './configuration.ts';
import { catchMutant, mutants } from './mutants.ts';
import { playScenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { simulateGateway } from './schedule.ts';

export interface Arguments {
  readonly seeds: string;
  readonly from: string;
  readonly seed?: string | undefined;
  readonly features?: string | undefined;
  readonly scenario?: string | undefined;
  readonly mutants: boolean;
}

/** With one seed the schedule is told step by step; with several, what was violated in each. */
export async function runGateway(values: Arguments): Promise<void> {
  if (values.mutants) return catchMutants(Number(values.seeds));
  if (values.scenario !== undefined) return playScenarios(values.scenario);
  const startedAt = performance.now();
  const restrict = JSON.parse(values.features ?? '{}') as Partial<Features>;
  const first = Number(values.seed ?? values.from);
  const last = values.seed === undefined ? first + Number(values.seeds) - 1 : first;
  const total = { reads: 0, hits: 0, acknowledged: 0, refused: 0, announced: 0 };
  const failing: string[] = [];
  for (let seed = first; seed <= last; seed++) {
    const { violations, trace, features, oracle, announced } = await simulateGateway(seed, restrict);
    total.reads += oracle.reads;
    total.hits += oracle.hits;
    total.acknowledged += oracle.acknowledged;
    total.refused += oracle.refused;
    total.announced += announced;
    if (values.seed !== undefined) console.log(trace().join('\n'));
    if (violations.length === 0) continue;
    failing.push(`seed ${seed} ${JSON.stringify(features)}\n  ${violations.slice(0, 3).join('\n  ')}`);
    console.log(failing.at(-1));
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const { reads, hits, acknowledged, refused, announced } = total;
  console.log(
    `${last - first + 1} schedules: ${reads} reads, ${hits} of them hits; ${acknowledged} writes acknowledged, ${refused} refused;`,
  );
  console.log(`${announced} events heard; ${failing.length} schedules failed; ${seconds} s`);
  if (failing.length > 0) process.exitCode = 1;
}

/** Those whose name has these words in it; one alone is told step by step. */
async function playScenarios(words: string): Promise<void> {
  const chosen = scenarios.filter(({ name }) => name.includes(words));
  for (const scenario of chosen) {
    const { violations, trace } = await playScenario(scenario);
    if (chosen.length === 1) console.log(trace().join('\n'));
    console.log(`${violations.length === 0 ? 'holds ' : 'FAILS '} ${scenario.name}`);
    for (const violation of violations.slice(0, 2)) console.log(`         ${violation}`);
    if (violations.length > 0) process.exitCode = 1;
  }
}

async function catchMutants(schedules: number): Promise<void> {
  for (const mutant of mutants) {
    const caught = await catchMutant(mutant, schedules);
    console.log(`${mutant.name}: ${caught ?? 'NOT CAUGHT'}`);
    if (caught === undefined) process.exitCode = 1;
  }
}
