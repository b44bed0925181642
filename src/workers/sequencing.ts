import type { Batch } from '../coherence/bus.ts';
import { Sequencer } from '../coherence/sequencer.ts';
import type { Question, StepReply } from './questions.ts';

const busSteps = ['createEpoch', 'renew', 'group', 'evict', 'published', 'read'] as const;
export type BusStep = (typeof busSteps)[number];

const isBusStep = (step: string): step is BusStep => (busSteps as readonly string[]).includes(step);

/** How long a read waits for new entries. */
const READ_MS = 100;

/** The bus of the workers of one gateway, in the primary, which puts their records in order. */
export class Sequencing {
  readonly #sequencer = new Sequencer();
  readonly #waiting = new Set<() => void>();

  async answer({ id, step, args }: Question): Promise<StepReply> {
    if (!isBusStep(step)) return { unstale: 'told', id, failed: `unknown step "${step}"` };
    const value = step === 'read' ? await this.#read(args) : this.#step(step, args);
    return { unstale: 'told', id, value };
  }

  #step(step: BusStep, args: readonly unknown[]): unknown {
    const result = (this.#sequencer[step] as (...given: unknown[]) => unknown).apply(this.#sequencer, [...args]);
    for (const wake of [...this.#waiting]) wake();
    return result;
  }

  async #read(args: readonly unknown[]): Promise<unknown> {
    const read = this.#sequencer.read.bind(this.#sequencer) as (
      ...given: readonly unknown[]
    ) => { ok: boolean } & Batch;
    const deadline = performance.now() + READ_MS;
    for (;;) {
      const batch = read(...args);
      const left = deadline - performance.now();
      if (!batch.ok || batch.entries.length > 0 || batch.notes.length > 0 || left <= 0) return batch;
      await this.#next(left);
    }
  }

  #next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
