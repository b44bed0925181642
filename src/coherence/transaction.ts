/**
 * A write, from its arrival until its answer may be released. This file decides when its request may end and what its
 * answer waits for. exchange/write/write.ts carries out the commands until the origin has answered, conclude.ts the
 * rest.
 *
 * ```
 * arrived ──► noted ──► forwarded ──► answered, then
 *
 *                         answered ──┬─ done, indeterminate ──► recorded ──┬─ nothing conflicts ─────► concluded
 *                                    │                            ▲        └─ wait, then the rest ───► concluded
 *                                    │           something changed│
 *                                    └─ unchanged, refused ──► asked ──┬─ nothing conflicts ─────────► concluded
 *                                                                      └─ wait, or a record ─────────► concluded
 * ```
 *
 * Any answer reveals something. A 404 shows that a DELETE in flight was applied; a 412 shows that a PUT was; a 200 that
 * "changed nothing" shows that another write has made the change. So no answer is released before every conflicting
 * write that was in flight at the same time has been recorded. A write waits `MAX_WAIT_MS` at most. Then it records its
 * own noted write set, which covers all that it may have changed itself. What else its answer reveals of a write that
 * hangs is served as before until that one is recorded.
 *
 * Two writes never wait for each other. A write with a record waits only once that is in the log, where the others find
 * it. A refused write has changed nothing, and is withdrawn before it waits.
 */
export type WriteState =
  /** No other write waits for it. The origin has at most a part of an upload. */
  | { readonly phase: 'arrived' }
  /** Other writes can find it, on every node. The origin has not received the whole request. */
  | { readonly phase: 'noted' }
  /** The origin has received the whole request, or may have. */
  | { readonly phase: 'forwarded' }
  /** Its outcome is known. The log has been asked to append its record, or to name conflicting writes. */
  | { readonly phase: 'answered'; readonly outcome: Outcome; readonly selects: boolean }
  /**
   * Its record is in the log; those of conflicting writes are not. `lacking`: the record does not cover all it must.
   * `unsure`: other writes may conflict that are not known.
   */
  | { readonly phase: 'recorded'; readonly lacking: boolean; readonly unsure: boolean }
  /** It has no record to make, but its answer reveals writes that are not recorded yet. `unsure`: as in `recorded`. */
  | { readonly phase: 'asked'; readonly unsure: boolean }
  /** Everything that the client can learn from the answer is effective. */
  | { readonly phase: 'concluded' };

export type Outcome =
  /** 2xx or 3xx. */
  | 'done'
  /** Done, but every rule that applies requires a change, and nothing has changed. */
  | 'unchanged'
  /** 4xx, or a 5xx that says so: the origin did nothing. */
  | 'refused'
  /** A timeout, a broken connection or a 5xx: the origin may have applied it, or may still do so. */
  | 'indeterminate';

export type WriteEvent =
  /** Other writes can find it, on every node, and what it needs from before is read. */
  | { readonly type: 'noted' }
  /** The origin has the whole request, or may have: it may also have answered before the end. */
  | { readonly type: 'forwarded' }
  | {
      readonly type: 'answered';
      readonly outcome: Outcome;
      /** Its targets depend on what it read. If others wrote meanwhile, its record may lack targets. */
      readonly selects: boolean;
      /** What it reads is in quarantine: its answer may reveal an indeterminate write, which is in no index. */
      readonly quarantined: boolean;
    }
  /**
   * The log has named the conflicting writes. `known` false: not all of them. `quarantined`: as in `answered`, by what
   * this node has applied since then.
   */
  | {
      readonly type: 'told';
      readonly known: boolean;
      readonly pending: number;
      readonly disturbed: boolean;
      readonly quarantined: boolean;
    }
  /**
   * Its record is in the log. `known` false: the earlier records and the conflicting writes are not known. `lacking`:
   * earlier records, which this node had not applied yet, covered what it read.
   */
  | {
      readonly type: 'appended';
      readonly known: boolean;
      readonly pending: number;
      readonly lacking: boolean;
      readonly announced: boolean;
    }
  /** The conflicting writes have been recorded or withdrawn. `all` false: one was not, within the bound. */
  | { readonly type: 'ended'; readonly all: boolean };

export type Command =
  /** Let the origin have the whole request. */
  | { readonly do: 'forward' }
  /** Nothing, until the origin has answered or failed. */
  | { readonly do: 'await' }
  /**
   * Ask the log which writes conflict, and whether this node is up to date. `withdraws`: the write has changed nothing,
   * so no other write has to wait for it.
   */
  | { readonly do: 'ask'; readonly withdraws: boolean }
  /**
   * Append a record.
   * - `own`: the targets of its rules
   * - `rest`: targets that `own` lacked, and its announcements if they were held back
   * - `noted`: everything that it may have changed, as far as is known
   */
  | { readonly do: 'append'; readonly what: 'own' | 'rest' | 'noted' }
  /** Wait for the conflicting writes, for `MAX_WAIT_MS` at most. */
  | { readonly do: 'wait' }
  /** Release the answer. `recorded`: the log has a record of the write. */
  | { readonly do: 'release'; readonly recorded: boolean };

/** How long a write waits for conflicting ones. An origin may take longer; clients of other writes should not wait. */
export const MAX_WAIT_MS = 2_000;

export interface Next {
  readonly state: WriteState;
  readonly command: Command;
}

/** Pure. @throws Error on an event that the state does not expect: a bug in the caller */
export function next(state: WriteState, event: WriteEvent): Next {
  switch (event.type) {
    case 'noted':
      if (state.phase === 'arrived') return { state: { phase: 'noted' }, command: { do: 'forward' } };
      // The origin answered before the end of an upload, which has come now.
      return { state, command: { do: 'await' } };
    case 'forwarded':
      if (state.phase === 'noted') return { state: { phase: 'forwarded' }, command: { do: 'await' } };
      break;
    case 'answered':
      if (state.phase === 'forwarded') return answered(event);
      break;
    case 'told':
      if (state.phase === 'answered') return told(state, event);
      break;
    case 'appended':
      if (state.phase === 'answered') return appended(state, event);
      // A second record completes the first one.
      if (state.phase === 'recorded' || state.phase === 'asked') return release(true);
      break;
    case 'ended':
      if (state.phase === 'recorded' || state.phase === 'asked') return ended(state, event);
      break;
  }
  throw new Error(`a write that is ${state.phase} cannot be ${event.type}`);
}

function answered({ outcome, selects, quarantined }: WriteEvent & { type: 'answered' }): Next {
  const state = { phase: 'answered', outcome, selects } as const;
  if (outcome === 'done' || outcome === 'indeterminate') return { state, command: { do: 'append', what: 'own' } };
  if (!quarantined) return { state, command: { do: 'ask', withdraws: outcome === 'refused' } };
  // An indeterminate write may have changed the resource first: what looks unchanged may have changed twice.
  if (outcome === 'unchanged') return recordAfterAll;
  return recordNoted;
}

/**
 * A quarantine keeps the resource from being stored. But an earlier fill must not answer requests after this answer.
 */
const recordNoted: Next = { state: { phase: 'asked', unsure: true }, command: { do: 'append', what: 'noted' } };

/**
 * A write that looked unchanged is recorded like any other, with every rule: its targets may have been read too early.
 */
const recordAfterAll: Next = {
  state: { phase: 'answered', outcome: 'done', selects: true },
  command: { do: 'append', what: 'own' },
};

function told(
  { outcome }: WriteState & { phase: 'answered' },
  { known, pending, disturbed, quarantined }: WriteEvent & { type: 'told' },
): Next {
  if (outcome === 'unchanged')
    return known && pending === 0 && !disturbed && !quarantined ? release(false) : recordAfterAll;
  const unsure = !known || quarantined;
  // Its noted write set may lack targets of those that are known, so these are awaited first.
  if (pending > 0) return { state: { phase: 'asked', unsure }, command: { do: 'wait' } };
  return unsure ? recordNoted : release(false);
}

function appended(
  { selects }: WriteState & { phase: 'answered' },
  { known, pending, lacking, announced }: WriteEvent & { type: 'appended' },
): Next {
  const state = { phase: 'recorded', lacking: lacking || !announced, unsure: !known } as const;
  if (!selects) return release(true);
  if (pending > 0) return { state, command: { do: 'wait' } };
  if (!known) return { state, command: { do: 'append', what: 'noted' } };
  return state.lacking ? { state, command: { do: 'append', what: 'rest' } } : release(true);
}

function ended(state: WriteState & { phase: 'recorded' | 'asked' }, { all }: WriteEvent & { type: 'ended' }): Next {
  if (!all || state.unsure) return { state, command: { do: 'append', what: 'noted' } };
  if (state.phase === 'recorded' && state.lacking) return { state, command: { do: 'append', what: 'rest' } };
  return release(state.phase === 'recorded');
}

function release(recorded: boolean): Next {
  return { state: { phase: 'concluded' }, command: { do: 'release', recorded } };
}

/** One write on its way through these states. */
export class Transaction {
  #state: WriteState = { phase: 'arrived' };

  get state(): WriteState {
    return this.#state;
  }

  /** The origin has, or may have, the whole request. */
  get forwarded(): boolean {
    return this.#state.phase !== 'arrived' && this.#state.phase !== 'noted';
  }

  /** @throws Error as `next` */
  take(event: WriteEvent): Command {
    const { state, command } = next(this.#state, event);
    this.#state = state;
    return command;
  }
}
