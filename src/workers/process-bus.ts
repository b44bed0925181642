import type { Append, Bus, Contact, IntentNote, Member, Renewal, Seq } from '../coherence/bus.ts';
import { type BusStep, isReply, type Question } from './sequencing.ts';

/** What a process has of the one that forked it. */
export interface Channel {
  send(message: Question, done: (error: Error | null) => void): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** A step takes microseconds over there: no answer means that there is nobody any longer. */
const STEP_TIMEOUT_MS = 1_000;

/** The bus of a worker: each step is a question to the process that sequences for all of them. */
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
      const timer = setTimeout(() => settle(() => reject(new Error(`no answer to ${step}`))), STEP_TIMEOUT_MS);
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        this.#asked.delete(id);
        how();
      };
      this.#asked.set(id, {
        resolve: (value) => settle(() => resolve(value as T)),
        reject: (error) => settle(() => reject(error)),
      });
      this.#channel.send({ unstale: 'ask', id, step, args }, (error) => {
        if (error !== null) settle(() => reject(error));
      });
    });
  }

  createEpoch(nonce: string, leaseMs: number): Promise<void> {
    return this.#ask('createEpoch', nonce, leaseMs);
  }

  renew(epoch: string, renewal: Renewal, contact?: Contact): ReturnType<Bus['renew']> {
    return this.#ask('renew', epoch, renewal, contact);
  }

  append(epoch: string, member: string, append: Append, contact?: Contact): ReturnType<Bus['append']> {
    return this.#ask('append', epoch, member, append, contact);
  }

  ack(epoch: string, member: string, applied: Seq, contact?: Contact): ReturnType<Bus['ack']> {
    return this.#ask('ack', epoch, member, applied, contact);
  }

  intend(epoch: string, member: string, note: IntentNote): ReturnType<Bus['intend']> {
    return this.#ask('intend', epoch, member, note);
  }

  conflicting(epoch: string, intent: string, probes: string, contact?: Contact): ReturnType<Bus['conflicting']> {
    return this.#ask('conflicting', epoch, intent, probes, contact);
  }

  withdraw(epoch: string, intent: string): ReturnType<Bus['withdraw']> {
    return this.#ask('withdraw', epoch, intent);
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
