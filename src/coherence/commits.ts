import type { Timers } from '../clock.ts';
import type { Seq } from './bus.ts';
import type { LogRecord } from './record.ts';

interface Applied {
  readonly seq: Seq;
  readonly record: LogRecord;
  /** When every lease that was given before the record has surely run out. */
  readonly dueAt: number;
}

/**
 * Which of the records that were applied here are committed: those that the bus says all members have applied, and those
 * that have been known for so long that whoever has not applied them serves nothing. They are delivered in log order.
 */
export class Commits {
  #pending: Applied[] = [];
  #committed: Seq = 0;
  #waiting: { seq: Seq; done: () => void }[] = [];
  #cancel: (() => void) | undefined;
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

  applied(applied: Applied): void {
    this.#pending.push(applied);
    this.#advance();
  }

  /** All up to `seq` are committed. */
  reach(seq: Seq): void {
    if (seq <= this.#committed) return;
    this.#committed = seq;
    this.#advance();
  }

  when(seq: Seq, done: () => void): void {
    if (seq <= this.#committed) done();
    else this.#waiting.push({ seq, done });
  }

  /** What was applied so far is forgotten: who waits for events is told to look again. */
  reset(committed: Seq): void {
    this.#pending = [];
    this.#waiting = [];
    this.#committed = committed;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #advance(): void {
    const now = this.#monotonic();
    for (const { seq, dueAt } of this.#pending) {
      if (dueAt > now) break;
      this.#committed = Math.max(this.#committed, seq);
    }
    while (this.#pending.length > 0 && (this.#pending[0] as Applied).seq <= this.#committed) {
      const { seq, record } = this.#pending.shift() as Applied;
      // Who waits for what came before it must not take it for that.
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
