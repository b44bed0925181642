import type { Event } from './event.ts';
import type { HeldEvent } from './held-event.ts';

/** What goes with a request to fetch everything again. */
export type Refetch = Pick<Event, 'refetchWithinMs'>;

/** An event as an event stream has it. Without an id, it has no place in the log. */
export interface WrittenEvent extends Pick<HeldEvent, 'type' | 'frame'> {
  readonly id: string | undefined;
}

/** How events are written to a subscriber: as Server-Sent Events, or as frames of a WebSocket. */
export interface Wire {
  /** What a subscription begins with. May be empty. */
  readonly opening: Buffer;
  readonly heartbeat: Buffer;
  event(event: WrittenEvent): Buffer;
  /** Says that the subscriber has been sent everything up to this id, and can resume from it. */
  position(id: string): Buffer;
  /** Says that the subscriber has missed events and must fetch everything that it shows again. */
  resync(id: string, refetch?: Refetch): Buffer;
  /** Tells a client that is sent away how long to wait before it reconnects. May be empty. */
  retry(ms: number): Buffer;
}

/** The same bytes for all subscribers with the same wire. */
export class Prepared {
  readonly #make: (wire: Wire) => Buffer;
  readonly #made = new Map<Wire, Buffer>();

  constructor(make: (wire: Wire) => Buffer) {
    this.#make = make;
  }

  of(wire: Wire): Buffer {
    let bytes = this.#made.get(wire);
    if (bytes === undefined) {
      bytes = this.#make(wire);
      this.#made.set(wire, bytes);
    }
    return bytes;
  }
}
