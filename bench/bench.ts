import type { Generator } from './generator/generator.ts';
import type { Placement } from './measure/machine.ts';
import type { Effort } from './options.ts';
import type { BenchOrigin } from './servers/origin.ts';
import type { Server } from './servers/server.ts';

/** What every case is given. All of it runs for the whole bench; cases that need a fresh gateway start their own. */
export interface Bench {
  readonly effort: Effort;
  readonly placement: Placement;
  readonly origin: BenchOrigin;
  /** `gateway`, and `before` with `--against`. */
  readonly gateways: readonly Server[];
  /** Directories of the built checkouts, by the gateways' names. */
  readonly directories: Readonly<Record<string, string>>;
  readonly nginx: Server | undefined;
  readonly generator: Generator;
  /** A number that no earlier call has given: for paths that must not have been asked for before. */
  freshNumbers(count: number): number;
  progress(text: string): void;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<CaseResult>;
}

export interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Which way is better; absent where there is no better: such a metric is shown for context and never compared. */
  readonly better?: 'higher' | 'lower';
  readonly digits: number;
}

/** One round of one contender: metric name → value; NaN where this machine cannot tell. */
export type Sample = Readonly<Record<string, number>>;

export interface CaseResult {
  readonly metrics: readonly Metric[];
  /** Contender → one sample per round; all contenders have the same rounds, measured side by side. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  readonly comparisons: readonly Comparison[];
}

/** Two contenders, compared round by round: as a ratio, or for times also as a difference. */
export interface Comparison {
  readonly of: string;
  readonly to: string;
  readonly by: 'ratio' | 'difference';
}

export const ratioOf = (of: string, to: string): Comparison => ({ of, to, by: 'ratio' });
export const differenceOf = (of: string, to: string): Comparison => ({ of, to, by: 'difference' });
