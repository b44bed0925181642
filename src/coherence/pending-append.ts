import type { Seq } from './bus.ts';
import type { Appended, AppendOptions } from './log.ts';
import type { Invalidation, LogRecord, Position } from './record.ts';

/**
 * Where a record is on its way into the log.
 *
 * ```
 * waiting ⇄ sending ──► placed ──► applied here ──► committed: it is no longer pending
 * ```
 */
export type Progress =
  /** Not sent, or the answer was lost. It is sent whenever the bus can be reached. */
  | { readonly at: 'waiting' }
  /** `ends`: the place of the record whose quarantine it ends. */
  | { readonly at: 'sending'; readonly ends: Seq | undefined }
  /** In the log. `conflicting` is undefined where the answer did not arrive; it holds while the node keeps its standing (`generation`). */
  | {
      readonly at: 'placed';
      readonly epoch: string;
      readonly seq: Seq;
      readonly position: Position;
      readonly held: boolean;
      readonly conflicting: readonly string[] | undefined;
      readonly generation: number;
    };

/** A record of this node that is not committed yet, and what its writer waits for. */
export interface PendingAppend {
  /** `member:number`: by it the bus knows a record that is sent again. */
  readonly ref: string;
  readonly number: number;
  invalidation: Invalidation;
  readonly at: string;
  /** The notes that it fulfils. */
  readonly notes: string[];
  readonly probes: string;
  readonly keepsNote: boolean;
  /** What this node had applied when the record was made: it means something in its epoch only. */
  readonly asOf: { readonly epoch: string; readonly seq: Seq };
  readonly local: AppendOptions['local'];
  progress: Progress;
  /** What became of it on this node. */
  applied: { readonly record: LogRecord; readonly removed: number } | undefined;
  /** Undefined: there is none, or it has been answered. */
  writer: { resolve(appended: Appended): void; reject(error: unknown): void } | undefined;
  /** A send is under way: its answer tells who conflicts. */
  asking: boolean;
  /** It is committed, and waits for that answer. */
  committed: boolean;
  /** The second tier is being told. */
  publishing: boolean;
  /** Its writer was answered although nobody else knows of the record (`onPartition: queue`). */
  undelivered: boolean;
  readonly cancels: (() => void)[];
}
