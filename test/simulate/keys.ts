import type { Redis } from 'ioredis';
import type { SimulatedBus } from './network.ts';
import type { World } from './world.ts';

interface Kept {
  readonly value: string | Buffer;
  readonly until: number;
}

/**
 * What the nodes share in addition to the log, as a Redis Cluster keeps it: each key by itself, and on a server that
 * may come back with what it had some time ago. Only the server's id, which is then another one, shows it.
 */
export class SimulatedKeys {
  readonly #world: World;
  #values = new Map<string, Kept>();
  #older = new Map<string, Kept>();
  #server = 0;
  #startedAt = Number.NEGATIVE_INFINITY;
  /** False: readers are not told that the server is another one. */
  readonly #tells: boolean;
  /** Fill leases among them, at the end. */
  get fillLeases(): string[] {
    return [...this.#values.keys()].filter((key) => key.endsWith(':fill') && this.#get(key) !== undefined);
  }

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
    this.#startedAt = this.#world.now;
    this.#world.tell('keys', 'are as they were some time ago');
  }

  /** The server keeps its id, so nothing shows it. */
  setBack(): void {
    this.#values = new Map(this.#older);
  }

  loseAll(): void {
    this.#values.clear();
    this.#older.clear();
    this.#server += 1;
  }

  /** The commands that src/redis/tier.ts gives, over the way of one process. */
  connection(bus: SimulatedBus): Redis {
    const up = (): boolean => this.#world.now >= this.downUntil;
    const get = (key: string): Promise<string | Buffer | null> => bus.ask(() => this.#get(key) ?? null, up);
    const isHeldBy = (key: string, made: string): boolean => String(this.#get(key)) === made;
    const scripts: Record<string, (key: string, ...args: (string | number)[]) => string | number | null | never[]> = {
      // There is always room.
      ZREM: () => 1,
      "'DEL'": (key, token) => (isHeldBy(key, String(token)) && this.#values.delete(key) ? 1 : 0),
      "== ARGV[1] then return redis.call('PEXPIRE'": (key, token, ttl) => {
        if (!isHeldBy(key, String(token))) return 0;
        this.#set(key, String(token), Number(ttl));
        return 1;
      },
      "'h:'": (key, epoch, ttl, seq) => this.#bump(key, String(epoch), Number(seq), Number(ttl)),
      PEXPIRE: (key, made, ttl, _witness, hitSeconds) =>
        this.#world.now - this.#startedAt <= Number(hitSeconds) * 1_000
          ? null
          : this.#hold(key, String(made), Number(ttl)),
      '': (key) => this.#witnessed(key),
    };
    const commands = {
      isCluster: true,
      getBuffer: get,
      get,
      exists: (key: string) => bus.ask(() => (this.#get(key) === undefined ? 0 : 1), up),
      set: (key: string, value: string | Buffer, _px: string, ttl: number, nx?: 'NX') =>
        bus.ask(() => {
          if (nx !== undefined && this.#get(key) !== undefined) return null;
          this.#set(key, value, ttl);
          return 'OK';
        }, up),
      eval: (script: string, _keys: number, key: string, ...args: (string | number)[]) =>
        bus.ask(() => {
          const [, run] = Object.entries(scripts).find(([mark]) => script.includes(mark)) ?? [];
          return run?.(key, ...args);
        }, up),
    };
    return commands as unknown as Redis;
  }

  #get(key: string): string | Buffer | undefined {
    const kept = this.#values.get(key);
    return kept !== undefined && this.#world.now < kept.until ? kept.value : undefined;
  }

  #set(key: string, value: string | Buffer, ttl: number): void {
    this.#values.set(key, { value, until: this.#world.now + ttl });
  }

  #lifeOf(key: string): number {
    return this.#get(key) === undefined ? 0 : (this.#values.get(key)?.until ?? 0) - this.#world.now;
  }

  #witnessed(key: string): string | null {
    const version = this.#get(key);
    return version === undefined ? null : `${version} ${this.#tells ? this.#server : 0}`;
  }

  #hold(key: string, made: string, ttl: number): string | null {
    this.#set(key, this.#get(key) ?? made, Math.max(ttl, this.#lifeOf(key)));
    return this.#witnessed(key);
  }

  #bump(key: string, epoch: string, seq: number, ttl: number): never[] {
    const [, of, at] = /^h:([^:]*):(\d+)$/.exec(String(this.#get(key) ?? '')) ?? [];
    if (of !== epoch || Number(at) < seq) this.#set(key, `h:${epoch}:${seq}`, Math.max(ttl, this.#lifeOf(key)));
    return [];
  }
}
