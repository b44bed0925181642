import { once } from 'node:events';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { describeMissed, type MissedRig, type OpenNode } from '../coherence/missed-contract.ts';
import { until } from '../support/barrier.ts';
import { type RedisLog, RedisRig } from './redis-rig.ts';
import type { RedisServer } from './redis-server.ts';

/** Reads back over a connection of its own: those of the log are its own. */
class Rig implements MissedRig {
  readonly #rig: RedisRig;
  readonly #opened: RedisLog[] = [];
  readonly #closers: (() => void)[] = [];

  private constructor(rig: RedisRig) {
    this.#rig = rig;
  }

  static async create(): Promise<Rig> {
    return new Rig(await RedisRig.create());
  }

  get #server(): RedisServer {
    return this.#rig.server;
  }

  async open(): Promise<OpenNode> {
    const open = await this.#rig.open();
    this.#opened.push(open);
    const blocking = this.#server.connect();
    this.#closers.push(() => blocking.disconnect());
    await once(blocking, 'ready');
    return { ...open, bus: new RedisBus({ commands: blocking, blocking, prefix: 'unstale', scope: 'default' }) };
  }

  wait<T>(promise: Promise<T>): Promise<T> {
    return promise;
  }

  until(condition: () => boolean): Promise<void> {
    return until(condition);
  }

  async trim(keep: number): Promise<void> {
    const { epoch } = this.#opened.at(-1)?.log.status() ?? {};
    await this.#ask('XTRIM', `unstale:{default}:log:${epoch}`, 'MAXLEN', keep);
  }

  async loseAll(): Promise<void> {
    await this.#ask('FLUSHALL');
  }

  async remember(): Promise<void> {
    await this.#ask('SAVE');
  }

  async setBack(): Promise<void> {
    for (const { die } of this.#opened) die();
    await this.#ask('DEBUG', 'RELOAD', 'NOSAVE');
  }

  async #ask(command: string, ...args: (string | number)[]): Promise<void> {
    const redis = this.#server.connect();
    await once(redis, 'ready');
    await redis.call(command, ...args);
    redis.disconnect();
  }

  async close(): Promise<void> {
    for (const close of this.#closers) close();
    await this.#rig.close();
  }
}

describeMissed('over Redis', () => Rig.create());
