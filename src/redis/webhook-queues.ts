import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { QueueKeeper, Taken } from '../webhooks/queue-keeper.ts';

/** How long a queue is kept that no process has asked for: its endpoint is no longer configured. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000;
/** Orders that wait for a process that delivers. With more, the oldest are forgotten. */
const MAX_ORDERS = 100;
const ORDER_MS = 60 * 60 * 1_000;

const script = (lua: string) => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/** KEYS: lease, queue, orders. */
const scripts = {
  /** ARGV: holder, ms, "1" if the queue is asked for. */
  take: script(`
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return { 0 } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ${KEPT_MS})
local orders = redis.call('LRANGE', KEYS[3], 0, -1)
redis.call('DEL', KEYS[3])
return { 1, ARGV[3] == '1' and redis.call('GET', KEYS[2]) or '', orders }`),
  /** ARGV: holder, queue. A holder whose lease has run out may no longer know what has been delivered. */
  save: script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ${KEPT_MS})
return 1`),
  /** ARGV: holder. */
  release: script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`),
} as const;

export interface WebhookQueuesOptions {
  readonly connection: Redis | Cluster;
  readonly prefix: string;
  readonly scope: string;
}

/** The queues of webhooks in Redis. Leases end by the clock of Redis; holders end theirs sooner, by their own. */
export class WebhookQueues implements QueueKeeper {
  readonly #options: WebhookQueuesOptions;

  constructor(options: WebhookQueuesOptions) {
    this.#options = options;
  }

  async take(
    endpoint: string,
    { holder, ms, wants }: { readonly holder: string; readonly ms: number; readonly wants: boolean },
  ): Promise<Taken> {
    const [held, stored = '', orders = []] = (await this.#run('take', endpoint, [holder, ms, wants ? 1 : 0])) as [
      number,
      string?,
      string[]?,
    ];
    if (held !== 1) return { held: false };
    return { held: true, stored: stored === '' ? undefined : stored, orders };
  }

  async save(endpoint: string, holder: string, queue: string): Promise<boolean> {
    return (await this.#run('save', endpoint, [holder, queue])) === 1;
  }

  async release(endpoint: string, holder: string): Promise<void> {
    await this.#run('release', endpoint, [holder]);
  }

  async read(endpoint: string): Promise<string | undefined> {
    const [, queue] = this.#keys(endpoint);
    return (await this.#options.connection.get(queue)) ?? undefined;
  }

  async order(endpoint: string, order: string): Promise<void> {
    const [, , orders] = this.#keys(endpoint);
    const { connection } = this.#options;
    await connection.rpush(orders, order);
    await connection.ltrim(orders, -MAX_ORDERS, -1);
    await connection.pexpire(orders, ORDER_MS);
  }

  async #run(name: keyof typeof scripts, endpoint: string, args: readonly (string | number)[]): Promise<unknown> {
    const { lua, sha } = scripts[name];
    const keys = this.#keys(endpoint);
    const rest = [keys.length, ...keys, ...args];
    try {
      return await this.#options.connection.call('EVALSHA', sha, ...rest);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#options.connection.call('EVAL', lua, ...rest);
    }
  }

  /** In one hash slot, with the log. A name has no braces. */
  #keys(endpoint: string): [string, string, string] {
    const { prefix, scope } = this.#options;
    const key = (what: string): string => `${prefix}:{${scope}}:webhook:${endpoint}:${what}`;
    return [key('lease'), key('queue'), key('orders')];
  }
}
