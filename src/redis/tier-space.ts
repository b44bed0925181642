import type { Cluster, Redis } from 'ioredis';

/** Share of `maxmemory` above which the tier stores nothing, to leave room for the log. */
const TIER_SHARE = 0.75;
/** Bytes that an entry, and each version that it names, take besides their own: keys, and the index of entries. */
const ENTRY_OVERHEAD = 500;
const VERSION_OVERHEAD = 200;
/** How many expired entries one reservation removes from the index. */
const FORGOTTEN_AT_ONCE = 100;
/** How much longer the index lives than its entries. */
const MARGIN_MS = 10_000;

/**
 * ARGV: id, bytes, ttl, most. Keeps an index of entries by expiry, and of their total size. An entry that is stored
 * again counts once; an expired one does not count. Also checks the server's own figure, because others may fill it.
 */
const reserve = `
local held, sizes, id, bytes, ttl = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local total = tonumber(redis.call('HGET', sizes, '') or 0)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', held, '-inf', now, 'LIMIT', 0, ${FORGOTTEN_AT_ONCE})) do
  total = total - tonumber(redis.call('HGET', sizes, gone) or 0)
  redis.call('HDEL', sizes, gone)
  redis.call('ZREM', held, gone)
end
redis.call('HSET', sizes, '', total)
total = total - tonumber(redis.call('HGET', sizes, id) or 0) + bytes
if total > tonumber(ARGV[4]) then return 0 end
local memory = redis.call('INFO', 'memory')
local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
if most > 0 and tonumber(string.match(memory, 'used_memory:(%d+)')) + bytes > most * ${TIER_SHARE} then return 0 end
redis.call('HSET', sizes, id, bytes, '', total)
redis.call('ZADD', held, now + ttl, id)
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < ttl + ${MARGIN_MS} then redis.call('PEXPIRE', key, ttl + ${MARGIN_MS}) end
end
return 1`;

/** ARGV: id. Undoes a reservation whose entry was not stored. */
const release = `
local bytes = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0)
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
if bytes > 0 then redis.call('HINCRBY', KEYS[2], '', -bytes) end
return 1`;

export interface TierSpaceOptions {
  readonly connection: Redis | Cluster;
  readonly prefix: string;
  readonly scope: string;
  readonly maxBytes: number;
}

/** The space that the tier takes in one epoch, for all nodes together. */
export class TierSpace {
  readonly #options: TierSpaceOptions;

  constructor(options: TierSpaceOptions) {
    this.#options = options;
  }

  /** Whether there is room for the entry. Reserving again replaces its size. */
  async reserve(epoch: string, entry: { id: string; bytes: number; versions: number; ttl: number }): Promise<boolean> {
    const { connection, maxBytes } = this.#options;
    const bytes = entry.bytes + ENTRY_OVERHEAD + entry.versions * VERSION_OVERHEAD;
    return (await connection.eval(reserve, 2, ...this.#keys(epoch), entry.id, bytes, entry.ttl, maxBytes)) === 1;
  }

  async release(epoch: string, id: string): Promise<void> {
    await this.#options.connection.eval(release, 2, ...this.#keys(epoch), id);
  }

  /** In the hash slot of the log, because the memory of that server matters most. */
  #keys(epoch: string): [string, string] {
    const { prefix, scope } = this.#options;
    return [`${prefix}:{${scope}}:held:${epoch}`, `${prefix}:{${scope}}:sizes:${epoch}`];
  }
}
