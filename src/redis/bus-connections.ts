import { once } from 'node:events';
import type { Cluster, Redis } from 'ioredis';
import type { Bus } from '../coherence/bus.ts';
import { RedisBus } from './bus.ts';
import { connectRedis, evictionFault } from './connection.ts';

export interface RedisBusConfig {
  readonly urls: readonly string[];
  readonly prefix: string;
  readonly scope: string;
  readonly leaseMs: number;
  readonly failed: (error: Error) => void;
}

/** A step must fail well before a lease runs out, so that another attempt can still renew it. */
const STEPS_PER_LEASE = 4;
/** For a first answer at start: without one the node starts all the same, fenced. */
const CHECK_MS = 2_000;

export interface ConnectedBus {
  readonly bus: Bus;
  /** For steps: a command that has no answer in time fails. */
  readonly commands: Redis | Cluster;
  /** What is wrong with how the server drops keys. Undefined where it is fine, or cannot be asked now. */
  evictionFault(): ReturnType<typeof evictionFault>;
  /** Calls whenever a server has been reached anew, which may be another one, or be configured otherwise. */
  onReached(listener: () => void): void;
  close(): void;
}

/** The bus of a gateway on a Redis: one connection for steps, and one that blocks on what is new. */
export function connectBus({ urls, prefix, scope, leaseMs, failed }: RedisBusConfig): ConnectedBus {
  const commands = connectRedis({ urls, commandTimeoutMs: Math.max(50, leaseMs / STEPS_PER_LEASE), failed });
  const blocking = connectRedis({ urls, failed });
  // Reading from a server that writes are not for any longer would go on, and bring nothing.
  commands.on('close', () => blocking.disconnect(true));
  return {
    commands,
    bus: new RedisBus({ commands, blocking, prefix, scope }),
    evictionFault: async () => {
      if (commands.status !== 'ready') {
        const signal = AbortSignal.timeout(CHECK_MS);
        const ready = await once(commands, 'ready', { signal }).then(
          () => true,
          () => false,
        );
        if (!ready) return undefined;
      }
      return evictionFault(commands);
    },
    onReached: (listener) => void commands.on('ready', listener),
    close: () => {
      commands.disconnect();
      blocking.disconnect();
    },
  };
}
