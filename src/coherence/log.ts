import type { Announcement, Invalidation, LogRecord, Position } from './record.ts';
import type { Coverage } from './tag.ts';
import type { Term } from './write-set.ts';

/**
 * The log: a total order of all invalidations. Each node applies records in log order. A record is committed when every
 * live node has applied it.
 */
export interface Log {
  /** Tells this log's positions from those of a log that has forgotten them (a restart). */
  readonly epoch: string;
  /**
   * Resolves when the record is committed. Only then may the write's answer be released (invariant 3).
   * @throws GatewayError unconfirmed: some nodes may not have the record. It is still appended as soon as possible
   */
  append(invalidation: Invalidation, options?: AppendOptions): Promise<Appended>;
  /**
   * Notes a write before it is forwarded (invariant 7).
   * @throws GatewayError uncoordinated: the write could not be noted, and must not be forwarded
   */
  note(write: NotedWrite): Promise<Note>;
  /** The write has changed nothing. */
  withdraw(note: Note): void;
  /**
   * The writer has given up. The log makes an indeterminate record of everything that was noted, as it does for a node
   * that dies. Does nothing if the note was fulfilled or withdrawn.
   */
  abandon(note: Note): void;
  /**
   * Finds the writes in flight on other nodes that post one of `probes`. Resolves when every record in the log at that
   * time is committed, so that whatever the answer of a write reveals of them is effective.
   */
  conflicting(note: Note, probes: ReadonlySet<Term>): Promise<Conflicting>;
  /**
   * Resolves true when all of these are recorded and committed, or withdrawn; false if their end may have been missed.
   */
  ended(writes: readonly string[]): Promise<boolean>;
  /**
   * Waits until no other node writes the resource in a turn.
   * @throws GatewayError busy: it has waited for `waitMs`; uncoordinated: the other nodes cannot be reached, or what
   * they have recorded was not applied in that time
   */
  turn(resource: string, waitMs: number): Promise<SharedTurn> | SharedTurn;
  /** Whether this node may serve from memory, and collapse, now (invariant 8). */
  serving(): boolean;
  /**
   * A read-your-writes token. A node that has reached it serves nothing older than the record or what is applied here
   * now.
   */
  tokenOf(record: LogRecord): string;
  /** Whether this node applies the position of a token (`epoch-seq`) within `timeoutMs`. */
  reached(token: string, timeoutMs: number): Promise<boolean>;
}

/** What other nodes have to know about a write in flight. */
export interface NotedWrite {
  /** Writes whose probes contain one of these terms conflict with it. */
  readonly posts: ReadonlySet<Term>;
  /** The targets as far as the request determines them, with wildcards for the rest. */
  readonly coverage: Coverage;
  readonly announcements: readonly Announcement[];
  /** If the write becomes indeterminate: how long the origin may still apply it. */
  readonly quarantineMs: number;
}

export interface Note {
  readonly id: string;
  /** The other nodes may not know of it: they cannot be reached. */
  readonly unshared?: true;
}

/** The right to write a resource, which one node has at a time. */
export interface SharedTurn {
  /** Whether it is surely this node's still. What is sent while it is comes before all that a successor sends. */
  holds(): boolean;
  /** Further calls have no effect. */
  end(): void;
}

export interface AppendOptions {
  /** The note that the record fulfils, in the same step. */
  readonly note?: Note | undefined;
  /**
   * Asks which writes conflict. If any do, or if records that this node has not applied may cover what the write reads,
   * the record is not announced and its note is kept: a second record follows.
   */
  readonly probes?: ReadonlySet<Term> | undefined;
  /** A second record follows in any case. */
  readonly keepsNote?: boolean;
  readonly local?: LocalStep | undefined;
}

/** What the appending node does when its record takes effect there. Both methods are synchronous. */
export interface LocalStep {
  /** Called just before the record is applied. */
  applying(): void;
  /** Called just after, before anyone is told. */
  applied(record: LogRecord): void;
}

export interface Appended {
  readonly record: LogRecord;
  /** How many stored responses it removed from this node's memory tier. */
  readonly removed: number;
  /** This node has applied the record and all before it. False: other nodes may have applied more. */
  readonly applied: boolean;
  /** A second record has to follow: this one was not announced, and its note stays. */
  readonly held: boolean;
  /** Conflicting writes of other nodes. Undefined: not known. */
  readonly conflicting: readonly string[] | undefined;
}

export interface Conflicting {
  /** False: the log could not tell. */
  readonly known: boolean;
  readonly writes: readonly string[];
}

export interface LogListener {
  /**
   * Makes the record effective on this node. Returns how many stored responses it removed. Synchronous: once it
   * returns, no hit can be stale because of this record.
   */
  applied(record: LogRecord): number;
  /** Called in log order, once the record is committed (invariant 4). */
  committed(record: LogRecord): void;
}

/** The listener of a log that may lose records, and come back. */
export interface SharedLogListener extends LogListener {
  /**
   * Records appended before this node joined are committed only now. The nodes that applied them announce them; those
   * of an epoch that is over may be announced nowhere.
   */
  caughtUp(): void;
  /**
   * Records were missed, or the log is another one. The listener empties the memory, voids fills, tells writes in
   * flight that they may have missed anything, and has subscribers resync. `quarantines` are open. Synchronous, like
   * `applied`.
   */
  reset(
    position: Position,
    quarantines: readonly {
      readonly position: Position;
      readonly coverage: Coverage;
      readonly quarantineMs?: number | undefined;
    }[],
  ): void;
}
