import type { Bus, Elsewhere, IntentNote } from './bus.ts';

/** Intents whose end was seen lately: the answer that asks for one may arrive after its end. */
const MAX_ENDED = 4_096;

/** The intents of this node, as long as they are in the bus or should be; and those of others that its writes wait for. */
export class Intents {
  readonly #own = new Map<string, IntentNote>();
  /** To be withdrawn as soon as the bus can be reached: one left behind makes other writes wait for nothing. */
  readonly #leftBehind = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #bus: Bus;
  readonly #member: string;

  constructor(bus: Bus, member: string) {
    this.#bus = bus;
    this.#member = member;
  }

  get size(): number {
    return this.#own.size;
  }

  /** From now on it is noted again wherever the bus has forgotten it. */
  hold(note: IntentNote): void {
    this.#own.set(note.id, note);
  }

  /** Its record is in the log. */
  fulfilled(id: string): void {
    this.#own.delete(id);
  }

  /** It was withdrawn, or nobody knows whether it was ever noted. */
  drop(id: string): void {
    this.#own.delete(id);
    this.#leftBehind.add(id);
  }

  /** Brings the bus up to date. `all`: it has forgotten what this node had noted there. */
  async flush(epoch: string, all: boolean): Promise<Elsewhere | undefined> {
    for (const id of [...this.#leftBehind]) {
      const answer = await this.#bus.withdraw(epoch, id);
      if (!answer.ok) return answer;
      this.#leftBehind.delete(id);
    }
    if (!all) return undefined;
    for (const note of [...this.#own.values()]) {
      const answer = await this.#bus.intend(epoch, this.#member, note);
      if (!answer.ok) return answer;
      // Its record may have been appended while the note was on its way.
      if (!this.#own.has(note.id)) this.#leftBehind.add(note.id);
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
    for (const done of waiting ?? []) done();
  }

  /** Ends may have been missed: who waits is left to its own bound. */
  reset(): void {
    this.#waiting.clear();
  }

  /** Resolves when all of them have ended; never, where that was not seen. */
  async allEnded(ids: readonly string[]): Promise<void> {
    await Promise.all(
      ids.map(
        (id) =>
          new Promise<void>((resolve) => {
            if (this.#ended.has(id)) return resolve();
            const waiting = this.#waiting.get(id) ?? new Set();
            waiting.add(resolve);
            this.#waiting.set(id, waiting);
          }),
      ),
    );
  }
}
