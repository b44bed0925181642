import { once } from 'node:events';
import type { Cluster, Redis } from 'ioredis';
import type { Bus } from '../coherence/bus.ts';
import { RedisBus } from './redis-bus.ts';
import { connectRedis, evictionFault, hangUp } from './redis-connection.ts';

export interface RedisBusConfig {
  readonly urls: readonly string[];
  readonly prefix: string;
  readonly scope: string;
  readonly leaseMs: number;
  readonly failed: (error: Error) => void;
}

/** A step must fail well before a lease runs out, so that another attempt can still renew it. */
const STEPS_PER_LEASE = 4;
/** Limit for the first answer at start. Without one, the node starts all the same, fenced. */
const CHECK_MS = 2_000;

export interface ConnectedBus {
  readonly bus: Bus;
  /** For steps: a command fails if it is not answered in time. */
  readonly commands: Redis | Cluster;
  /** The server's eviction policy, if it is a wrong one. Undefined if it is right, or cannot be read now. */
  evictionFault(): ReturnType<typeof evictionFault>;
  /** Calls the listener after each connect: it may be another server, or have another configuration. */
  onReached(listener: () => void): void;
  close(): void;
}

/** The Redis bus of a gateway: one connection for steps, and one for blocking reads. */
export function connectBus({ urls, prefix, scope, leaseMs, failed }: RedisBusConfig): ConnectedBus {
  const commands = connectRedis({ urls, commandTimeoutMs: Math.max(50, leaseMs / STEPS_PER_LEASE), failed });
  const blocking = connectRedis({ urls, failed });
  // After a failover, the blocking connection would go on reading, without error, from the old server.
  commands.on('close', () => hangUp(blocking));
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
