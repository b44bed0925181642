import type { Seq } from './bus.ts';

/** Renewals sent within one lease: some may be lost, or late. */
export const RENEWALS_PER_LEASE = 4;
/** Every so many renewals, a node asks for its open quarantines: an answer that named one may have been lost. */
export const RENEWALS_PER_CHECK = 16;
/** Pause before a renewal that follows a failed one, as a share of the lease. */
export const RETRY_SHARE = 0.1;

/**
 * How far two monotonic clocks may drift apart, as a share of the time measured: twenty times the most that NTP
 * corrects.
 */
const MAX_DRIFT = 0.01;
/** How far wall clock and monotonic clock may diverge within a lease. More means that the machine was suspended. */
const MAX_JUMP_MS = 50;
/** Added to a lease: covers slow timers, and the part of it that a suspended machine's clock may have skipped. */
const MARGIN_MS = 2 * MAX_JUMP_MS;

/** How long others wait until a lease that was granted before now has surely run out. */
export function surelyOverMs(leaseMs: number): number {
  return leaseMs * (1 + MAX_DRIFT) + MARGIN_MS;
}

interface Grant {
  readonly endsAt: number;
  /** Wall clock minus monotonic clock, when the renewal was sent. */
  readonly offset: number;
  readonly seq: Seq;
}

const none: Grant = { endsAt: Number.NEGATIVE_INFINITY, offset: 0, seq: 0 };
/** Renewals whose records have not been applied yet. They run out, so few suffice. The newest are kept. */
const MAX_PENDING = 16;

/**
 * The right to serve from memory (coherence.md, invariant 8). It is timed from before the renewal was sent, and holds
 * only once every record that was in the log at the renewal has been applied. So an append waits only for leases
 * granted before it, and never longer than one lease.
 */
export class Lease {
  #held = none;
  #pending: Grant[] = [];

  granted(renewal: { sentAt: number; sentWall: number; leaseMs: number; seq: Seq }, applied: Seq): void {
    const { sentAt, sentWall, leaseMs, seq } = renewal;
    this.#pending.push({ endsAt: sentAt + leaseMs, offset: sentWall - sentAt, seq });
    if (this.#pending.length > MAX_PENDING) this.#pending.shift();
    this.applied(applied);
  }

  applied(seq: Seq): void {
    while (this.#pending.length > 0 && (this.#pending[0] as Grant).seq <= seq)
      this.#held = this.#pending.shift() as Grant;
  }

  void(): void {
    this.#held = none;
    this.#pending = [];
  }

  holds(monotonic: number, wall: number): boolean {
    const { endsAt, offset } = this.#held;
    return monotonic < endsAt && Math.abs(wall - monotonic - offset) <= MAX_JUMP_MS;
  }

  /** Renewed, but waiting for records. */
  get catchingUp(): boolean {
    return this.#pending.length > 0;
  }
}
