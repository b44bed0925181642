import type { Answer, Seq } from './bus.ts';

type Acknowledged = Answer<{ readonly committed: Seq }>;

/** What this node tells the bus that it has applied. One at a time: what is applied meanwhile is acknowledged together. */
export class Acknowledgements {
  readonly #send: (applied: Seq) => Promise<Acknowledged>;
  readonly #answered: (answer: Acknowledged) => void;
  #acked: Seq = -1;
  #applied: Seq = -1;
  #generation = 0;
  #sending = false;

  /** @param answered called for each answer that came to what this node still is */
  constructor(send: (applied: Seq) => Promise<Acknowledged>, answered: (answer: Acknowledged) => void) {
    this.#send = send;
    this.#answered = answered;
  }

  /** Another epoch, or the same one joined anew: nothing is acknowledged there. */
  reset(): void {
    this.#generation += 1;
    this.#acked = -1;
    this.#applied = -1;
  }

  /** All up to `seq` is applied. */
  async acknowledge(seq: Seq): Promise<void> {
    this.#applied = seq;
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#acked < this.#applied) {
        const generation = this.#generation;
        const applied = this.#applied;
        const answer = await this.#send(applied);
        if (generation !== this.#generation) continue;
        this.#answered(answer);
        if (!answer.ok) return;
        this.#acked = applied;
      }
    } catch {
      // The next renewal carries it.
    } finally {
      this.#sending = false;
    }
  }
}
