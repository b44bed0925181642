import type { Generator } from './generator/generator.ts';
import type { Placement } from './measure/machine.ts';
import type { Effort } from './options.ts';
import type { BenchOrigin } from './servers/origin.ts';
import type { Server } from './servers/server.ts';

/** What every case gets. The servers run during the whole bench; cases that need a fresh gateway start their own. */
export interface Bench {
  readonly effort: Effort;
  readonly placement: Placement;
  readonly origin: BenchOrigin;
  /** `gateway`, and `before` with `--against <dir>`. */
  readonly gateways: readonly Server[];
  /** Directories of the built checkouts, by the gateways' names. */
  readonly directories: Readonly<Record<string, string>>;
  /** Other caches before the same origin: those that are installed, and `against` with `--against <URL>`. */
  readonly peers: readonly Server[];
  readonly generator: Generator;
  /** The first of `count` numbers that no earlier call returned: for paths that have not been requested before. */
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
  /** Which direction is better. A metric without one is only shown for context and never compared. */
  readonly better?: 'higher' | 'lower';
  readonly digits: number;
}

/** One round of one contender: metric name → value, or NaN if this machine cannot measure it. */
export type Sample = Readonly<Record<string, number>>;

export interface CaseResult {
  readonly metrics: readonly Metric[];
  /** Contender → one sample per round. All contenders are measured in the same rounds. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  readonly comparisons: readonly Comparison[];
}

/** A comparison of two contenders, round by round: as a ratio or, for times, as a difference. */
export interface Comparison {
  readonly of: string;
  readonly to: string;
  readonly by: 'ratio' | 'difference';
}

export const ratioOf = (of: string, to: string): Comparison => ({ of, to, by: 'ratio' });
export const differenceOf = (of: string, to: string): Comparison => ({ of, to, by: 'difference' });
