import type { Announcement, Invalidation, LogRecord, Position } from './record.ts';
import type { Coverage } from './tag.ts';
import type { Term } from './write-set.ts';

/**
 * The log: a total order over all invalidations. Records are applied on this node in log order; a record is committed
 * when every live node has applied it.
 */
export interface Log {
  /** Distinguishes this log's positions from those of a log that has forgotten them (a restart). */
  readonly epoch: string;
  /**
   * Resolves when the record is committed: only then may the write's answer be released (invariant 3).
   * @throws GatewayError unconfirmed: it is not known whether every node has heard of it. It is still appended when that can be done
   */
  append(invalidation: Invalidation, options?: AppendOptions): Promise<Appended>;
  /**
   * Notes a write before it is forwarded (invariant 7).
   * @throws GatewayError uncoordinated: it cannot be noted, and must not be forwarded
   */
  note(write: NotedWrite): Promise<Note>;
  /** The write has changed nothing. */
  withdraw(note: Note): void;
  /**
   * Its writer has given up on it: the log makes an indeterminate record of all that was noted, as it does for a node that
   * dies. Does nothing where the note was fulfilled or withdrawn.
   */
  abandon(note: Note): void;
  /**
   * Which writes of other nodes are in flight that post one of `probes`. Resolves when everything that was in the log by then is
   * committed: what the answer of a write tells of those is effective.
   */
  conflicting(note: Note, probes: ReadonlySet<Term>): Promise<Conflicting>;
  /** Resolves when all of these have been recorded and committed, or withdrawn; false where that may have been missed. */
  ended(writes: readonly string[]): Promise<boolean>;
  /** Whether this node may serve from memory, and collapse, now (invariant 8). */
  serving(): boolean;
  /** A read-your-writes token: a node that has reached it serves nothing older than the record, and than all applied here by now. */
  tokenOf(record: LogRecord): string;
  /** Whether this node has applied what a position token (`epoch-seq`) stands for, within `timeoutMs`. */
  reached(token: string, timeoutMs: number): Promise<boolean>;
}

/** What other nodes have to know of a write in flight. */
export interface NotedWrite {
  /** Those whose probes hold one of these conflict with it. */
  readonly posts: ReadonlySet<Term>;
  /** What the request alone tells about the targets, the rest a wildcard. */
  readonly coverage: Coverage;
  readonly announcements: readonly Announcement[];
  /** How long until nothing of it can be applied any longer, should it become indeterminate. */
  readonly quarantineMs: number;
}

export interface Note {
  readonly id: string;
}

export interface AppendOptions {
  /** Fulfilled by the record, in the same step. */
  readonly note?: Note | undefined;
  /**
   * Asks which writes conflict. Where there are any, or where records that this node has not applied may have covered what
   * it reads, the record is not announced and the note is kept: a second record follows.
   */
  readonly probes?: ReadonlySet<Term> | undefined;
  /** A second record follows in any case. */
  readonly keepsNote?: boolean;
  readonly local?: LocalStep | undefined;
}

/** What the appending node does at the moment when its record becomes effective there. Synchronous, both of them. */
export interface LocalStep {
  /** Just before it is applied. */
  applying(): void;
  /** Just after, before anybody is told. */
  applied(record: LogRecord): void;
}

export interface Appended {
  readonly record: LogRecord;
  /** How many stored responses of this node's memory tier it removed. */
  readonly removed: number;
  /** It has been applied on this node, and with it everything before it. False: others know more than this node. */
  readonly applied: boolean;
  /** A second record must follow: this one was not announced, and its note stands. */
  readonly held: boolean;
  /** Writes of other nodes that conflict with it. Undefined: that is not known. */
  readonly conflicting: readonly string[] | undefined;
}

export interface Conflicting {
  /** False: the log could not tell. */
  readonly known: boolean;
  readonly writes: readonly string[];
}

export interface LogListener {
  /** Makes the record effective on this node. Synchronous: when it returns, no hit can be stale by this record. Returns how many it removed. */
  applied(record: LogRecord): number;
  /** Called in log order, once the record is committed (invariant 4). */
  committed(record: LogRecord): void;
}

/** Of a log that may lose records, and come back. */
export interface SharedLogListener extends LogListener {
  /** Records that were appended before this node joined are committed only now: they are announced by the nodes that applied them. */
  caughtUp(): void;
  /**
   * Records were missed, or the log is another one: memory is to be emptied, fills and writes in flight know nothing of
   * what was missed, subscribers are to look again. `quarantines` are open. Synchronous, like `applied`.
   */
  reset(position: Position, quarantines: readonly { readonly position: Position; readonly coverage: Coverage }[]): void;
}
