import type { Worker } from 'node:cluster';

/** The figures of one process, as prom-client's JSON. */
export type Figures = readonly object[];

/** Asks for figures. A worker asks the primary for those of all workers; the primary asks each worker for its own. */
export interface AskFigures {
  readonly unstale: 'figures?';
  readonly id: number;
}
interface OwnFigures {
  readonly unstale: 'figures';
  readonly id: number;
  readonly figures: Figures;
}
interface AllFigures {
  readonly unstale: 'all figures';
  readonly id: number;
  readonly figures: readonly Figures[];
}

/** A worker that does not answer in time is left out: a scrape must not hang on it. */
const MEASURE_MS = 1_000;

const says = (message: unknown, what: string): boolean => (message as { unstale?: unknown } | null)?.unstale === what;
export const isAskFigures = (message: unknown): message is AskFigures => says(message, 'figures?');
const isOwnFigures = (message: unknown): message is OwnFigures => says(message, 'figures');
const isAllFigures = (message: unknown): message is AllFigures => says(message, 'all figures');

/** In the primary: collects the figures of all workers. */
export async function figuresOf(workers: readonly Worker[]): Promise<Figures[]> {
  const all = await Promise.all(workers.map(askForFigures));
  return all.filter((figures) => figures !== undefined);
}

let lastId = 0;

function askForFigures(worker: Worker): Promise<Figures | undefined> {
  const id = ++lastId;
  return new Promise((resolve) => {
    const done = (figures: Figures | undefined): void => {
      clearTimeout(timer);
      worker.off('message', onMessage);
      resolve(figures);
    };
    const onMessage = (message: unknown): void => {
      if (isOwnFigures(message) && message.id === id) done(message.figures);
    };
    const timer = setTimeout(() => done(undefined), MEASURE_MS);
    worker.on('message', onMessage);
    worker.send({ unstale: 'figures?', id } satisfies AskFigures, (error) => error !== null && done(undefined));
  });
}

/** A worker's view of the other workers, by way of the primary. */
export interface Siblings {
  /** Sets the function that returns this worker's own figures. */
  onAsked(figures: () => Promise<Figures>): void;
  /** The figures of all workers. Empty if the primary does not answer. */
  figures(): Promise<readonly Figures[]>;
}

export function siblings(channel: {
  send(message: AskFigures | OwnFigures): void;
  onMessage(listener: (message: unknown) => void): void;
}): Siblings {
  let last = 0;
  const waiting = new Map<number, (figures: readonly Figures[]) => void>();
  channel.onMessage((message) => {
    if (isAllFigures(message)) waiting.get(message.id)?.(message.figures);
  });
  return {
    onAsked: (figures) =>
      channel.onMessage((message) => {
        if (!isAskFigures(message)) return;
        void figures().then((own) => channel.send({ unstale: 'figures', id: message.id, figures: own }));
      }),
    figures: () =>
      new Promise((resolve) => {
        const id = ++last;
        const done = (figures: readonly Figures[]): void => {
          clearTimeout(timer);
          waiting.delete(id);
          resolve(figures);
        };
        const timer = setTimeout(() => done([]), 2 * MEASURE_MS);
        waiting.set(id, done);
        channel.send({ unstale: 'figures?', id });
      }),
  };
}

/** Answers a worker that has asked for the figures of all workers. */
export function tellFigures(worker: Worker, { id }: AskFigures, figures: readonly Figures[]): void {
  if (worker.isConnected()) worker.send({ unstale: 'all figures', id, figures } satisfies AllFigures, () => {});
}
