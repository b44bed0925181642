import type { Worker } from 'node:cluster';

/** What a process asks the others of its gateway: their figures, what they have stored, or to drop what they loaded. */
export type Topic = 'figures' | 'verify' | 'drop';

/** What another process has answered. `failed`: why it cannot tell. */
export type Answer = { readonly value: unknown } | { readonly failed: string };

/** A worker asks the primary, which asks all others. Those who do not answer within `ms` are left out. */
export interface AskOthers {
  readonly unstale: 'others?';
  readonly id: number;
  readonly topic: Topic;
  readonly about: unknown;
  readonly ms: number;
}
interface OthersTell {
  readonly unstale: 'others';
  readonly id: number;
  readonly answers: readonly Answer[];
}
/** The primary asks a worker. */
interface AskOne {
  readonly unstale: 'one?';
  readonly id: number;
  readonly topic: Topic;
  readonly about: unknown;
}
export interface OneTells {
  readonly unstale: 'one';
  readonly id: number;
  readonly answer: Answer;
}

/** How much longer a worker waits than the primary does for it. */
const SLACK_MS = 1_000;

const says = (message: unknown, what: string): boolean => (message as { unstale?: unknown } | null)?.unstale === what;
export const isAskOthers = (message: unknown): message is AskOthers => says(message, 'others?');
export const isOneTells = (message: unknown): message is OneTells => says(message, 'one');
const isOthersTell = (message: unknown): message is OthersTell => says(message, 'others');
const isAskOne = (message: unknown): message is AskOne => says(message, 'one?');

/** In the primary: passes questions on to the other workers, and their answers back. */
export class Exchange {
  readonly #waiting = new Map<number, { readonly worker: Worker; readonly done: (answer?: Answer) => void }>();
  #last = 0;

  /** Answers `asker` once all have answered, or did not in time. */
  async ask(asker: Worker, others: readonly Worker[], asked: AskOthers): Promise<void> {
    const answers = await Promise.all(others.map((worker) => this.#askOne(worker, asked)));
    const all: OthersTell = {
      unstale: 'others',
      id: asked.id,
      answers: answers.filter((answer) => answer !== undefined),
    };
    // One that has died meanwhile needs no answer.
    if (asker.isConnected()) asker.send(all, () => {});
  }

  told({ id, answer }: OneTells): void {
    this.#waiting.get(id)?.done(answer);
  }

  /** It will not answer any more. */
  left(worker: Worker): void {
    for (const each of [...this.#waiting.values()]) if (each.worker === worker) each.done();
  }

  #askOne(worker: Worker, { topic, about, ms }: AskOthers): Promise<Answer | undefined> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      const done = (answer?: Answer): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(done, ms).unref();
      this.#waiting.set(id, { worker, done });
      worker.send({ unstale: 'one?', id, topic, about } satisfies AskOne, (error) => error !== null && done());
    });
  }
}

/** A worker's view of the other workers, by way of the primary. */
export interface Siblings {
  /** Sets how this process answers the others. What it throws is told as why it cannot tell. */
  answer(topic: Topic, answer: (about: unknown) => Promise<unknown>): void;
  /** Asks all others. Those that do not answer in time are left out: all, if the primary does not answer. */
  ask(topic: Topic, about: unknown, ms: number): Promise<readonly Answer[]>;
}

export function siblings(channel: {
  send(message: AskOthers | OneTells): void;
  onMessage(listener: (message: unknown) => void): void;
}): Siblings {
  let last = 0;
  const waiting = new Map<number, (answers: readonly Answer[]) => void>();
  const answers = new Map<Topic, (about: unknown) => Promise<unknown>>();
  channel.onMessage((message) => {
    if (isOthersTell(message)) waiting.get(message.id)?.(message.answers);
    if (!isAskOne(message)) return;
    void answerTo(answers.get(message.topic), message.about).then((answer) =>
      channel.send({ unstale: 'one', id: message.id, answer }),
    );
  });
  return {
    answer: (topic, answer) => void answers.set(topic, answer),
    ask: (topic, about, ms) =>
      new Promise((resolve) => {
        const id = ++last;
        const done = (told: readonly Answer[]): void => {
          clearTimeout(timer);
          waiting.delete(id);
          resolve(told);
        };
        const timer = setTimeout(() => done([]), ms + SLACK_MS).unref();
        waiting.set(id, done);
        channel.send({ unstale: 'others?', id, topic, about, ms });
      }),
  };
}

async function answerTo(answer: ((about: unknown) => Promise<unknown>) | undefined, about: unknown): Promise<Answer> {
  if (answer === undefined) return { failed: 'it has only just started' };
  try {
    // JSON leaves undefined out.
    return { value: (await answer(about)) ?? null };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
