import type { Event } from './event.ts';

/** The last events, in log order, for subscribers that come back. */
export class EventHistory {
  readonly #epoch: string;
  readonly #maxEvents: number;
  readonly #events: Event[] = [];
  /** The newest event that is no longer held: who saw less than this has missed something. */
  #forgotten = '';

  /** `from`: the position after which events are held, or `position.n`. */
  constructor(epoch: string, maxEvents: number, from: number | string = 0) {
    this.#epoch = epoch;
    this.#maxEvents = maxEvents;
    this.#forgotten = `${epoch}-${from}`;
  }

  /** The id of the newest event; before the first one, of the beginning of the log. */
  get lastId(): string {
    return this.#events.at(-1)?.id ?? this.#forgotten;
  }

  push(event: Event): void {
    this.#events.push(event);
    // Shifting in blocks: one `shift` for each event would move the whole array each time.
    if (this.#events.length >= 2 * this.#maxEvents) {
      const dropped = this.#events.splice(0, this.#events.length - this.#maxEvents);
      this.#forgotten = dropped.at(-1)?.id ?? this.#forgotten;
    }
  }

  /**
   * What came after the event that a subscriber saw last. `gap` where that cannot be told: the id is of another epoch (the
   * gateway was restarted), older than what is held, not yet given out, or no id.
   */
  since(lastEventId: string): readonly Event[] | 'gap' {
    const seen = this.#order(lastEventId);
    if (seen === undefined) return 'gap';
    if (before(seen, this.#order(this.#forgotten)) || before(this.#order(this.lastId), seen)) return 'gap';
    const first = this.#events.findIndex((event) => before(seen, this.#order(event.id)));
    return first < 0 ? [] : this.#events.slice(first);
  }

  /** `<epoch>-<position>[.n]` as numbers. */
  #order(id: string): readonly [number, number] | undefined {
    if (!id.startsWith(`${this.#epoch}-`)) return undefined;
    const match = /^(\d{1,15})(?:\.(\d{1,6}))?$/.exec(id.slice(this.#epoch.length + 1));
    return match === null ? undefined : [Number(match[1]), Number(match[2] ?? 0)];
  }
}

function before(a: readonly [number, number] | undefined, b: readonly [number, number] | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
