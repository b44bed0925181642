import { ownText } from '../http/own-memory.ts';
import type { Event } from './event.ts';
import { eventFrame } from './frame.ts';
import type { HeldEvent } from './held-event.ts';

export interface HistoryLimits {
  readonly maxEvents: number;
  /** Limit on the memory of all held events. Large events are forgotten sooner. */
  readonly maxBytes: number;
}

/** An event id as numbers: the record's position, and the event's number within the record. */
type Order = readonly [position: number, further: number];

interface Entry extends HeldEvent {
  readonly order: Order;
  readonly bytes: number;
}

/** The largest `n` in the ids `position.n` of one record's events. */
const LAST_OF_RECORD = 999_999;

/** An id, without its epoch, that comes after all events of the record `seq`. */
export const afterRecord = (seq: number): string => `${seq}.${LAST_OF_RECORD}`;

/** Estimated memory of an entry in addition to its texts: objects, arrays, and the overhead of a `Buffer`. */
const BYTES_PER_EVENT = 512;
const BYTES_PER_NAME = 32;

/**
 * The latest events in log order, held until they have been sent to all live subscribers, and for subscribers that
 * resume. Each event has an index, which grows by one per event.
 */
export class EventHistory {
  readonly #epoch: string;
  readonly #limits: HistoryLimits;
  #entries: (Entry | undefined)[] = [];
  /** Index of the first of `#entries`. Entries before `#head` have been forgotten. */
  #base: number;
  #head = 0;
  #bytes = 0;
  /** The newest event that is no longer held. A subscriber that saw only earlier ones has missed events. */
  #forgotten: { readonly id: string; readonly order: Order };
  /** The id that `cursor` has looked at last: each hit asks for it. */
  #checked = { id: '', isSound: false };
  /** Events from this index on have not been sent yet. `maxEvents` does not apply to them, only `maxBytes`. */
  unsent: number;

  /**
   * @param from the position after which events are held
   * @param first the index of the first event: indices go on where those of an earlier history ended
   */
  constructor(epoch: string, limits: HistoryLimits, from: number | string = 0, first = 0) {
    this.#epoch = epoch;
    this.#limits = limits;
    this.#base = first;
    this.unsent = first;
    const [position = 0, further = 0] = String(from).split('.').map(Number);
    this.#forgotten = { id: `${epoch}-${from}`, order: [position, further] };
  }

  /** The id of the newest event, or of the start of the log if there is none. */
  get lastId(): string {
    return (this.#entries.at(-1) ?? this.#forgotten).id;
  }

  /**
   * The id of the newest event, from which a subscription misses nothing later. It is written into header fields, and
   * another node has made it: undefined if it could break out of its line, or before there is a log.
   */
  get cursor(): string | undefined {
    const { lastId } = this;
    if (lastId !== this.#checked.id) this.#checked = { id: lastId, isSound: /^\w+-[\d.]+$/.test(lastId) };
    return this.#checked.isSound ? lastId : undefined;
  }

  /** Index of the oldest event that is held. */
  get first(): number {
    return this.#base + this.#head;
  }

  /** Index that the next event will have. */
  get end(): number {
    return this.#base + this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(event: Event): void {
    const frame = eventFrame(event);
    // Copied, because a substring of a body would keep the whole body in memory.
    const type = ownText(event.type);
    const paths = event.paths.map(ownText);
    const tags = event.tags.map(ownText);
    const { client } = event;
    let bytes = BYTES_PER_EVENT + frame.byteLength;
    for (const name of [...paths, ...tags]) bytes += BYTES_PER_NAME + name.length;
    const order = this.#order(event.id) ?? (this.#entries.at(-1) ?? this.#forgotten).order;
    this.#entries.push({ id: event.id, type, paths, tags, frame, client, order, bytes });
    this.#bytes += bytes;
    this.trim();
  }

  /** Forgets the oldest events until the limits hold. Unsent events count only towards `maxBytes`. */
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
    // Removed in blocks: a `shift` for each event would move the whole array each time.
    if (this.#head > 16 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#base += this.#head;
      this.#head = 0;
    }
  }

  /** Undefined if the event is no longer held. */
  at(index: number): HeldEvent | undefined {
    return index < this.first ? undefined : this.#entries[index - this.#base];
  }

  /** The id from which a subscriber resumes whose next event has this index. */
  idBefore(index: number): string {
    return ((index > this.first ? this.#entries[index - 1 - this.#base] : undefined) ?? this.#forgotten).id;
  }

  /**
   * The index of the event after the one that a subscriber saw last. `gap` if that is unknown: the id is malformed,
   * from another epoch (the gateway was restarted), older than the held events, or not issued yet.
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
