import type { Settlement, Verdict } from './key-state.ts';

/** A key in its scope, and who asks for it. */
export interface KeyClaim {
  /** A hash: neither keys nor credentials are kept. */
  readonly id: string;
  readonly fingerprint: string;
  /** Unique to this attempt. */
  readonly owner: string;
  /** How long the key is kept from its answer on. */
  readonly keepMs: number;
  /**
   * How long the key is under way without a sign of life of its owner. Then nobody knows how the write ended: the owner
   * is dead, or paused.
   */
  readonly leaseMs: number;
  /** Whose keys it counts among: the client's address, or that of a proxy which names no client. */
  readonly address: string;
}

/** Where the keys of writes are kept. Each method is one atomic step; key-state.ts says what it does. */
export interface KeyStore {
  /** `full`: there is no room for another key, and none is forgotten before its time. */
  claim(claim: KeyClaim): Promise<Verdict | { readonly kind: 'full' }>;
  /** Also where the key was lost. */
  renew(claim: KeyClaim): Promise<void>;
  /** Also where the key was lost: its owner knows how the write ended, and nobody must carry it out again. */
  settle(claim: KeyClaim, settlement: Settlement): Promise<void>;
}

/** The store has not received the step, and never will. After any other failure it may have. */
export class KeyStoreAway extends Error {
  override readonly name = 'KeyStoreAway';
}

/**
 * How long a key without an answer is kept from the last sign of life of its owner: beyond the lease, however short
 * `keep` is. Otherwise it would be forgotten, and carried out again, while the first request is still under way.
 */
export function unsettledMs({ keepMs, leaseMs }: KeyClaim): number {
  return Math.max(keepMs, 2 * leaseMs);
}

/** Which share of the room the keys and answers of one address may take: one client must not have others refused. */
export const SHARE_OF_ADDRESS = 0.5;

/** What a key takes beside its answer: ids, the fingerprint, entries of maps. */
export const KEY_OVERHEAD_BYTES = 512;
