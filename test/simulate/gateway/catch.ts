import type { Mutant } from './mutants.ts';
import { playScenario, type Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { type Outcome, simulateGateway } from './schedule.ts';

/** What a scenario shows with a check taken out, and with it in place. */
export interface Played {
  readonly scenario: string;
  readonly violations: readonly string[];
  readonly without: readonly string[];
}

/** What a scenario violates with every check in place. It does the same each time: playing it once is enough. */
export function violationsWithout(): (scenario: Scenario) => Promise<readonly string[]> {
  const known = new Map<Scenario, Promise<readonly string[]>>();
  return (scenario) => {
    const played = known.get(scenario) ?? violationsOf(playScenario(scenario));
    known.set(scenario, played);
    return played;
  };
}

/** The scenarios that are said to show the mutant. */
export async function playMutant(mutant: Mutant, playWithout = violationsWithout()): Promise<readonly Played[]> {
  const { scenario: words } = mutant;
  const played: Played[] = [];
  for (const scenario of words === undefined ? [] : scenarios.filter(({ name }) => name.includes(words))) {
    const violations = await violationsOf(playScenario(scenario, undefined, mutant));
    const without = await playWithout(scenario);
    played.push({ scenario: scenario.name, violations, without });
  }
  return played;
}

/**
 * The first violation that the mutant makes within so many schedules, in one that holds without it. What is merely left
 * behind counts, too.
 */
export async function catchMutant(mutant: Mutant, schedules: number): Promise<string | undefined> {
  for (const { scenario, violations, without } of await playMutant(mutant)) {
    if (violations.length > 0 && without.length === 0) return `${scenario}: ${violations[0]}`;
  }
  const known = mutant.seed === undefined ? [] : [mutant.seed];
  for (const seed of [...known, ...Array.from({ length: schedules }, (_, i) => i + 1)]) {
    const [violation] = await violationsOf(simulateGateway(seed, mutant.features, mutant));
    if (violation === undefined) continue;
    const [without] = await violationsOf(simulateGateway(seed, mutant.features));
    if (without === undefined) return `seed ${seed}, ${violation}`;
  }
  return undefined;
}

async function violationsOf(outcome: Promise<Outcome>): Promise<readonly string[]> {
  return (await outcome).violations;
}
