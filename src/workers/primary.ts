import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { KeyStore } from '../idempotency/key-store.ts';
import type { Logger } from '../observe/logger.ts';
import { answerOfKeys, isKeyQuestion } from './process-keys.ts';
import { isQuestion, type Question, type StepReply } from './questions.ts';
import { Sequencing } from './sequencing.ts';
import { Exchange, isAskOthers, isOneTells } from './siblings.ts';
import { closeUnaccepted } from './unaccepted-connections.ts';

/** Environment variable with the worker's number, from 1. The first worker has the admin port. */
export const WORKER_NUMBER = 'UNSTALE_WORKER_NUMBER';

/** Tells a worker to finish its work and exit. */
export const stopMessage = { unstale: 'stop' } as const;

/** A worker that dies is replaced. This many deaths in this time mean that no worker can run. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 10_000;
const REPLACE_AFTER_MS = 200;
/**
 * How long after `server.drain` a worker may take to close what it has open. One that hangs never exits by itself, and
 * would keep the whole gateway from stopping.
 */
const STOP_MARGIN_MS = 1_000;

export interface WorkersOptions {
  readonly count: number;
  readonly log: Logger;
  /** How long a worker that stops lets exchanges finish (`server.drain`). */
  readonly drainMs: number;
  /** The first worker then writes what its memory holds, however long that takes. */
  readonly savesAtStop: boolean;
  /** The idempotency keys of all workers. */
  readonly keys: KeyStore;
  /** Resolves when the workers have to stop. */
  readonly stopRequested: Promise<void>;
}

/**
 * Runs the gateway in several processes that share its port (node:cluster). This process, the primary, serves no
 * requests: it hands out connections, sequences the workers' records, keeps their idempotency keys, and replaces
 * workers that die. Returns the exit code.
 */
export async function runWorkers(options: WorkersOptions): Promise<number> {
  const { count, log, keys, stopRequested } = options;
  const sequencing = new Sequencing();
  const exchange = new Exchange();
  const answer = (question: Question): Promise<StepReply> =>
    isKeyQuestion(question) ? answerOfKeys(keys, question) : sequencing.answer(question);
  const deaths: number[] = [];
  let stopping = false;
  let failed: () => void = () => {};
  const crashLoop = new Promise<'failed'>((resolve) => {
    failed = () => resolve('failed');
  });
  let saving: Worker | undefined;
  const fork = (number: number): void => {
    const worker = cluster.fork({ [WORKER_NUMBER]: String(number) });
    closeUnaccepted(worker);
    if (number === 1 && options.savesAtStop) saving = worker;
    worker.on('message', (message: unknown) => {
      if (isQuestion(message)) void reply(answer(message), worker);
      if (isOneTells(message)) exchange.told(message);
      if (isAskOthers(message)) void exchange.ask(worker, othersThan(worker), message);
    });
    worker.on('exit', (code, signal) => {
      exchange.left(worker);
      if (stopping) return;
      const now = performance.now();
      deaths.push(now);
      log.error({ worker: number, code, signal }, 'a worker has died and is replaced');
      const recent = deaths.filter((at) => now - at < DEATHS_WITHIN_MS);
      if (recent.length >= MAX_DEATHS) failed();
      else setTimeout(() => stopping || fork(number), REPLACE_AFTER_MS);
    });
  };
  for (let number = 1; number <= count; number++) fork(number);
  const why = await Promise.race([stopRequested.then(() => 'requested' as const), crashLoop]);
  stopping = true;
  const workers = alive();
  const exits = workers.map((worker) => once(worker, 'exit'));
  // A message, not a signal: a terminal has already sent them one, and a second signal would end them at once.
  for (const worker of workers) worker.send(stopMessage, () => {});
  const bounded = workers.filter((worker) => worker !== saving);
  const overdue = setTimeout(() => killLeft(bounded, log), options.drainMs + STOP_MARGIN_MS);
  const codes = await Promise.all(exits);
  clearTimeout(overdue);
  if (why === 'failed') {
    log.error('workers die repeatedly: giving up');
    return 1;
  }
  return codes.every(([code]) => code === 0) ? 0 : 1;
}

function alive(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker?.isDead() === false) as Worker[];
}

function killLeft(workers: readonly Worker[], log: Logger): void {
  const left = workers.filter((worker) => !worker.isDead());
  if (left.length === 0) return;
  log.error({ pids: left.map(({ process }) => process.pid) }, 'workers have not stopped in time and are killed');
  // No other signal ends a process that has been suspended.
  for (const worker of left) worker.process.kill('SIGKILL');
}

function othersThan(asker: Worker): Worker[] {
  return alive().filter((worker) => worker !== asker);
}

async function reply(asked: Promise<StepReply>, worker: Worker): Promise<void> {
  const answer = await asked;
  // A worker that has died meanwhile needs no answer.
  if (worker.isConnected()) worker.send(answer, () => {});
}
