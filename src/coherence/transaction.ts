/**
 * A write, from the moment at which it is noted until its answer may reach its client. This file says what it waits for, and
 * why; exchange/write/conclude.ts does what it says.
 *
 * ```
 * noted ──► forwarded ──► answered ──┬─ done, indeterminate ──► recorded ──┬─ nothing conflicts ─────► concluded
 *                                    │                            ▲        └─ wait, then the rest ───► concluded
 *                                    │           something changed│
 *                                    └─ unchanged, refused ──► asked ──┬─ nothing conflicts ─────────► concluded
 *                                                                      └─ wait, or a record ─────────► concluded
 * ```
 *
 * An answer of any kind tells its client something. A 404 says that a DELETE in flight was applied; a 412 says that a PUT
 * was; a 200 that "changed nothing" says that another write has made the change. So none is released before every write that
 * conflicts with it, and was in flight at the same time, has been recorded. A write waits `MAX_WAIT_MS` at most. Then it
 * records its own noted write set, which makes unusable whatever the answer tells of.
 *
 * No two writes wait for each other: one that has a record waits only when that is in the log, where the others find it, and
 * one that was refused has changed nothing, and is withdrawn before it waits.
 */
export type WriteState =
  /** Others can find it, on every node. The origin has not heard of it. */
  | { readonly phase: 'noted' }
  /** The origin has, or may have, the whole request. */
  | { readonly phase: 'forwarded' }
  /** What became of it is known; the log is asked which writes conflict, or for a place for its record. */
  | { readonly phase: 'answered'; readonly outcome: Outcome; readonly selects: boolean }
  /** Its record is in the log. Conflicting writes are not. `lacking`: the record does not cover all that it must. */
  | { readonly phase: 'recorded'; readonly lacking: boolean }
  /** It tells of writes that are not recorded yet, and has nothing to record itself. */
  | { readonly phase: 'asked' }
  /** All that its client can learn from the answer is effective. */
  | { readonly phase: 'concluded' };

export type Outcome =
  /** 2xx or 3xx. */
  | 'done'
  /** Done, and every rule that takes part asks for a change where there is none. */
  | 'unchanged'
  /** 4xx, and 5xx that say so: the origin did nothing. */
  | 'refused'
  /** A timeout, a broken connection, 5xx: it may have been applied, or may be yet. */
  | 'indeterminate';

export type WriteEvent =
  | { readonly type: 'forwarded' }
  | {
      readonly type: 'answered';
      readonly outcome: Outcome;
      /** Its targets depend on what it read: its record may lack targets where others wrote meanwhile. */
      readonly selects: boolean;
      /** What it reads is in quarantine: a write of unknown outcome, which is in no index, may have been what it tells of. */
      readonly quarantined: boolean;
    }
  /** The log has said who conflicts. `known` false: it could not. */
  | { readonly type: 'told'; readonly known: boolean; readonly pending: number; readonly disturbed: boolean }
  /**
   * Its record is in the log. `known` false: what came before it, and who conflicts, is not known. `lacking`: earlier records,
   * which this node had not applied yet, covered what it read.
   */
  | {
      readonly type: 'appended';
      readonly known: boolean;
      readonly pending: number;
      readonly lacking: boolean;
      readonly announced: boolean;
    }
  /** The conflicting writes have been recorded, or withdrawn; false where one was not within the bound. */
  | { readonly type: 'ended'; readonly all: boolean };

export type Command =
  | { readonly do: 'forward' }
  /**
   * Ask the log which writes conflict, and whether it is current here. `withdraws`: it has changed nothing, so that no other
   * write has to wait for it.
   */
  | { readonly do: 'ask'; readonly withdraws: boolean }
  /**
   * Append a record.
   * - `own`: what its rules come to
   * - `rest`: what `own` lacked, with its announcements where they were held back
   * - `noted`: all that it may have changed, as far as is known
   */
  | { readonly do: 'append'; readonly what: 'own' | 'rest' | 'noted' }
  /** Wait for the conflicting writes, for `MAX_WAIT_MS` at most. */
  | { readonly do: 'wait' }
  /** The answer may leave. `recorded`: the log has a record of it. */
  | { readonly do: 'release'; readonly recorded: boolean };

/** How long a write waits for those that conflict with it: an origin may take longer, its other clients should not. */
export const MAX_WAIT_MS = 2_000;

export interface Next {
  readonly state: WriteState;
  readonly command: Command;
}

/** Pure. @throws Error on an event that the state does not expect: a defect of the caller */
export function next(state: WriteState, event: WriteEvent): Next {
  switch (event.type) {
    case 'forwarded':
      if (state.phase === 'noted') return { state: { phase: 'forwarded' }, command: { do: 'forward' } };
      break;
    case 'answered':
      if (state.phase === 'forwarded') return answered(event);
      break;
    case 'told':
      if (state.phase === 'answered') return told(state, event);
      break;
    case 'appended':
      if (state.phase === 'answered') return appended(state, event);
      // A second record closes what the first one left open.
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
  // Nothing certain is known of the resource: what looks unchanged may have been changed twice.
  if (outcome === 'unchanged') return recordAfterAll;
  // Nothing of it is stored; but a fill from before this answer must not be given to who comes after it.
  return { state: { phase: 'asked' }, command: { do: 'append', what: 'noted' } };
}

/** What looked unchanged is recorded like any other write: with every rule, as its targets may have been read too early. */
const recordAfterAll: Next = {
  state: { phase: 'answered', outcome: 'done', selects: true },
  command: { do: 'append', what: 'own' },
};

function told(
  { outcome }: WriteState & { phase: 'answered' },
  { known, pending, disturbed }: WriteEvent & { type: 'told' },
): Next {
  if (outcome === 'unchanged') return known && pending === 0 && !disturbed ? release(false) : recordAfterAll;
  if (!known) return { state: { phase: 'asked' }, command: { do: 'append', what: 'noted' } };
  return pending === 0 ? release(false) : { state: { phase: 'asked' }, command: { do: 'wait' } };
}

function appended(
  { selects }: WriteState & { phase: 'answered' },
  { known, pending, lacking, announced }: WriteEvent & { type: 'appended' },
): Next {
  const state = { phase: 'recorded', lacking: lacking || !announced } as const;
  if (!selects) return release(true);
  if (!known) return { state, command: { do: 'append', what: 'noted' } };
  if (pending > 0) return { state, command: { do: 'wait' } };
  return state.lacking ? { state, command: { do: 'append', what: 'rest' } } : release(true);
}

function ended(state: WriteState & { phase: 'recorded' | 'asked' }, { all }: WriteEvent & { type: 'ended' }): Next {
  if (!all) return { state, command: { do: 'append', what: 'noted' } };
  if (state.phase === 'recorded' && state.lacking) return { state, command: { do: 'append', what: 'rest' } };
  return release(state.phase === 'recorded');
}

function release(recorded: boolean): Next {
  return { state: { phase: 'concluded' }, command: { do: 'release', recorded } };
}
