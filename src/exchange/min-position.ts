import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '../coherence/cluster-status.ts';
import { surelyOverMs } from '../coherence/lease.ts';
import type { Log } from '../coherence/log.ts';
import { parseToken } from '../coherence/token.ts';

/** How long a read waits for the position that it asks for, before it is passed through. */
const MAX_WAIT_MS = 1_000;
/** Further behind than this no node serves: nobody was given such a token. */
const MAX_AHEAD = 100_000;
/** Reads at one time, within one lease, that are passed through for a token that may have been made up. */
const MAX_TRIALS = 16;
/** Longer than any epoch is named. */
const MAX_EPOCH_LENGTH = 64;
/** Epochs that are known to be over, for clients that carry their tokens on. */
const MAX_PAST_EPOCHS = 64;

export interface MinPositionOptions {
  readonly log: Log;
  /** Undefined for a gateway that is alone. */
  readonly cluster: (() => Pick<ClusterStatus, 'epoch' | 'applied'>) | undefined;
  readonly leaseMs: () => number;
  /** Whether clients are given tokens of records that no node knows of yet. */
  readonly queues: boolean;
}

/**
 * Whether memory may answer a read that asks for a position (`Unstale-Min-Position`), so that nobody forces requests past the cache with
 * tokens that nobody was given.
 *
 * Of a gateway that is alone every token is either reached, or from before its start: what it has stored is younger. A node of several
 * may not have heard yet of a later epoch, or of a record. Once it has renewed its lease since the read came, it has; a token that it
 * still does not know is from an epoch before its own, all of which its memory is younger than, or made up. Few such reads are passed
 * through at once, and the others wait for that.
 */
export class MinPosition {
  readonly #options: MinPositionOptions;
  readonly #past = new Set<string>();
  #trials = 0;

  constructor(options: MinPositionOptions) {
    this.#options = options;
  }

  /** At once where nothing has to be waited for. */
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

  /** False where the origin is to answer. `other`: the epoch that is over if this node's still holds then. */
  #proved(other: string | undefined): boolean | Promise<boolean> {
    if (this.#trials >= MAX_TRIALS) return this.#outlasts(other);
    this.#trials += 1;
    void this.#outlasts(other).finally(() => {
      this.#trials -= 1;
    });
    return false;
  }

  /** Whether this node serves in its epoch for a whole lease more: it has then heard from the bus since. */
  async #outlasts(other: string | undefined): Promise<boolean> {
    const { log, cluster, leaseMs } = this.#options;
    const before = cluster?.().epoch;
    await sleep(surelyOverMs(leaseMs()), undefined, { ref: false });
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
