import type { Bus, Contact, Member, Renewal, Seq, Step } from '../coherence/bus.ts';
import { type BusStep, isReply, type Question } from './sequencing.ts';

/** A worker's channel to the primary. */
export interface Channel {
  send(message: Question, done: (error: Error | null) => void): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** A step takes the primary microseconds. No answer means that the primary is gone. */
const STEP_TIMEOUT_MS = 1_000;

/** The bus of a worker: each step is a question to the primary, which sequences for all workers. */
export class ProcessBus implements Bus {
  readonly #channel: Channel;
  readonly #asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #last = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onMessage((message) => {
      if (!isReply(message)) return;
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      if (message.failed === undefined) asked?.resolve(message.value);
      else asked?.reject(new Error(message.failed));
    });
  }

  #ask<T>(step: BusStep, ...args: readonly unknown[]): Promise<T> {
    const id = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(
        () => finish(() => reject(new Error(`no answer from the primary process to "${step}"`))),
        STEP_TIMEOUT_MS,
      );
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#asked.delete(id);
        act();
      };
      this.#asked.set(id, {
        resolve: (value) => finish(() => resolve(value as T)),
        reject: (error) => finish(() => reject(error)),
      });
      this.#channel.send({ unstale: 'ask', id, step, args }, (error) => {
        if (error !== null) finish(() => reject(error));
      });
    });
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
