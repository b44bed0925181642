import { boundedEvent } from './bounded.ts';
import type { Event } from './event.ts';

/** Events that wait for the end of the window. With more, it ends: a burst must not be held twice. */
const MAX_HELD = 1_000;

/**
 * Holds events for a window, in which those with the same type, paths and tags become one, the last. The windows of
 * each node begin at moments of their own. So no event gets the tags of an earlier one: another node sends it without
 * them, and a subscriber that resumes there between the two would never be told.
 */
export class Coalesced {
  readonly #windowMs: number;
  readonly #emit: (events: readonly Event[]) => void;
  /** In the order of the ids. */
  readonly #held = new Map<string, Event>();
  #timer: NodeJS.Timeout | undefined;

  /** @param windowMs 0: nothing is held */
  constructor(windowMs: number, emit: (events: readonly Event[]) => void) {
    this.#windowMs = windowMs;
    this.#emit = emit;
  }

  add(events: readonly Event[]): void {
    if (this.#windowMs === 0) {
      this.#emit(events);
      return;
    }
    for (const event of events) this.#hold(boundedEvent(event));
    if (this.#held.size >= MAX_HELD) this.flush();
    else if (this.#held.size > 0) this.#timer ??= setTimeout(() => this.flush(), this.#windowMs).unref();
  }

  /** Ends the window. */
  flush(): void {
    const events = [...this.#held.values()];
    this.clear();
    if (events.length > 0) this.#emit(events);
  }

  /** Forgets what is held. Subscribers have to be told to resync. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held.clear();
  }

  #hold(event: Event): void {
    // A payload is more than "this has changed": each may be a message of its own.
    const { payload, type, paths, tags } = event;
    const key = payload === undefined ? JSON.stringify([type, paths, [...tags].sort()]) : event.id;
    const earlier = this.#held.get(key);
    // Set anew: a map keeps a key where it was set first, and ids must grow.
    this.#held.delete(key);
    this.#held.set(key, earlier === undefined ? event : joined(earlier, event));
  }
}

function joined(earlier: Event, later: Event): Event {
  const { client, ...event } = later;
  // A client that has written one of several changes has not seen the others.
  return client === earlier.client ? later : event;
}
