import type { Timers } from '../clock.ts';
import type { ClusterStatus } from '../coherence/cluster-status.ts';
import { surelyOverMs } from '../coherence/lease.ts';
import type { Log } from '../coherence/log.ts';
import { parseToken } from '../coherence/token.ts';

/** How long a read waits for the requested position before it is passed through. */
const MAX_WAIT_MS = 1_000;
/** No node that serves is further behind than this, so a token further ahead was never issued. */
const MAX_AHEAD = 100_000;
/** How many reads with a possibly invented token may be passed through at once. */
const MAX_TRIALS = 16;
/** Longer than the name of any epoch. */
const MAX_EPOCH_LENGTH = 64;
/** How many past epochs are remembered, for clients that still send tokens from them. */
const MAX_PAST_EPOCHS = 64;

export interface MinPositionOptions {
  readonly log: Log;
  /** Undefined for a single gateway. */
  readonly cluster: (() => Pick<ClusterStatus, 'epoch' | 'applied'>) | undefined;
  readonly leaseMs: () => number;
  readonly timers: Timers;
  /** Whether clients may receive tokens of records that are still queued and known to no node. */
  readonly queues: boolean;
}

/**
 * Decides whether memory may answer a read that asks for a position (`Unstale-Min-Position`). Clients must not be able
 * to bypass the cache with invented tokens.
 *
 * A single gateway has reached every token, or the token is from before its start and everything in memory is newer. A
 * node of several may not know the latest epoch or record yet. It knows them once it has renewed its lease after the
 * read arrived. A token that it still does not know is either invented or from a past epoch, which everything in memory
 * is newer than. A limited number of such reads is passed through at once; the others wait for the renewal.
 */
export class MinPosition {
  readonly #options: MinPositionOptions;
  readonly #past = new Set<string>();
  #trials = 0;

  constructor(options: MinPositionOptions) {
    this.#options = options;
  }

  /** Returns a promise only if the read has to wait. */
  mayServe(token: string): boolean | Promise<boolean> {
    const { log, cluster, queues } = this.#options;
    const at = parseToken(token);
    if (at === undefined || at.epoch.length > MAX_EPOCH_LENGTH || cluster === undefined) return true;
    if (at.epoch === 'queued') return !queues;
    if (this.#past.has(at.epoch)) return true;
    const { epoch, applied } = cluster();
    if (at.epoch !== epoch) return this.#proved(at.epoch);
    if (at.seq - applied > MAX_AHEAD) return true;
    return log.reached(token, MAX_WAIT_MS).then((known) => known || this.#proved(undefined));
  }

  /**
   * Returns false if the read should go to the origin. `other` is the token's epoch; it is over if this node is still
   * in its own epoch one lease later.
   */
  #proved(other: string | undefined): boolean | Promise<boolean> {
    if (this.#trials >= MAX_TRIALS) return this.#outlasts(other);
    this.#trials += 1;
    void this.#outlasts(other).finally(() => {
      this.#trials -= 1;
    });
    return false;
  }

  /** Whether this node still serves in the same epoch after one lease, and so has heard from the bus since. */
  async #outlasts(other: string | undefined): Promise<boolean> {
    const { log, cluster, leaseMs, timers } = this.#options;
    const before = cluster?.().epoch;
    await new Promise<void>((resolve) => timers.after(surelyOverMs(leaseMs()), resolve));
    const { epoch } = cluster?.() ?? {};
    if (epoch !== before || !log.serving()) return false;
    if (other !== undefined) this.#remember(other);
    return true;
  }

  #remember(epoch: string): void {
    this.#past.add(epoch);
    if (this.#past.size <= MAX_PAST_EPOCHS) return;
    for (const oldest of this.#past) {
      this.#past.delete(oldest);
      break;
    }
  }
}
