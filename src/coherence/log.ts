import type { Invalidation, LogRecord } from './record.ts';

/**
 * The log: a total order over all invalidations. Records are applied on this node in log order; a record is committed
 * when every live node has applied it.
 */
export interface Log {
  /** Distinguishes this log's positions from those of a log that has forgotten them (a restart). */
  readonly epoch: string;
  /** Resolves when the record is committed: only then may the write's answer be released (invariant 3). */
  append(invalidation: Invalidation, beside?: Beside): Promise<Committed>;
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
}

export interface LogListener {
  /** Makes the record effective on this node. Synchronous: when it returns, no hit can be stale by this record. Returns how many it removed. */
  applied(record: LogRecord): number;
  /** Called in log order, once the record is committed (invariant 4). */
  committed(record: LogRecord): void;
}
