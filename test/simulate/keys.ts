import type { Redis } from 'ioredis';
import type { SimulatedBus } from './network.ts';
import type { World } from './world.ts';

/**
 * What the nodes share beside the log, as a Redis Cluster keeps it: each key by itself, and on a server that may come back with
 * what it had some time ago. The server is then another one, which is all that tells.
 */
export class SimulatedKeys {
  readonly #world: World;
  #values = new Map<string, string | Buffer>();
  #older = new Map<string, string | Buffer>();
  #server = 0;
  /** False: readers are not told that the server is another one. */
  readonly #tells: boolean;
  /** Nobody is answered until then. */
  downUntil = 0;

  constructor(world: World, tells = true) {
    this.#world = world;
    this.#tells = tells;
  }

  remember(): void {
    this.#older = new Map(this.#values);
  }

  goBack(): void {
    this.#values = new Map(this.#older);
    this.#server += 1;
    this.#world.tell('keys', 'are as they were some time ago');
  }

  loseAll(): void {
    this.#values.clear();
    this.#older.clear();
    this.#server += 1;
  }

  /** The commands that src/redis/tier.ts gives, over the way of one process. */
  connection(bus: SimulatedBus): Redis {
    const up = (): boolean => this.#world.now >= this.downUntil;
    const ask = <T>(step: () => T): Promise<T> => bus.ask(step, up);
    const get = (key: string): Promise<string | Buffer | null> => ask(() => this.#values.get(key) ?? null);
    const commands = {
      isCluster: true,
      getBuffer: get,
      get,
      set: (key: string, value: string | Buffer, _px: string, _ttl: number, nx?: string) =>
        ask(() => {
          if (nx !== undefined && this.#values.has(key)) return null;
          this.#values.set(key, value);
          return 'OK';
        }),
      eval: (_script: string, _keys: number, key: string, epoch?: string, seq?: number) =>
        ask(() => (epoch === undefined ? this.#witnessed(key) : this.#bump(key, epoch, seq as number))),
    };
    return commands as unknown as Redis;
  }

  #witnessed(key: string): string | null {
    const version = this.#values.get(key);
    return version === undefined ? null : `${version} ${this.#tells ? this.#server : 0}`;
  }

  #bump(key: string, epoch: string, seq: number): number {
    const [, of, at] = /^h:([^:]*):(\d+)$/.exec(String(this.#values.get(key) ?? '')) ?? [];
    if (of === epoch && Number(at) >= seq) return 0;
    this.#values.set(key, `h:${epoch}:${seq}`);
    return 1;
  }
}
