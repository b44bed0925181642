import { once } from 'node:events';
import { systemClock, systemSoon, systemTimers } from '../../src/clock.ts';
import { ClusterLog } from '../../src/coherence/cluster-log.ts';
import type { ClusterLogOptions } from '../../src/coherence/cluster-status.ts';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { type LogRig, listenerOf, type OpenLog } from '../coherence/log-contract.ts';
import { until } from '../support/barrier.ts';
import { RedisServer } from './redis-server.ts';

const LEASE_MS = 400;

export interface RedisLog extends OpenLog {
  readonly log: ClusterLog;
  readonly errors: unknown[];
  /** As a process that is killed: nothing of it is heard again. */
  die(): void;
}

/** Logs over a redis-server of their own. */
export class RedisRig implements LogRig {
  readonly server: RedisServer;
  readonly #opened: RedisLog[] = [];
  #names = 0;

  private constructor(server: RedisServer) {
    this.server = server;
  }

  static async create(): Promise<RedisRig> {
    return new RedisRig(await RedisServer.start());
  }

  async open(options: Partial<ClusterLogOptions> = {}, scope = 'default'): Promise<RedisLog> {
    const commands = this.server.connect(LEASE_MS / 2);
    const blocking = this.server.connect();
    await Promise.all([once(commands, 'ready'), once(blocking, 'ready')]);
    const told = { told: [], records: [], resets: [], errors: [] as unknown[] };
    this.#names += 1;
    const log = new ClusterLog({
      bus: new RedisBus({ commands, blocking, prefix: 'unstale', scope }),
      member: `n${this.#names}`,
      clock: systemClock,
      timers: systemTimers,
      soon: systemSoon,
      mode: 'strict',
      onPartition: 'reject',
      confirmMs: 5_000,
      quarantineMs: 100,
      leaseMs: LEASE_MS,
      nonce: () => `e${process.hrtime.bigint()}`,
      failed: (error) => told.errors.push(error),
      listener: listenerOf(told),
      ...options,
    });
    log.start();
    const die = (): void => {
      for (const client of [commands, blocking]) {
        client.disconnect();
        // Otherwise an answer that is under way would still be heard.
        client.stream.destroy();
      }
    };
    const open = { log, die, ...told };
    this.#opened.push(open);
    await this.until(() => log.serving());
    return open;
  }

  wait<T>(promise: Promise<T>): Promise<T> {
    return promise;
  }

  until(condition: () => boolean): Promise<void> {
    return until(condition);
  }

  async close(): Promise<void> {
    for (const { log, die } of this.#opened) {
      await log.stop();
      die();
    }
    await this.server.stop();
  }
}
