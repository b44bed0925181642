/** Number of a record in one epoch of the log that the nodes share: dense, starting at 1. */
export type Seq = number;

/** A node as the others see it. */
export interface Member {
  readonly id: string;
  /** Changes with each renewal and never repeats. While it does not change, the member has not renewed its lease. */
  readonly beat: number;
  readonly applied: Seq;
}

/** A record in the shared log. */
export interface Entry {
  readonly seq: Seq;
  readonly payload: string;
  /** `member:number`. Identifies the record when the answer to its append was lost. */
  readonly ref?: string | undefined;
  /** The intent of its write. Conflicting writes no longer wait for it. */
  readonly intent?: string | undefined;
  /** Its writer waits for conflicting writes. A second record announces it. */
  readonly held?: boolean | undefined;
  /**
   * The terms that its write had posted (write-set.ts), or those of what it covers. Writes that have not applied this
   * record compare theirs with them.
   */
  readonly posts?: string | undefined;
  /** Repeats a record of a member that is gone and may not have published it to the second tier. */
  readonly again?: boolean | undefined;
  /** Written under another configuration and widened for this one. The second tier has to learn what that adds. */
  readonly foreign?: true | undefined;
}

/** A notice to all members, in a sequence of its own next to the log. */
export type BusNote =
  | { readonly kind: 'committed'; readonly seq: Seq }
  | { readonly kind: 'withdrawn'; readonly intent: string }
  /** It was noted again after its record, which is at `seq`. Writes that found the new note need not wait longer. */
  | { readonly kind: 'recorded'; readonly intent: string; readonly seq: Seq };

/** A record whose write the origin may still apply (coherence.md, invariant 6). */
export interface OpenQuarantine {
  readonly seq: Seq;
  readonly payload: string;
  /** The member that has to end the quarantine. */
  readonly owner: string;
}

/** The bus is in another epoch than the caller: the caller's positions, leases and stored responses are void. */
export interface EpochMismatch {
  readonly ok: false;
  /** null: there is no epoch, and a member has to create one. */
  readonly epoch: string | null;
}

export type StepResult<T = unknown> = ({ readonly ok: true } & T) | EpochMismatch;

export interface Renewal {
  readonly member: string;
  readonly applied: Seq | null;
  /** The `ref` of the record at `applied`, "" if it has none. If the bus holds another `ref` there, it was set back. */
  readonly appliedRef?: string;
  /** The member's intents with a lower number have ended. The bus drops those it still holds or receives late. */
  readonly intentsFrom: number;
  /**
   * Its records with a lower number are in the log and published to the second tier. Any that arrives is a late copy.
   */
  readonly recordsFrom: number;
  /** Whether to return the open quarantines. */
  readonly quarantines: boolean;
}

export interface Renewed {
  /** The last record in the log at the time of the renewal. The lease holds only once the member has applied it. */
  readonly seq: Seq;
  /** The oldest record that can still be read. */
  readonly first: Seq;
  readonly committed: Seq;
  /** Every record before this one has been published to the second tier. */
  readonly unpublished: Seq;
  /** The number of the last note. */
  readonly note: number;
  /** The length of a lease in this epoch. */
  readonly leaseMs: number;
  readonly members: readonly Member[];
  /** The bus did not know this member: it is new, or its lease had run out and others took over its intents. */
  readonly joined: boolean;
  /** Empty unless the renewal asked for them. */
  readonly quarantines: readonly OpenQuarantine[];
}

/** What the bus has told a member so far. A bus that knows less was set back: to a snapshot, or by a restored dump. */
export interface Contact {
  /** Number of this step. A member numbers its steps in the order in which it sends them. */
  readonly number: number;
  /** The highest number that was answered in this epoch. */
  readonly answered: number;
  /** The highest `seq` of this epoch that the bus has told the member. */
  readonly seq: Seq;
  /** The member holds a lease, so no other member can have evicted it. */
  readonly held: boolean;
}

/**
 * Begins the term of a configuration. Whoever posts it conflicts with whoever probes for another one: terms of tags
 * mean something under one configuration only.
 */
export const configurationMark = '~';

/** The contact of a caller that has been told nothing. */
export const noContact: Contact = { number: 0, answered: 0, seq: 0, held: false };

export interface Append {
  readonly payload: string;
  readonly ref: string;
  /** Removed in the same step if it is still there, unless the record is held. */
  readonly intent?: string | undefined;
  /** Encoded terms. Intents that post one of them conflict. Empty: skips the search for conflicts. */
  readonly probes: string;
  /** The member had applied every record up to this one when it made the record. */
  readonly asOf: Seq;
  /** Hold the record in any case. */
  readonly hold: boolean;
  readonly quarantine: boolean;
  /** The record whose quarantine this one ends. */
  readonly endsQuarantine?: Seq | undefined;
  /** Encoded terms of what it covers. The record posts them if the bus has no intent of its write. */
  readonly posts?: string;
}

export interface AppendResult {
  readonly seq: Seq;
  /** Intents that conflict. */
  readonly conflicting: readonly string[];
  /** The record is held and its intent stays: an intent conflicts, a record after `asOf` does, or `hold` was set. */
  readonly held: boolean;
}

export interface Conflicts {
  readonly seq: Seq;
  readonly conflicting: readonly string[];
}

export interface IntentNote {
  /** `member:number`. */
  readonly id: string;
  /** Encoded terms of what the write may change (write-set.ts). */
  readonly posts: string;
  /** The indeterminate record that replaces the intent if its node dies. */
  readonly payload: string;
  /** A first record is in the log, and a second one follows: no other write has to wait for it. */
  readonly recorded?: boolean;
}

/** A step of one member, made in a group with others (`Bus.group`). */
export type Step =
  | { readonly kind: 'append'; readonly append: Append }
  | { readonly kind: 'intend'; readonly note: IntentNote }
  | { readonly kind: 'withdraw'; readonly intent: string }
  /** Which intents other than `intent` post one of `probes`. */
  | { readonly kind: 'conflicting'; readonly intent: string; readonly probes: string }
  /** The member has applied every record up to this one. */
  | { readonly kind: 'ack'; readonly applied: Seq };

/** The answer to the step of its kind, or `failed`: the step was not made, and the others of its group were. */
export type StepAnswer =
  | ({ readonly kind: 'append' } & AppendResult)
  | { readonly kind: 'intend' }
  | { readonly kind: 'withdraw' }
  | ({ readonly kind: 'conflicting' } & Conflicts)
  | { readonly kind: 'ack'; readonly committed: Seq }
  | { readonly kind: 'failed'; readonly reason: string };

export interface GroupResult {
  /** In the order of the steps. */
  readonly answers: readonly StepAnswer[];
}

export interface Batch {
  readonly entries: readonly Entry[];
  readonly notes: readonly BusNote[];
  /** The number of the last note returned. */
  readonly note: number;
}

/**
 * How much of the log can be read back. A node that is further behind starts empty. The bounds keep batches that name
 * thousands of targets from filling a Redis that others use, too.
 */
export const logBounds = {
  records: 10_000,
  /** Bytes of payloads. Above it, records that every member has applied go; others too if the Redis is nearly full. */
  keptBytes: 4 * 1024 * 1024,
  /** Above it, records go even if some members have not applied them. */
  mostBytes: 64 * 1024 * 1024,
  /**
   * If evicted members leave more unpublished records than this, one that covers everything replaces them. Repeated one
   * by one, they could push each other out of the log before a node has read and published them.
   */
  repeated: 256,
} as const;

/**
 * The sequencer that the nodes share. Each method is one atomic step. It rejects when the bus cannot be reached; the
 * bus may have made the step all the same. The bus keeps no time, so no lease depends on its clock. When a caller knows
 * more than the bus (its `contact`, or a later epoch), the bus was set back, and the step ends its epoch.
 */
export interface Bus {
  /** Begins an epoch named `nonce` unless one is valid. If several members try at once, one succeeds. */
  createEpoch(nonce: string, leaseMs: number): Promise<void>;
  /** Adds or renews a member. `applied` null: it joins with nothing, and acknowledges once its memory is empty. */
  renew(epoch: string, renewal: Renewal, contact?: Contact): Promise<StepResult<Renewed>>;
  /**
   * Makes several steps of one member, in their order and at once: no other step comes between them. In another epoch
   * none of them is made. Appends are idempotent by `ref`: a record that is sent twice is appended once, and both
   * answers give the same `seq`.
   */
  group(epoch: string, member: string, steps: readonly Step[], contact?: Contact): Promise<StepResult<GroupResult>>;
  /**
   * Removes a member whose lease has surely run out, if its beat is still the one given. In the same step its intents
   * become quarantining records, and its open quarantines are returned for the caller to end. Records that it had not
   * reported as published to the second tier are repeated, as are those that earlier evicted members left unpublished.
   * `by` empty: the member leaves by itself, which it may not do while it has intents or open quarantines.
   */
  evict(
    epoch: string,
    by: string,
    silent: Pick<Member, 'id' | 'beat'>,
  ): Promise<StepResult<{ readonly orphans: readonly OpenQuarantine[] }>>;
  /** A repeated record has been published to the second tier. */
  published(epoch: string, seq: Seq): Promise<StepResult>;
  /** Records after `after` and notes after `note`. Waits for a while if there are none. */
  read(epoch: string, after: Seq, note: number): Promise<StepResult<Batch>>;
}
