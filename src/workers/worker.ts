import cluster from 'node:cluster';
import type { Bus } from '../coherence/bus.ts';
import type { KeyStore } from '../idempotency/key-store.ts';
import { stopMessage, WORKER_NUMBER } from './primary.ts';
import { ProcessBus } from './process-bus.ts';
import { ProcessKeys } from './process-keys.ts';
import { Questions } from './questions.ts';
import { type Siblings, siblings } from './siblings.ts';

/** What the primary gives a worker. */
export interface WorkerRole {
  readonly bus: Bus;
  readonly keys: KeyStore;
  readonly siblings: Siblings;
  /** One worker has the admin port. What it shows and does concerns all workers. */
  readonly hasAdmin: boolean;
  /** Resolves when the primary tells this worker to stop, or is gone. */
  readonly stopRequested: Promise<void>;
  /** Disconnects from the primary, which otherwise keeps this process alive. */
  leave(): void;
}

export function workerRole(): WorkerRole | undefined {
  if (!cluster.isWorker) return undefined;
  const questions = new Questions({
    send: (message, done) => {
      if (process.send === undefined || !process.connected) done(new Error('the primary process is gone'));
      else process.send(message, undefined, undefined, done);
    },
    onMessage: (listener) => void process.on('message', listener),
  });
  const others = siblings({
    send: (message) => void (process.connected && process.send?.(message)),
    onMessage: (listener) => void process.on('message', listener),
  });
  const stopRequested = new Promise<void>((resolve) => {
    process.once('disconnect', () => resolve());
    process.on('message', (message: unknown) => {
      if ((message as Partial<typeof stopMessage> | null)?.unstale === stopMessage.unstale) resolve();
    });
  });
  const leave = (): void => {
    if (process.connected) process.disconnect();
  };
  const [bus, keys] = [new ProcessBus(questions), new ProcessKeys(questions)];
  return { bus, keys, siblings: others, hasAdmin: process.env[WORKER_NUMBER] === '1', stopRequested, leave };
}
