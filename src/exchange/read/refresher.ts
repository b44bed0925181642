import type { StoredResponse } from '../../store/stored-response.ts';
import type { ClientRequest, RouteTable } from '../ports.ts';
import { type Replay, replayOf } from '../replay.ts';
import { refetch } from './read.ts';
import type { ReadPorts } from './read-ports.ts';

/** A rule may name a path with thousands of stored queries. They must not all be requested from the origin. */
const MAX_REFRESHES_OF_ONE_WRITE = 100;
/** Concurrent refreshes of all writes. The origin must also serve readers. */
const MAX_REFRESHES_AT_ONCE = 8;
/** Refreshes that may wait. Beyond it, a refresh is dropped and the next reader fetches the response. */
const MAX_REFRESHES_WAITING = 1_000;

/**
 * Fetches invalidated responses again, the most used first, so that the next read is a hit. A read that arrives
 * meanwhile waits for the same fill.
 */
export class Refresher {
  readonly #ports: ReadPorts;
  readonly #routes: RouteTable;
  readonly #waiting: Replay[] = [];
  #underway = 0;
  /** Refreshes dropped because there were too many. */
  dropped = 0;

  constructor(ports: ReadPorts, routes: RouteTable) {
    this.#ports = ports;
    this.#routes = routes;
  }

  /** @param invalidated the responses under `refresh` targets that were stored before the record of `write` */
  refresh(invalidated: readonly StoredResponse[], write: ClientRequest): void {
    const byUse = [...new Set(invalidated)].sort((a, b) => b.uses - a.uses);
    for (const stored of byUse.slice(0, MAX_REFRESHES_OF_ONE_WRITE)) {
      const replay = replayOf(stored, write, this.#routes);
      if (replay === undefined) continue;
      if (this.#waiting.length >= MAX_REFRESHES_WAITING) this.dropped += 1;
      else this.#waiting.push(replay);
    }
    this.dropped += Math.max(0, byUse.length - MAX_REFRESHES_OF_ONE_WRITE);
    this.#next();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  #next(): void {
    while (this.#underway < MAX_REFRESHES_AT_ONCE) {
      const replay = this.#waiting.shift();
      if (replay === undefined) return;
      this.#underway += 1;
      const done = refetch(this.#ports, replay, replay.request).finally(() => {
        this.#underway -= 1;
        this.#next();
      });
      this.#ports.background(done);
    }
  }
}
