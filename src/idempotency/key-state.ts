/**
 * What is known of an idempotency key, as a pure state machine. Both stores are this machine: `memory-keys.ts` calls
 * it, and the Lua of redis/redis-keys.ts is the same (one contract of tests runs on both).
 *
 * - absent: nobody has used the key, or it was given back, or it has expired, or the store has lost it
 * - under way: its owner is carrying the write out, and renews its lease while it does
 * - unknown: the write may have been applied, and nobody knows. It is never carried out again. The owner may still
 *   learn how it ended: a node that was only paused
 * - answered: the write has ended, and this was its answer
 */
export type KeyState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'underWay'; readonly fingerprint: string; readonly owner: string; readonly leaseUntil: number }
  | { readonly kind: 'unknown'; readonly fingerprint: string; readonly owner: string }
  | { readonly kind: 'answered'; readonly fingerprint: string; readonly owner: string; readonly answer: KeptAnswer };

/** The first answer. */
export interface KeptAnswer {
  readonly status: number;
  /** As they were sent to the client; empty without a body. */
  readonly lines: readonly string[];
  /** Undefined: it was too large to be kept. */
  readonly body: Buffer | undefined;
}

/** That it was carried out, and with which status. */
export function withoutBody({ status }: KeptAnswer): KeptAnswer {
  return { status, lines: [], body: undefined };
}

/** What a request that brings a key has to do. */
export type Verdict =
  /** It owns the key now, and carries the write out. */
  | { readonly kind: 'first' }
  /** The key belongs to another payload. */
  | { readonly kind: 'otherPayload' }
  | { readonly kind: 'underWay' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'answered'; readonly answer: KeptAnswer };

/** How the write of an owner has ended. `notRun`: it was certainly not applied, so the key is free again. */
export type Settlement =
  | { readonly kind: 'notRun' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'answered'; readonly answer: KeptAnswer };

export interface Claim {
  readonly fingerprint: string;
  readonly owner: string;
  readonly now: number;
  readonly leaseMs: number;
}

/** A request asks for the key. */
export function claimed(state: KeyState, claim: Claim): { readonly state: KeyState; readonly verdict: Verdict } {
  const { fingerprint, owner, now, leaseMs } = claim;
  if (state.kind === 'absent') {
    const leaseUntil = now + leaseMs;
    return { state: { kind: 'underWay', fingerprint, owner, leaseUntil }, verdict: { kind: 'first' } };
  }
  if (state.fingerprint !== fingerprint) return { state, verdict: { kind: 'otherPayload' } };
  if (state.kind === 'answered') return { state, verdict: { kind: 'answered', answer: state.answer } };
  if (state.kind === 'unknown') return { state, verdict: { kind: 'unknown' } };
  if (now <= state.leaseUntil) return { state, verdict: { kind: 'underWay' } };
  // The owner is dead or paused. It may have sent the write.
  return { state: { kind: 'unknown', fingerprint, owner: state.owner }, verdict: { kind: 'unknown' } };
}

/** The owner is still at it. A key that was lost is its own again. */
export function renewed(state: KeyState, { fingerprint, owner, now, leaseMs }: Claim): KeyState {
  if (state.kind === 'answered' || (state.kind !== 'absent' && state.owner !== owner)) return state;
  return { kind: 'underWay', fingerprint, owner, leaseUntil: now + leaseMs };
}

/** The owner knows how it ended, even if the key was lost. Nobody else can say. */
export function settled(
  state: KeyState,
  { fingerprint, owner }: Pick<Claim, 'fingerprint' | 'owner'>,
  settlement: Settlement,
): KeyState {
  if (state.kind === 'answered' || (state.kind !== 'absent' && state.owner !== owner)) return state;
  if (settlement.kind === 'notRun') return { kind: 'absent' };
  if (settlement.kind === 'unknown') return { kind: 'unknown', fingerprint, owner };
  return { kind: 'answered', fingerprint, owner, answer: settlement.answer };
}
