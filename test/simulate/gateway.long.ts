import { describe, expect, test, vi } from 'vitest';
import { budget } from '../support/budget.ts';
import { playMutant, violationsWithout } from './gateway/catch.ts';
import { mutants } from './gateway/mutants.ts';
import { scenarios } from './gateway/scenarios.ts';
import { type Outcome, simulateGateway } from './gateway/schedule.ts';

/** CI plays 40, by `npm run test:simulate -- --gateway`; these are the first of them. */
const SCHEDULES = budget({ local: 2, ci: 3 });
const FETCHING_FIRST = budget({ local: 2, ci: 6 });

let last: Promise<Outcome> | undefined;
/** It is played when it is first asked for. */
function lastSchedule(): Promise<Outcome> {
  last ??= simulateGateway(SCHEDULES);
  return last;
}

test('whatever the API, the nodes and the clients do, no read is stale, and no event is early or lost', {
  timeout: 240_000,
}, async () => {
  let hits = 0;
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const { violations, oracle } = await (seed === SCHEDULES ? lastSchedule() : simulateGateway(seed));
    hits += oracle.hits;
    expect(violations, `replay: npm run test:simulate -- --gateway --seed ${seed}`).toEqual([]);
  }
  // Where nothing is served from memory, nothing is proved.
  expect(hits).toBeGreaterThan(50 * SCHEDULES);
});

test('pages that fetch first, and listen from where the answer says, miss nothing', { timeout: 240_000 }, async () => {
  for (let seed = 1; seed <= FETCHING_FIRST; seed++) {
    const { violations } = await simulateGateway(seed, { fetchesFirst: true });
    const again = `npm run test:simulate -- --gateway --seed ${seed} --features '{"fetchesFirst":true}'`;
    expect(violations, `replay: ${again}`).toEqual([]);
  }
});

test('a seed is one schedule', { timeout: 60_000 }, async () => {
  const once = await lastSchedule();
  // A timer of the machine would depend on how fast that is.
  const timers = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')];
  const again = await simulateGateway(SCHEDULES);
  const set = timers.map((timer) => timer.mock.calls.length);
  for (const timer of timers) timer.mockRestore();
  expect(again.trace()).toEqual(once.trace());
  expect(set).toEqual([0, 0]);
});

const violationsOf = violationsWithout();
describe('scenarios between the log and the rules', () => {
  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    { timeout: 60_000 },
    async (_, scenario) => {
      expect(await violationsOf(scenario)).toEqual([]);
    },
  );
});

describe('without the check that prevents it, a scenario fails', () => {
  const pinned = mutants.flatMap((mutant) =>
    mutant.scenario === undefined ? [] : [{ ...mutant, words: mutant.scenario }],
  );

  test.each(pinned.map((mutant) => [mutant.name, mutant] as const))('%s', { timeout: 60_000 }, async (_, mutant) => {
    const played = await playMutant(mutant, violationsOf);
    expect(played).not.toEqual([]);
    for (const { scenario, without, violations } of played) {
      expect(without, scenario).toEqual([]);
      expect(violations, scenario).not.toEqual([]);
    }
  });

  test('each of them has such a check', () => {
    const shown = scenarios.filter(({ name }) => pinned.some(({ words }) => name.includes(words)));
    expect(shown).toEqual(scenarios);
  });
});
