import type { Seq } from './bus.ts';
import type { Appended, AppendOptions } from './log.ts';
import type { Invalidation, LogRecord, Position } from './record.ts';

/**
 * How far a record has come on its way into the log.
 *
 * ```
 * waiting ⇄ sending ──► placed ──► applied here ──► committed: no longer pending
 * ```
 */
export type Progress =
  /** Not sent, or the answer was lost. It is sent once the bus can be reached. */
  | { readonly at: 'waiting' }
  /** `ends`: the `seq` of the record whose quarantine it ends. */
  | { readonly at: 'sending'; readonly ends: Seq | undefined }
  /**
   * In the log. `conflicting`: undefined if the answer did not arrive; valid while the node's `generation` is this one.
   */
  | {
      readonly at: 'placed';
      readonly epoch: string;
      readonly seq: Seq;
      readonly position: Position;
      readonly held: boolean;
      readonly conflicting: readonly string[] | undefined;
      readonly generation: number;
    };

/** A record of this node that is not committed yet, and its writer. */
export interface PendingAppend {
  /** `member:number`. Identifies the record to the bus when it is sent again. */
  readonly ref: string;
  readonly number: number;
  invalidation: Invalidation;
  readonly at: string;
  /** The notes that it fulfils. */
  readonly notes: string[];
  readonly probes: string;
  readonly keepsNote: boolean;
  /** What this node had applied when the record was made. Means nothing in another epoch. */
  readonly asOf: { readonly epoch: string; readonly seq: Seq };
  readonly local: AppendOptions['local'];
  progress: Progress;
  /** The result of applying it on this node. */
  applied: { readonly record: LogRecord; readonly removed: number } | undefined;
  /** Undefined: there is none, or it has been answered. */
  writer: { resolve(appended: Appended): void; reject(error: unknown): void } | undefined;
  /** A send is in progress. Its answer names the conflicting writes. */
  asking: boolean;
  /** Committed. The writer may still wait for that answer. */
  committed: boolean;
  /** Publishing to the second tier has begun. */
  publishing: boolean;
  /** Its writer was answered although no other node knows of the record (`onPartition: queue`). */
  undelivered: boolean;
  readonly cancels: (() => void)[];
}

/** A function, because the compiler does not see that `progress` changes across an await. */
export function isPlaced({ progress }: PendingAppend): boolean {
  return progress.at === 'placed';
}
