import type { Timers } from '../clock.ts';
import type { Seq } from './bus.ts';
import type { LogRecord } from './record.ts';

interface Applied {
  readonly seq: Seq;
  readonly record: LogRecord;
  /** When every lease granted before the record has surely run out. */
  readonly dueAt: number;
}

/**
 * Decides which of the records applied here are committed: those that the bus says all members have applied, and those
 * so old that a node which has not applied them no longer holds a lease. Delivers them in log order.
 */
export class Commits {
  #pending: Applied[] = [];
  #committed: Seq = 0;
  #waiting: { seq: Seq; done: () => void }[] = [];
  #barrierUntil = 0;
  #cancel: (() => void) | undefined;
  #behindBarrier: { readonly done: () => void; readonly cancel: () => void } | undefined;
  readonly #timers: Timers;
  readonly #monotonic: () => number;
  readonly #deliver: (record: LogRecord) => void;

  constructor(timers: Timers, monotonic: () => number, deliver: (record: LogRecord) => void) {
    this.#timers = timers;
    this.#monotonic = monotonic;
    this.#deliver = deliver;
  }

  get committed(): Seq {
    return this.#committed;
  }

  /**
   * Milliseconds for which the epoch may still be behind its barrier, which holds every record back. Until it is over,
   * nodes of the epoch before may serve what they hold, and may not have noted again what they have in flight.
   */
  get barrierMs(): number {
    return this.#committed > 0 ? 0 : Math.max(0, this.#barrierUntil - this.#monotonic());
  }

  applied(applied: Applied): void {
    this.#pending.push(applied);
    this.#advance();
  }

  /** Every record up to `seq` is committed. */
  advanceTo(seq: Seq): void {
    if (seq <= this.#committed) return;
    this.#committed = seq;
    this.#advance();
  }

  /** Calls `done` once `seq` is committed; at once if it already is. `reset` drops the call. */
  when(seq: Seq, done: () => void): void {
    if (seq <= this.#committed) done();
    else this.#waiting.push({ seq, done });
  }

  /**
   * Calls `done` once no node of the epoch before may serve what it holds, and before any record of this one is
   * delivered. `reset` drops the call.
   */
  afterBarrier(done: () => void): void {
    this.#behindBarrier = { done, cancel: this.#timers.after(this.barrierMs, () => this.#lift()) };
  }

  #lift(): void {
    const lifted = this.#behindBarrier;
    this.#behindBarrier = undefined;
    lifted?.cancel();
    lifted?.done();
  }

  /**
   * Drops pending records and waiting calls. Subscribers resync instead of receiving the events.
   *
   * @param barrierMs the longest that an epoch which begins now may be behind its barrier
   */
  reset(committed: Seq, barrierMs = 0): void {
    this.#barrierUntil = this.#monotonic() + barrierMs;
    this.#pending = [];
    this.#waiting = [];
    this.#committed = committed;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#behindBarrier?.cancel();
    this.#behindBarrier = undefined;
  }

  #advance(): void {
    const now = this.#monotonic();
    for (const { seq, dueAt } of this.#pending) {
      if (dueAt > now) break;
      this.#committed = Math.max(this.#committed, seq);
    }
    // Nothing is committed behind the barrier.
    if (this.#committed > 0) this.#lift();
    while (this.#pending.length > 0 && (this.#pending[0] as Applied).seq <= this.#committed) {
      const { seq, record } = this.#pending.shift() as Applied;
      // Calls that wait for earlier records run before this one is delivered.
      this.#wake(seq - 1);
      this.#deliver(record);
    }
    this.#wake(this.#committed);
    this.#cancel?.();
    this.#cancel = undefined;
    const next = this.#pending[0];
    if (next !== undefined) this.#cancel = this.#timers.after(next.dueAt - now, () => this.#advance());
  }

  #wake(upTo: Seq): void {
    const ready = this.#waiting.filter(({ seq }) => seq <= upTo);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter(({ seq }) => seq > upTo);
    for (const { done } of ready) done();
  }
}
