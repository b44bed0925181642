import type { Places } from './places.ts';
import type { Invalidation, LogRecord, Position } from './record.ts';
import type { Hits } from './tag.ts';

/**
 * The log: a total order over all invalidations. Records are applied on this node in log order; a record is committed
 * when every live node has applied it.
 */
export interface Log {
  /** Distinguishes this log's positions from those of a log that has forgotten them (a restart). */
  readonly epoch: string;
  /** Resolves when the record is committed: only then may the write's answer be released (invariant 3). */
  append(invalidation: Invalidation, options?: AppendOptions): Promise<Committed>;
  /**
   * Notes a write before it is forwarded (invariant 7).
   * @throws GatewayError uncoordinated: it cannot be noted, and must not be forwarded
   */
  intend(note: Intention): Promise<Intent>;
  /** The write has changed nothing. */
  withdraw(intent: Intent): void;
  /** Whether this node may serve from memory, and collapse, now (invariant 8). */
  serving(): boolean;
  /**
   * What a client carries to have, from any node, nothing older than a record that was appended here, and than all that has been
   * applied here by now. Of a record that nobody else knows of yet: a token that no node reaches.
   */
  tokenOf(record: LogRecord): string;
  /** Whether this node has applied what a position token (`epoch-seq`) stands for, within `timeoutMs`. */
  reached(token: string, timeoutMs: number): Promise<boolean>;
}

export interface Intention {
  /** Where it may change what others depend on. */
  readonly places: Places;
  /** What the request alone tells about the targets, the rest widened. */
  readonly hits: Hits;
  /** How long until nothing of it can be applied any longer, should it come to be in doubt. */
  readonly settleMs: number;
}

export interface Intent {
  readonly id: string;
}

export interface AppendOptions {
  /** Fulfilled by the record: removed in the same step. */
  readonly intent?: Intent | undefined;
  /** The record does not fulfil it: it asks who else is in flight, and there is more to come. */
  readonly keepsIntent?: boolean;
  /** Resources whose representations it has selected from: who else is in flight that may change them is asked. */
  readonly dependsOn?: readonly string[] | undefined;
  readonly beside?: Beside | undefined;
}

/** What the appending node does at the moment when its record becomes effective there. Synchronous, both of them. */
export interface Beside {
  /** Just before it is applied. */
  applying(): void;
  /** Just after, before anybody is told. */
  applied(record: LogRecord): void;
}

export interface Committed {
  readonly record: LogRecord;
  /** How many stored responses of this node's memory tier it removed. */
  readonly removed: number;
  /** It has been applied on this node, and with it everything before it. False: others know more than this node. */
  readonly applied: boolean;
  /**
   * Resolves when the writes of other nodes that were in flight, and may change what this one depends on, have been
   * recorded, or changed nothing. False: what they are is not known. It may never resolve.
   */
  othersRecorded(): Promise<boolean>;
}

export interface LogListener {
  /** Makes the record effective on this node. Synchronous: when it returns, no hit can be stale by this record. Returns how many it removed. */
  applied(record: LogRecord): number;
  /** Called in log order, once the record is committed (invariant 4). */
  committed(record: LogRecord): void;
}

/** Of a log that may lose records, and come back. */
export interface SharedLogListener extends LogListener {
  /**
   * Records were missed, or the log is another one: memory is to be emptied, fills and writes in flight know nothing of
   * what was missed, subscribers are to look again. `doubts` are open. Synchronous, like `applied`.
   */
  reset(position: Position, doubts: readonly { readonly position: Position; readonly hits: Hits }[]): void;
}
