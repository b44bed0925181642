/** Place of a record in one epoch of a log that several nodes share: dense, the first is 1. */
export type Seq = number;

/** A node as the others see it. */
export interface Member {
  readonly id: string;
  /** Changes with each renewal, and never comes back: while it stands still, the member's lease was not renewed. */
  readonly beat: number;
  readonly applied: Seq;
}

/** A record in the shared log. */
export interface Entry {
  readonly seq: Seq;
  readonly payload: string;
  /** `member:number`, so that it is known again where the answer to its append was lost. */
  readonly ref?: string;
  /** The intent of its write, which nobody waits for any longer. */
  readonly intent?: string;
  /** Its writer waits for conflicting writes: it is announced by a second record. */
  readonly held?: boolean;
  /** What the write had posted (write-set.ts), for writes that have not applied this record yet. */
  readonly posts?: string;
  /** It repeats one of a member that is gone, which may not have been able to make it known to the second tier. */
  readonly again?: boolean;
  /** Of a node with another configuration, and widened for this one: the second tier has to be told of what that adds. */
  readonly foreign?: true;
}

/** What is told beside the log. */
export type Note =
  | { readonly kind: 'committed'; readonly seq: Seq }
  | { readonly kind: 'withdrawn'; readonly intent: string };

/** A record whose write may yet be applied (coherence.md, invariant 6). */
export interface OpenQuarantine {
  readonly seq: Seq;
  readonly payload: string;
  /** The member that is to end it. */
  readonly owner: string;
}

/** The bus is in another epoch than who asked: positions, leases and what is stored mean nothing any longer. */
export interface EpochMismatch {
  readonly ok: false;
  /** null: in none, somebody has to create one. */
  readonly epoch: string | null;
}

export type Answer<T = unknown> = ({ readonly ok: true } & T) | EpochMismatch;

export interface Renewal {
  readonly member: string;
  readonly applied: Seq | null;
  /** The `ref` of the record that it has applied at `applied`; "" where it has none. Another one there: the bus was set back. */
  readonly appliedRef?: string;
  /** The member's intents with a lower number are over: one that is still there, or comes later, was late. */
  readonly intentsFrom: number;
  /** Its records with a lower number are in the log, and known to the second tier: one that comes later is a late copy. */
  readonly recordsFrom: number;
  /** Whether the open quarantines are wanted. */
  readonly quarantines: boolean;
}

export interface Renewed {
  /** The last record in the log when the renewal was made: the lease holds only for who has applied it. */
  readonly seq: Seq;
  /** The oldest record that can still be read. */
  readonly first: Seq;
  readonly committed: Seq;
  /** Every record before it is known to the second tier. */
  readonly unpublished: Seq;
  /** Place in the notes. */
  readonly note: number;
  /** For how long leases are given in this epoch. */
  readonly leaseMs: number;
  readonly members: readonly Member[];
  /** The bus did not know this member: it is new, or its lease had run out and its intents were taken over. */
  readonly joined: boolean;
  /** Where they were asked for. */
  readonly quarantines: readonly OpenQuarantine[];
}

/** What a member has been told by the bus so far. A bus that knows of less was set back: to a snapshot, by a restored dump. */
export interface Contact {
  /** Of this step: a member's steps are numbered as they are sent. */
  readonly number: number;
  /** The highest number that was answered in this epoch. */
  readonly answered: number;
  /** The highest place in this epoch's log that it was told of. */
  readonly seq: Seq;
  /** Its lease lasts, so that nobody can have evicted it. */
  readonly held: boolean;
}

/** Of whoever says nothing. */
export const noContact: Contact = { number: 0, answered: 0, seq: 0, held: false };

export interface Append {
  readonly payload: string;
  readonly ref: string;
  /** Removed in the same step, if it is still there, unless the record is held. */
  readonly intent?: string;
  /** Encoded terms: the intents that post one of them conflict. Empty: nobody is asked. */
  readonly probes: string;
  /** The member had applied all up to this when it made the record. */
  readonly asOf: Seq;
  /** The record is held in any case. */
  readonly kept: boolean;
  readonly quarantine: boolean;
  /** The record whose quarantine this one ends. */
  readonly endsQuarantine?: Seq;
}

export interface Appended {
  readonly seq: Seq;
  /** Intents that conflict. */
  readonly conflicting: readonly string[];
  /** Some do, or a record after `asOf` does, or it was to be kept: the record is held, and its intent stays. */
  readonly held: boolean;
}

export interface Conflicts {
  readonly seq: Seq;
  readonly conflicting: readonly string[];
}

export interface IntentNote {
  /** `member:number`. */
  readonly id: string;
  /** Encoded terms of what it may change (write-set.ts). */
  readonly posts: string;
  /** The indeterminate record that it becomes when its node dies. */
  readonly payload: string;
}

export interface Batch {
  readonly entries: readonly Entry[];
  readonly notes: readonly Note[];
  /** Place in the notes after these. */
  readonly note: number;
}

/**
 * How much of the log can be read back: a node that is further behind starts empty. It is what stops batches that name thousands
 * of things from filling a Redis that others need, too.
 */
export const logBounds = {
  records: 10_000,
  /** Of payloads. Beyond it goes what every member has applied; what not, where the Redis is nearly full. */
  keptBytes: 4 * 1024 * 1024,
  /** Beyond it goes what some have not applied. */
  mostBytes: 64 * 1024 * 1024,
} as const;

/**
 * The sequencer that the nodes share: each method is one atomic step there, and rejects when it cannot be reached (the
 * step may have been made). It keeps no time: nobody's lease depends on its clock. A step with which a member shows (`contact`,
 * or by being in a later epoch) that the sequencer was set back ends the epoch there.
 */
export interface Bus {
  /** Begins an epoch named `nonce`, unless one is already valid: of those who try at once, one does. */
  createEpoch(nonce: string, leaseMs: number): Promise<void>;
  /** Makes or keeps `member` a member. `applied` null: it joins empty-handed, and acknowledges once it has emptied itself. */
  renew(epoch: string, renewal: Renewal, contact?: Contact): Promise<Answer<Renewed>>;
  /** Of two with the same `ref` one is appended: both are answered with its place. */
  append(epoch: string, member: string, append: Append, contact?: Contact): Promise<Answer<Appended>>;
  ack(epoch: string, member: string, applied: Seq, contact?: Contact): Promise<Answer<{ readonly committed: Seq }>>;
  intend(epoch: string, member: string, note: IntentNote): Promise<Answer>;
  withdraw(epoch: string, intent: string): Promise<Answer>;
  /** Intents other than `intent` that post one of `probes`, and the end of the log. */
  conflicting(epoch: string, intent: string, probes: string, contact?: Contact): Promise<Answer<Conflicts>>;
  /**
   * Removes a member whose lease has surely run out, if its beat is still the one given; in the same step its intents
   * become quarantining records, and its open quarantines are returned for the caller to end. What it had not said to be known
   * to the second tier is repeated, as is what other members that are gone had left to be made known. `by` empty: it leaves by
   * itself, which it may not while it has intents or open quarantines.
   */
  evict(
    epoch: string,
    by: string,
    silent: Pick<Member, 'id' | 'beat'>,
  ): Promise<Answer<{ readonly orphans: readonly OpenQuarantine[] }>>;
  /** A record that was repeated is known to the second tier. */
  published(epoch: string, seq: Seq): Promise<Answer>;
  /** What came after; waits for a while when there is nothing. */
  read(epoch: string, after: Seq, note: number): Promise<Answer<Batch>>;
}
