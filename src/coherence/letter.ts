import type { Seq } from './bus.ts';
import type { AppendOptions, Committed } from './log.ts';
import type { Invalidation, LogRecord, Position } from './record.ts';

/** A record on its way into the log, and what its writer waits for. */
export interface Letter {
  readonly ref: string;
  readonly number: number;
  invalidation: Invalidation;
  readonly at: string;
  readonly intent: AppendOptions['intent'];
  asks: { readonly dependsOn: readonly string[]; readonly kept: boolean };
  /** What its writer does on this node when it is applied. */
  local: AppendOptions['beside'];
  readonly fulfils: string[];
  sending: boolean;
  /** The place of the doubt that it says it settles. */
  settles: Seq | undefined;
  place: { readonly epoch: string; readonly seq: Seq; readonly position: Position } | undefined;
  beside: readonly string[] | undefined;
  applied: { readonly record: LogRecord; readonly removed: number } | undefined;
  /** Undefined: its writer has been answered. */
  settle: { resolve(committed: Committed): void; reject(error: unknown): void } | undefined;
  /** Once it has been applied here, or need not be any longer, the second tier is told. */
  publishing: boolean;
  /** Its writer was answered although nobody else knows of it (`onPartition: queue`). */
  owed: boolean;
  readonly cancels: (() => void)[];
}

/** A record in doubt that this node has to settle. */
export interface OwnDoubt {
  readonly invalidation: Invalidation;
  place: { readonly epoch: string; readonly seq: Seq };
}
