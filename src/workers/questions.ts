/** A worker's question to the primary: a step, and its arguments. */
export interface Question {
  readonly unstale: 'ask';
  readonly id: number;
  readonly step: string;
  readonly args: readonly unknown[];
}

/** The primary's answer. `failed`: why there is no value. */
export interface StepReply {
  readonly unstale: 'told';
  readonly id: number;
  readonly value?: unknown;
  readonly failed?: string;
}

/** A worker's channel to the primary. */
export interface Channel {
  send(message: Question, done: (error: Error | null) => void): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** A step takes the primary microseconds. No answer means that the primary is gone. */
const STEP_TIMEOUT_MS = 1_000;

export const isQuestion = (message: unknown): message is Question =>
  typeof message === 'object' && message !== null && 'unstale' in message && message.unstale === 'ask';
const isReply = (message: unknown): message is StepReply =>
  typeof message === 'object' && message !== null && 'unstale' in message && message.unstale === 'told';

/** What a worker asks the primary, and waits for. */
export class Questions {
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

  ask<T>(step: string, ...args: readonly unknown[]): Promise<T> {
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
}
