import type { Event } from './event.ts';
import { eventFrame } from './frame.ts';

/** An event as it is held: what its subscribers are sent, and the names by which they are found. */
export interface HeldEvent {
  readonly id: string;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
  /** The same bytes for everyone, whenever they are sent. */
  readonly frame: Buffer;
}

export interface HistoryLimits {
  readonly maxEvents: number;
  /** What the held events may take together; a burst of large ones is forgotten sooner. */
  readonly maxBytes: number;
}

type Order = readonly [position: number, further: number];

interface Entry extends HeldEvent {
  readonly order: Order;
  readonly bytes: number;
}

/** What an entry takes beside its texts: objects, arrays, and what a `Buffer` is to the collector. */
const BYTES_PER_EVENT = 512;
const BYTES_PER_NAME = 32;

/**
 * The last events, in log order: for live subscribers until they have been sent to all, and for those that come back. Each has an
 * index, which grows by one from event to event.
 */
export class EventHistory {
  readonly #epoch: string;
  readonly #limits: HistoryLimits;
  #entries: (Entry | undefined)[] = [];
  /** Index of the first of `#entries`; those before `#head` are gone already. */
  #base = 0;
  #head = 0;
  #bytes = 0;
  /** The newest event that is no longer held: who saw less than this has missed something. */
  #forgotten: { readonly id: string; readonly order: Order };
  /** Events from this index on are still to be sent: they count in bytes alone. */
  unsent = 0;

  /** `from`: the position after which events are held. */
  constructor(epoch: string, limits: HistoryLimits, from: number | string = 0) {
    this.#epoch = epoch;
    this.#limits = limits;
    const [position = 0, further = 0] = String(from).split('.').map(Number);
    this.#forgotten = { id: `${epoch}-${from}`, order: [position, further] };
  }

  /** The id of the newest event; before the first one, of the beginning of the log. */
  get lastId(): string {
    return (this.#entries.at(-1) ?? this.#forgotten).id;
  }

  /** Index of the oldest event that is held, and of the next one that will come. */
  get first(): number {
    return this.#base + this.#head;
  }

  get end(): number {
    return this.#base + this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(event: Event): void {
    const frame = eventFrame(event);
    // Copied: a text that was cut out of a body would keep that body in memory for as long as the event is held.
    const { paths, tags } = JSON.parse(JSON.stringify({ paths: event.paths, tags: event.tags })) as HeldEvent;
    let bytes = BYTES_PER_EVENT + frame.byteLength;
    for (const name of [...paths, ...tags]) bytes += BYTES_PER_NAME + name.length;
    const order = this.#order(event.id) ?? (this.#entries.at(-1) ?? this.#forgotten).order;
    this.#entries.push({ id: event.id, paths, tags, frame, order, bytes });
    this.#bytes += bytes;
    this.trim();
  }

  /** Forgets what is too much: of events that are still to be sent, only what is too large. */
  trim(): void {
    const { maxEvents, maxBytes } = this.#limits;
    while (this.#head < this.#entries.length) {
      const sent = this.first < this.unsent;
      const tooMany = sent && this.end - this.first > maxEvents;
      if (!tooMany && this.#bytes <= maxBytes) break;
      const oldest = this.#entries[this.#head] as Entry;
      this.#entries[this.#head] = undefined;
      this.#head += 1;
      this.#bytes -= oldest.bytes;
      this.#forgotten = { id: oldest.id, order: oldest.order };
    }
    // Shifting in blocks: one `shift` for each event would move the whole array each time.
    if (this.#head > 16 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#base += this.#head;
      this.#head = 0;
    }
  }

  /** Undefined where it is no longer held. */
  at(index: number): HeldEvent | undefined {
    return index < this.first ? undefined : this.#entries[index - this.#base];
  }

  /**
   * The index of what came after the event that a subscriber saw last. `gap` where that cannot be told: the id is of another
   * epoch (the gateway was restarted), older than what is held, not yet given out, or no id.
   */
  after(lastEventId: string): number | 'gap' {
    const seen = this.#order(lastEventId);
    if (seen === undefined) return 'gap';
    const newest = (this.#entries.at(-1) ?? this.#forgotten).order;
    if (before(seen, this.#forgotten.order) || before(newest, seen)) return 'gap';
    let [low, high] = [this.first, this.end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(seen, (this.#entries[middle - this.#base] as Entry).order)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** `<epoch>-<position>[.n]` as numbers. */
  #order(id: string): Order | undefined {
    if (!id.startsWith(`${this.#epoch}-`)) return undefined;
    const match = /^(\d{1,15})(?:\.(\d{1,6}))?$/.exec(id.slice(this.#epoch.length + 1));
    return match === null ? undefined : [Number(match[1]), Number(match[2] ?? 0)];
  }
}

function before(a: Order, b: Order): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
