import { type Platform, platform } from './platform.ts';
import type { Live, State, UnstaleEvent } from './types.ts';

export interface Change {
  readonly event: UnstaleEvent;
  /** When it was received here. */
  readonly at: Date;
}

/** What the hooks show. The same object until something changes. */
export interface Snapshot {
  /** `connecting` until there is a connection. */
  readonly state: State;
  /** Undefined before the first. */
  readonly lastChange: Change | undefined;
  /** Undefined while rendering on a server, and before the first effects. */
  readonly live: Live | undefined;
}

export const initial: Snapshot = { state: 'connecting', lastChange: undefined, live: undefined };

/** A connection as React reads it (`useSyncExternalStore`). It keeps its last change while no hook listens. */
export class LiveStore {
  readonly #wall: () => number;
  #snapshot = initial;
  readonly #listeners = new Set<() => void>();

  constructor({ wall }: Pick<Platform, 'wall'> = platform) {
    this.#wall = wall;
  }

  readonly snapshot = (): Snapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Shows this connection. @returns what ends it; the connection stays open */
  attach(live: Live): () => void {
    this.#set({ state: live.state, live });
    const endings = [
      live.on('state', () => this.#set({ state: live.state })),
      live.on('event', (event) => {
        // Each stream begins with statuses, so with each reconnection something would seem to have changed.
        if (!event.isStatus) this.#set({ lastChange: { event, at: new Date(this.#wall()) } });
      }),
    ];
    return () => {
      for (const end of endings) end();
      // The next connection may be another user's, who may not see what this one was told last.
      this.#set(initial);
    };
  }

  /**
   * As `attach`, of a connection that ends with it.
   * @throws what `onConnect` throws, and the connection is closed
   */
  own(live: Live, onConnect?: (live: Live) => (() => void) | undefined): () => void {
    try {
      const end = onConnect?.(live);
      const detach = this.attach(live);
      return () => {
        try {
          end?.();
        } finally {
          detach();
          live.close();
        }
      };
    } catch (error) {
      live.close();
      throw error;
    }
  }

  #set(change: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}
