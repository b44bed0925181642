import type { Clock } from '../clock.ts';
import type { Answer, Bus, EpochMismatch, IntentNote } from './bus.ts';
import type { NotedWrite } from './log.ts';
import type { Invalidation } from './record.ts';
import { encodeRecord } from './wire-record.ts';
import { encodeTerms } from './write-set.ts';

/** Intents whose end was seen lately: the answer that asks for one may arrive after its end. */
const MAX_ENDED = 4_096;

/**
 * Withdrawals that the bus has yet to be told of, as many as writes are refused while it is away. What is forgotten of them the next
 * renewal says as well (`from`).
 */
const MAX_LEAVING = 1_000;

/** How often a note is withdrawn whose noting was not answered: it may still be on its way, and arrive later. */
const TIMES_LOST = 8;

/** The intents of this node, as long as they are in the bus or should be; and those of others that its writes wait for. */
export class Intents {
  readonly #own = new Map<number, { readonly note: IntentNote; readonly record: Invalidation }>();
  /** Over for this node, and perhaps still in the bus, where other writes would wait for them; how often it has yet to be told. */
  readonly #leaving = new Map<string, number>();
  readonly #ended = new Set<string>();
  readonly #waiting = new Map<string, Set<(seen: boolean) => void>>();
  readonly #bus: Bus;
  readonly #member: string;
  readonly #clock: Clock;
  #last = 0;

  constructor(bus: Bus, member: string, clock: Clock) {
    this.#bus = bus;
    this.#member = member;
    this.#clock = clock;
  }

  get size(): number {
    return this.#own.size;
  }

  /** Withdrawn, and the bus may still have to be told. */
  get leaving(): number {
    return this.#leaving.size;
  }

  /** The lowest number that may still be in the bus. */
  get from(): number {
    for (const number of this.#own.keys()) return number;
    return this.#last + 1;
  }

  /**
   * Notes a write at the bus. From now on, and until it is dropped, it is noted again wherever the bus has forgotten it.
   * @param epoch undefined: this node has not joined one, so it is only kept for when it has
   */
  async note(
    { posts, coverage, announcements, quarantineMs }: NotedWrite,
    epoch: string | undefined,
  ): Promise<{ readonly id: string; readonly answer?: Answer; readonly cause?: unknown }> {
    this.#last += 1;
    const record = { coverage, announcements, quarantine: true, quarantineMs };
    const at = new Date(this.#clock.wall()).toISOString();
    const id = `${this.#member}:${this.#last}`;
    const note = { id, posts: encodeTerms(posts), payload: encodeRecord({ ...record, at }) };
    this.#own.set(this.#last, { note, record });
    try {
      return epoch === undefined ? { id } : { id, answer: await this.#bus.intend(epoch, this.#member, note) };
    } catch (cause) {
      return { id, cause };
    }
  }

  /** The indeterminate record that it becomes when its writer gives up; undefined once it was dropped. */
  recordOf(id: string): Invalidation | undefined {
    return this.#own.get(this.#numberOf(id))?.record;
  }

  /** Its record is in the log. */
  drop(id: string): void {
    this.#own.delete(this.#numberOf(id));
  }

  /** It has no record, and needs none. `lost`: whether the bus has it is not known. */
  withdraw(id: string, lost = false): void {
    this.drop(id);
    this.#leaving.set(id, lost ? TIMES_LOST : 1);
    const [oldest] = this.#leaving.keys();
    if (this.#leaving.size > MAX_LEAVING && oldest !== undefined) this.#leaving.delete(oldest);
  }

  /** Tells the bus of what was withdrawn, until it has heard of it. */
  async leave(epoch: string): Promise<EpochMismatch | undefined> {
    for (const [id, times] of [...this.#leaving]) {
      const answer = await this.#bus.withdraw(epoch, id);
      if (!answer.ok) return answer;
      if (times > 1) this.#leaving.set(id, times - 1);
      else this.#leaving.delete(id);
    }
    return undefined;
  }

  #numberOf(id: string): number {
    return Number(id.slice(this.#member.length + 1));
  }

  /** The bus has forgotten what this node had noted there. */
  async noteAgain(epoch: string): Promise<EpochMismatch | undefined> {
    for (const { note } of [...this.#own.values()]) {
      const answer = await this.#bus.intend(epoch, this.#member, note);
      if (!answer.ok) return answer;
    }
    return undefined;
  }

  /** The intent is no longer in the bus. */
  ended(id: string): void {
    this.#ended.add(id);
    if (this.#ended.size > MAX_ENDED)
      for (const oldest of [...this.#ended].slice(0, MAX_ENDED / 2)) this.#ended.delete(oldest);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    for (const done of waiting ?? []) done(true);
  }

  /** Ends may have been missed. */
  reset(): void {
    for (const waiting of this.#waiting.values()) for (const done of waiting) done(false);
    this.#waiting.clear();
  }

  /** Resolves when all of them have ended; false where that may have been missed. */
  async allEnded(ids: readonly string[]): Promise<boolean> {
    const seen = await Promise.all(
      ids.map(
        (id) =>
          new Promise<boolean>((resolve) => {
            if (this.#ended.has(id)) return resolve(true);
            const waiting = this.#waiting.get(id) ?? new Set();
            waiting.add(resolve);
            this.#waiting.set(id, waiting);
          }),
      ),
    );
    return seen.every((each) => each);
  }
}
