import type { Seq, StepResult } from './bus.ts';

type Acknowledged = StepResult<{ readonly committed: Seq }>;

/** Sends this node's acknowledgements to the bus, one at a time. Records applied meanwhile share the next one. */
export class Acknowledgements {
  readonly #send: (applied: () => Seq) => Promise<Acknowledged>;
  readonly #answered: (answer: Acknowledged) => void;
  #acked: Seq = -1;
  #applied: Seq = -1;
  #generation = 0;
  #sending = false;

  /**
   * @param send asks for the position once the acknowledgement leaves: records applied until then share it
   * @param answered called with each answer, unless the node was reset after the acknowledgement was sent
   */
  constructor(send: (applied: () => Seq) => Promise<Acknowledged>, answered: (answer: Acknowledged) => void) {
    this.#send = send;
    this.#answered = answered;
  }

  /** Another epoch, or the same one joined again: nothing has been acknowledged there. */
  reset(): void {
    this.#generation += 1;
    this.#acked = -1;
    this.#applied = -1;
  }

  /** Every record up to `seq` has been applied. */
  async acknowledge(seq: Seq): Promise<void> {
    this.#applied = seq;
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#acked < this.#applied) {
        const generation = this.#generation;
        let applied = this.#applied;
        const answer = await this.#send(() => {
          // After a reset, positions mean something else.
          if (generation === this.#generation) applied = this.#applied;
          return applied;
        });
        if (generation !== this.#generation) continue;
        this.#answered(answer);
        if (!answer.ok) return;
        this.#acked = applied;
      }
    } catch {
      // The next renewal carries `applied` as well.
    } finally {
      this.#sending = false;
    }
  }
}
