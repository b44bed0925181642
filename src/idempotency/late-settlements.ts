import type { Timers } from '../clock.ts';
import { type Settlement, withoutBody } from './key-state.ts';
import { type KeyClaim, type KeyStore, KeyStoreAway } from './key-store.ts';

/** How long the store is told again how a write has ended: as many attempts, with this pause. */
const AGAIN_MS = 500;
const ATTEMPTS = 60;
/** Beyond this many, the store is not told: the outcome of the write is unknown once its lease has ended. */
const MAX_LATE_SETTLEMENTS = 1_000;
/** Answers beyond this are told without their bodies. */
const MAX_LATE_BYTES = 16 * 1024 * 1024;
/** What keys that are given back may take of all: a burst of refused requests must not displace answers. */
const SHARE_OF_GIVEN_BACK = 0.5;

interface Late {
  readonly claim: KeyClaim;
  readonly settlement: Settlement;
  attempts: number;
}

export interface LateSettlementsOptions {
  readonly store: Pick<KeyStore, 'settle'>;
  readonly timers: Timers;
  readonly failed: (error: unknown) => void;
}

/** How writes have ended, for a store that did not hear of it: it was away, or was slow. */
export class LateSettlements {
  readonly #options: LateSettlementsOptions;
  readonly #late = new Set<Late>();
  #isScheduled = false;

  constructor(options: LateSettlementsOptions) {
    this.#options = options;
  }

  add(claim: KeyClaim, settlement: Settlement): void {
    const share = settlement.kind === 'notRun' ? SHARE_OF_GIVEN_BACK : 1;
    if (this.#late.size >= MAX_LATE_SETTLEMENTS * share) return;
    this.#late.add({ claim, settlement: this.#fitting(settlement), attempts: ATTEMPTS });
    this.#schedule();
  }

  #fitting(settlement: Settlement): Settlement {
    if (settlement.kind !== 'answered') return settlement;
    let bytes = bodyBytes(settlement);
    for (const late of this.#late) bytes += bodyBytes(late.settlement);
    return bytes <= MAX_LATE_BYTES ? settlement : { kind: 'answered', answer: withoutBody(settlement.answer) };
  }

  #schedule(): void {
    if (this.#isScheduled || this.#late.size === 0) return;
    this.#isScheduled = true;
    this.#options.timers.after(AGAIN_MS, () => void this.#tell());
  }

  async #tell(): Promise<void> {
    const due = [...this.#late];
    const [first, ...others] = due;
    // One is enough to see that the store is away.
    if (first !== undefined && (await this.#settle(first)) !== 'away') {
      await Promise.all(others.map((late) => this.#settle(late)));
    }
    for (const late of due) {
      late.attempts -= 1;
      if (late.attempts === 0) this.#late.delete(late);
    }
    this.#isScheduled = false;
    this.#schedule();
  }

  async #settle(late: Late): Promise<'told' | 'away' | 'failed'> {
    try {
      await this.#options.store.settle(late.claim, late.settlement);
      this.#late.delete(late);
      return 'told';
    } catch (error) {
      this.#options.failed(error);
      return error instanceof KeyStoreAway ? 'away' : 'failed';
    }
  }
}

function bodyBytes(settlement: Settlement): number {
  return settlement.kind === 'answered' ? (settlement.answer.body?.byteLength ?? 0) : 0;
}
