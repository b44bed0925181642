import cluster from 'node:cluster';
import type { Bus } from '../coherence/bus.ts';
import { type Siblings, siblings } from './measuring.ts';
import { stopMessage, WORKER_PLACE } from './primary.ts';
import { ProcessBus } from './process-bus.ts';

/** What a process is told by the one that forked it; undefined for one that stands by itself. */
export interface WorkerRole {
  readonly bus: Bus;
  readonly siblings: Siblings;
  /** Of several, one has the admin port: what it shows, and what it does, is about all of them. */
  readonly hasAdmin: boolean;
  /** Resolves when the process that forked this one says so, or is gone. */
  readonly asked: Promise<void>;
  /** Lets go of that process: nothing keeps this one any longer. */
  leave(): void;
}

export function workerRole(): WorkerRole | undefined {
  if (!cluster.isWorker) return undefined;
  const bus = new ProcessBus({
    send: (message, done) => {
      if (process.send === undefined || !process.connected) done(new Error('the process that sequences is gone'));
      else process.send(message, undefined, undefined, done);
    },
    onMessage: (listener) => void process.on('message', listener),
  });
  const others = siblings({
    send: (message) => void (process.connected && process.send?.(message)),
    onMessage: (listener) => void process.on('message', listener),
  });
  const asked = new Promise<void>((resolve) => {
    process.once('disconnect', () => resolve());
    process.on('message', (message: unknown) => {
      if ((message as Partial<typeof stopMessage> | null)?.unstale === stopMessage.unstale) resolve();
    });
  });
  const leave = (): void => {
    if (process.connected) process.disconnect();
  };
  return { bus, siblings: others, hasAdmin: process.env[WORKER_PLACE] === '1', asked, leave };
}
