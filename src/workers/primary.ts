import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { Logger } from '../observe/log.ts';
import { figuresOf, isAskFigures, tellFigures } from './measuring.ts';
import { isQuestion, type Question, Sequencing } from './sequencing.ts';

/** Names the place of a worker among its siblings: the first one has the admin port. */
export const WORKER_PLACE = 'UNSTALE_WORKER_PLACE';

/** To a worker: end what is under way, and go. */
export const stopMessage = { unstale: 'stop' } as const;

/** A worker that dies is replaced; that often within so long means that none of them can live. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 10_000;
const REPLACE_AFTER_MS = 200;

export interface WorkersOptions {
  readonly count: number;
  readonly log: Logger;
  /** Resolves when all of this is to end. */
  readonly asked: Promise<void>;
}

/**
 * Runs the gateway in several processes that share its port (node:cluster). This one serves nobody: it hands out connections,
 * sequences what the workers write, and replaces those that die. Returns the exit code.
 */
export async function runWorkers({ count, log, asked }: WorkersOptions): Promise<number> {
  const sequencing = new Sequencing();
  const deaths: number[] = [];
  let ending = false;
  let failed: () => void = () => {};
  const given = new Promise<'failed'>((resolve) => {
    failed = () => resolve('failed');
  });
  const fork = (place: number): void => {
    const worker = cluster.fork({ [WORKER_PLACE]: String(place) });
    worker.on('message', (message: unknown) => {
      if (isQuestion(message)) void reply(sequencing, worker, message);
      if (isAskFigures(message)) void figuresOf(alive()).then((all) => tellFigures(worker, message, all));
    });
    worker.on('exit', (code, signal) => {
      if (ending) return;
      const now = performance.now();
      deaths.push(now);
      log.error({ worker: place, code, signal }, 'a worker has died and is replaced');
      const recent = deaths.filter((at) => now - at < DEATHS_WITHIN_MS);
      if (recent.length >= MAX_DEATHS) failed();
      else setTimeout(() => ending || fork(place), REPLACE_AFTER_MS);
    });
  };
  for (let place = 1; place <= count; place++) fork(place);
  const why = await Promise.race([asked.then(() => 'asked' as const), given]);
  ending = true;
  const living = alive();
  const gone = living.map((worker) => once(worker, 'exit'));
  // Not by a signal: a terminal has sent them one already, and the second would end them at once.
  for (const worker of living) worker.send(stopMessage, () => {});
  const codes = await Promise.all(gone);
  if (why === 'failed') {
    log.error('the workers die as soon as they start');
    return 1;
  }
  return codes.every(([code]) => code === 0) ? 0 : 1;
}

function alive(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker?.isDead() === false) as Worker[];
}

async function reply(sequencing: Sequencing, worker: Worker, question: Question): Promise<void> {
  const answer = await sequencing.answer(question);
  // One that has died meanwhile waits for nothing.
  if (worker.isConnected()) worker.send(answer, () => {});
}
