import type { StoredResponse } from '../../store/stored-response.ts';
import type { ClientRequest, RouteTable } from '../ports.ts';
import { type Replay, replayOf } from '../replay.ts';
import { refetch } from './read.ts';
import type { ReadPorts } from './read-ports.ts';

/** Of one write: a rule that names a path with thousands of stored queries must not ask the origin for all of them. */
const MAX_REFRESHES_OF_ONE_WRITE = 100;
/** Under way at one time, of all writes: the origin has readers to serve, too. */
const MAX_REFRESHES_AT_ONCE = 8;
/** Waiting; what comes beyond is left to the next reader. */
const MAX_REFRESHES_WAITING = 1_000;

/**
 * Fetches again what writes have invalidated, the most used first, so that the next reader hits. Who comes meanwhile waits for
 * the same fill.
 */
export class Refresher {
  readonly #ports: ReadPorts;
  readonly #routes: RouteTable;
  readonly #waiting: Replay[] = [];
  #underway = 0;
  /** Left to the next reader, since too many were waiting. */
  dropped = 0;

  constructor(ports: ReadPorts, routes: RouteTable) {
    this.#ports = ports;
    this.#routes = routes;
  }

  /** @param invalidated what was stored of the targets to be refreshed, before the record of `write` */
  refresh(invalidated: readonly StoredResponse[], write: ClientRequest): void {
    const byUse = [...new Set(invalidated)].sort((a, b) => (b.uses ?? 0) - (a.uses ?? 0));
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
