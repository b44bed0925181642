import type { Seq } from './bus.ts';

/** Renewals within one lease: some may be lost, or late. */
export const RENEWALS_PER_LEASE = 4;
/** Whether this node is to quarantine what it does not know of, as answers that were lost may leave it. */
export const RENEWALS_PER_CHECK = 16;
/** After the bus could not be reached. */
export const RETRY_SHARE = 0.1;

/** How far two monotonic clocks may drift apart, as a share of what they measure: twenty times what NTP ever corrects. */
const MAX_DRIFT = 0.01;
/** How far wall and monotonic clock may come apart within a lease: more means that the machine was suspended. */
const MAX_JUMP_MS = 50;
/** On top of a lease, for the part of it that a suspended machine's clock may have left out, and for slow timers. */
const MARGIN_MS = 2 * MAX_JUMP_MS;

/** How long others wait before a lease, of which nothing is known but that it was given before now, has surely run out. */
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
/** Renewals whose records have not been applied yet. They run out, so that there are few; the newest are kept. */
const MAX_PENDING = 16;

/**
 * The right to serve from memory (coherence.md, invariant 8). Timed from before the renewal was sent, and good only once
 * every record has been applied that was in the log when the renewal was made: so whoever appends a record has to wait for
 * leases that were given before it, and never longer than one lease.
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
