import type { Clock } from '../clock.ts';
import type { GatewayConfig } from '../config/model.ts';
import { HeldByAddress } from '../exchange/held-by-address.ts';
import {
  claimed,
  type KeptAnswer,
  type KeyState,
  renewed,
  type Settlement,
  settled,
  type Verdict,
  withoutBody,
} from './key-state.ts';
import { KEY_OVERHEAD_BYTES, type KeyClaim, type KeyStore, unsettledMs } from './key-store.ts';

/** Keys, and the answers to them, may take this share of the memory tier's size, in addition to it. */
const KEYS_SHARE = 0.125;
/** What the keys of one address may take of all: stops one client from having the writes of others refused. */
const SHARE_OF_ADDRESS = 0.5;
/** Expired keys that one claim removes: more than one, so that they cannot pile up. */
const EXPIRED_AT_ONCE = 16;

interface Kept {
  readonly address: string | undefined;
  /** For how long it was kept when its state last changed. */
  readonly forMs: number;
  state: Exclude<KeyState, { kind: 'absent' }>;
  expiresAt: number;
  bytes: number;
}

/**
 * The keys of a single process. A restart forgets them. Where the answers do not fit, the oldest are dropped, and their
 * keys stay: a write is answered that it was carried out, and is not carried out again. Where the keys alone do not
 * fit, new ones are refused.
 */
export class MemoryKeys implements KeyStore {
  readonly #maxBytes: number;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #kept = new Map<string, Kept>();
  /** By how long they are kept: in each map, the first to expire is the first. */
  readonly #expiring = new Map<number, Map<string, Kept>>();
  /** Those whose answers may be dropped, the oldest first. */
  readonly #withBody = new Map<string, Kept>();
  readonly #ofAddress = new HeldByAddress();
  #bytes = 0;

  constructor(maxBytes: number, clock: Pick<Clock, 'monotonic'>) {
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  get size(): number {
    return this.#kept.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  claim(claim: KeyClaim): Promise<Verdict | { readonly kind: 'full' }> {
    const now = this.#clock.monotonic();
    this.#expire(now);
    const kept = this.#live(claim.id, now);
    const { state, verdict } = claimed(kept?.state ?? { kind: 'absent' }, { ...claim, now });
    if (kept === undefined && !this.#makesRoom(claim.address, KEY_OVERHEAD_BYTES)) {
      return Promise.resolve({ kind: 'full' });
    }
    const forMs = unsettledMs(claim);
    this.#put(claim, kept, { state, forMs: kept?.forMs ?? forMs, expiresAt: kept?.expiresAt ?? now + forMs });
    return Promise.resolve(verdict);
  }

  renew(claim: KeyClaim): Promise<void> {
    const now = this.#clock.monotonic();
    const kept = this.#live(claim.id, now);
    const state = renewed(kept?.state ?? { kind: 'absent' }, { ...claim, now });
    if (state === kept?.state || !this.#hasRoomAgain(claim, kept)) return Promise.resolve();
    // However long it takes, a write under way is not forgotten.
    const forMs = unsettledMs(claim);
    this.#put(claim, kept, { state, forMs, expiresAt: now + forMs });
    return Promise.resolve();
  }

  settle(claim: KeyClaim, settlement: Settlement): Promise<void> {
    const now = this.#clock.monotonic();
    const kept = this.#live(claim.id, now);
    if (kept !== undefined && kept.state.owner !== claim.owner) return Promise.resolve();
    if (settlement.kind !== 'notRun' && !this.#hasRoomAgain(claim, kept)) return Promise.resolve();
    const state = settled(kept?.state ?? { kind: 'absent' }, claim, this.#fitting(claim, settlement));
    this.#put(claim, kept, { state, forMs: claim.keepMs, expiresAt: now + claim.keepMs });
    return Promise.resolve();
  }

  #live(id: string, now: number): Kept | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined || kept.expiresAt > now) return kept;
    this.#remove(id, kept);
    return undefined;
  }

  /** Whether a key that is not known here any more, because its process was paused for too long, can be kept again. */
  #hasRoomAgain({ address }: KeyClaim, kept: Kept | undefined): boolean {
    return kept !== undefined || this.#makesRoom(address, KEY_OVERHEAD_BYTES);
  }

  #put(
    { id, address }: KeyClaim,
    kept: Kept | undefined,
    { state, forMs, expiresAt }: { state: KeyState; forMs: number; expiresAt: number },
  ): void {
    if (kept?.state === state && kept.expiresAt === expiresAt) return;
    if (kept !== undefined) this.#remove(id, kept);
    if (state.kind === 'absent') return;
    const bytes = KEY_OVERHEAD_BYTES + (state.kind === 'answered' ? bytesOf(state.answer) : 0);
    const put: Kept = { address: kept?.address ?? address, forMs, state, expiresAt, bytes };
    this.#kept.set(id, put);
    const expiring = this.#expiring.get(forMs) ?? new Map<string, Kept>();
    this.#expiring.set(forMs, expiring.set(id, put));
    if (state.kind === 'answered' && state.answer.body !== undefined) this.#withBody.set(id, put);
    this.#count(put, bytes);
  }

  #remove(id: string, kept: Kept): void {
    this.#kept.delete(id);
    this.#expiring.get(kept.forMs)?.delete(id);
    this.#withBody.delete(id);
    this.#count(kept, -kept.bytes);
  }

  #count({ address }: Kept, bytes: number): void {
    this.#bytes += bytes;
    if (address !== undefined) this.#ofAddress.add(address, bytes);
  }

  #expire(now: number): void {
    let left = EXPIRED_AT_ONCE;
    for (const expiring of this.#expiring.values()) {
      for (const [id, kept] of expiring) {
        if (kept.expiresAt > now || left-- <= 0) break;
        this.#remove(id, kept);
      }
    }
  }

  /** Whether there is room, once the oldest answers of others have been dropped. */
  #makesRoom(address: string | undefined, bytes: number): boolean {
    if (address !== undefined && this.#ofAddress.of(address) + bytes > this.#maxBytes * SHARE_OF_ADDRESS) {
      if (!this.#dropAnswers(() => this.#ofAddress.of(address) + bytes <= this.#maxBytes * SHARE_OF_ADDRESS, address))
        return false;
    }
    return this.#dropAnswers(() => this.#bytes + bytes <= this.#maxBytes, undefined);
  }

  #dropAnswers(enough: () => boolean, of: string | undefined): boolean {
    for (const [id, kept] of this.#withBody) {
      if (enough()) return true;
      if ((of !== undefined && kept.address !== of) || kept.state.kind !== 'answered') continue;
      const answer = withoutBody(kept.state.answer);
      kept.state = { ...kept.state, answer };
      this.#withBody.delete(id);
      const bytes = KEY_OVERHEAD_BYTES + bytesOf(answer);
      this.#count(kept, bytes - kept.bytes);
      kept.bytes = bytes;
    }
    return enough();
  }

  #fitting({ address }: KeyClaim, settlement: Settlement): Settlement {
    if (settlement.kind !== 'answered' || this.#makesRoom(address, bytesOf(settlement.answer))) return settlement;
    return { kind: 'answered', answer: withoutBody(settlement.answer) };
  }
}

/** The keys of a gateway without a Redis: of all its processes, if it has several. */
export function keysInMemory({ store }: Pick<GatewayConfig, 'store'>, clock: Pick<Clock, 'monotonic'>): KeyStore {
  return new MemoryKeys(store.memory.maxBytes * KEYS_SHARE, clock);
}

function bytesOf({ lines, body }: KeptAnswer): number {
  return lines.reduce((sum, text) => sum + text.length, 0) + (body?.byteLength ?? 0);
}
