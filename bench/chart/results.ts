import type { Machine } from '../measure/machine.ts';
import type { Effort } from '../options.ts';
import { UsageError } from '../usage-error.ts';

/** What a run of the bench writes to `bench/results/`. Values that could not be measured are null. */
export interface Results {
  readonly format: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly quick: boolean;
  readonly effort: Effort;
  /** What plays closed loops, with its version. */
  readonly generator: string;
  /** Commits by the names of the gateways. */
  readonly commits: Readonly<Record<string, string | undefined>>;
  readonly machine: Machine;
  readonly cases: readonly CaseResults[];
}

export interface CaseResults {
  readonly case: string;
  readonly title: string;
  readonly contenders: readonly {
    readonly name: string;
    readonly metrics: readonly MetricResults[];
  }[];
}

export interface MetricResults {
  readonly name: string;
  readonly median: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * One document with the cases of several runs, so that a chart can be made of runs that were short. A case that was
 * measured twice counts as it was measured last.
 * @throws UsageError if the runs are of different builds or machines
 */
export function merge(runs: readonly Results[]): Results {
  const sorted = [...runs].sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  const [first] = sorted;
  if (first === undefined) throw new UsageError('no results are given');
  const cases = new Map<string, CaseResults>();
  for (const run of sorted) {
    for (const field of ['commits', 'machine', 'effort', 'generator', 'quick'] as const) {
      const [one, other] = [JSON.stringify(first[field]), JSON.stringify(run[field])];
      if (one !== other) throw new UsageError(`these runs differ in their ${field}: ${one} and ${other}`);
    }
    for (const each of run.cases) cases.set(each.case, each);
  }
  return { ...first, cases: [...cases.values()] };
}
