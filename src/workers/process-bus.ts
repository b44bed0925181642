import type { Bus, Contact, Member, Renewal, Seq, Step } from '../coherence/bus.ts';
import type { Questions } from './questions.ts';
import type { BusStep } from './sequencing.ts';

/** The bus of a worker: each step is a question to the primary, which sequences for all workers. */
export class ProcessBus implements Bus {
  readonly #questions: Questions;

  constructor(questions: Questions) {
    this.#questions = questions;
  }

  #ask<T>(step: BusStep, ...args: readonly unknown[]): Promise<T> {
    return this.#questions.ask(step, ...args);
  }

  createEpoch(nonce: string, leaseMs: number): Promise<void> {
    return this.#ask('createEpoch', nonce, leaseMs);
  }

  renew(epoch: string, renewal: Renewal, contact?: Contact): ReturnType<Bus['renew']> {
    return this.#ask('renew', epoch, renewal, contact);
  }

  group(epoch: string, member: string, steps: readonly Step[], contact?: Contact): ReturnType<Bus['group']> {
    return this.#ask('group', epoch, member, steps, contact);
  }

  evict(epoch: string, by: string, silent: Pick<Member, 'id' | 'beat'>): ReturnType<Bus['evict']> {
    return this.#ask('evict', epoch, by, { id: silent.id, beat: silent.beat });
  }

  published(epoch: string, seq: Seq): ReturnType<Bus['published']> {
    return this.#ask('published', epoch, seq);
  }

  read(epoch: string, after: Seq, note: number): ReturnType<Bus['read']> {
    return this.#ask('read', epoch, after, note);
  }
}
