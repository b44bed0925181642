import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { KeptAnswer, Settlement, Verdict } from '../idempotency/key-state.ts';
import {
  KEY_OVERHEAD_BYTES,
  type KeyClaim,
  type KeyStore,
  KeyStoreAway,
  SHARE_OF_ADDRESS,
  unsettledMs,
} from '../idempotency/key-store.ts';

/** Keys that all nodes together keep: stops a client that invents keys from filling the Redis that the log needs. */
const MAX_KEYS = 1_000_000;
/** Answers beyond this are not kept, and their keys are. */
const MAX_BYTES = 256 * 1024 * 1024;
/**
 * Shares of `maxmemory` above which no answer, and no further key, is kept. The tier fills three quarters. Keys have
 * room above that, since a write without one is refused. Above 85 % the log drops records.
 */
const ANSWERS_SHARE = 0.75;
const KEYS_SHARE = 0.8;
/** How much of the hash of an address is kept: 96 bits tell addresses apart. */
const ADDRESS_CHARACTERS = 16;
/** Expired keys that one step removes from the index. */
const EXPIRED_AT_ONCE = 100;
/** How much longer the index lives than what it counts. */
const MARGIN_MS = 10_000;

/**
 * KEYS: the key, the index of keys by expiry, their sizes: `<bytes> <address>` for each, `@<address>` for all of an
 * address, and the empty name for all together. The steps of src/idempotency/key-state.ts; the time is the
 * server's, so that all nodes agree on it.
 */
const prelude = `
local key, index, sizes = KEYS[1], KEYS[2], KEYS[3]
local id, owner, fingerprint, keep, address = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function total(of) return tonumber(redis.call('HGET', sizes, of) or 0) end
local function sizeOf(each)
  local bytes, by = string.match(redis.call('HGET', sizes, each) or ('0 ' .. address), '^(%d+) (.*)$')
  return tonumber(bytes or 0), by or address
end
local function added(bytes, by)
  redis.call('HINCRBY', sizes, '', bytes)
  if redis.call('HINCRBY', sizes, '@' .. by, bytes) <= 0 then redis.call('HDEL', sizes, '@' .. by) end
end
local function resized(bytes)
  local before, by = sizeOf(id)
  added(bytes - before, by)
  redis.call('HSET', sizes, id, bytes .. ' ' .. by)
end
local function forgotten(gone)
  local bytes, by = sizeOf(gone)
  if bytes > 0 then added(-bytes, by) end
  redis.call('HDEL', sizes, gone)
  redis.call('ZREM', index, gone)
end
local function kept()
  redis.call('PEXPIRE', key, keep)
  redis.call('ZADD', index, now + keep, id)
  for _, each in ipairs({ index, sizes }) do
    if redis.call('PTTL', each) < keep + ${MARGIN_MS} then redis.call('PEXPIRE', each, keep + ${MARGIN_MS}) end
  end
end
local function fits(bytes, most, share)
  local memory = redis.call('INFO', 'memory')
  local limit = tonumber(string.match(memory, 'maxmemory:(%d+)'))
  if limit > 0 then
    local free = limit * share - tonumber(string.match(memory, 'used_memory:(%d+)'))
    if free < bytes then return false end
    most = math.min(most, total('') + free)
  end
  return total('@' .. address) + bytes <= most * ${SHARE_OF_ADDRESS}
end
-- A key is lost with the data of Redis, or in a failover. Its owner is still there.
local function isOwn(kind, by) return not kind or (by == owner and kind ~= 'answered') end
local function written(kind)
  if redis.call('EXISTS', key) == 0 then resized(${KEY_OVERHEAD_BYTES}) end
  redis.call('HSET', key, 'kind', kind, 'fingerprint', fingerprint, 'owner', owner)
end`;

/** ARGV: id, owner, fingerprint, keep, address, lease. The same owner may ask again: an answer of Redis can be lost. */
const claim = `${prelude}
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, ${EXPIRED_AT_ONCE})) do forgotten(gone) end
local state = redis.call('HMGET', key, 'kind', 'fingerprint', 'owner', 'lease')
if not state[1] then
  if redis.call('ZCARD', index) >= ${MAX_KEYS} then return { 'full' } end
  if not fits(${KEY_OVERHEAD_BYTES}, ${MAX_KEYS * KEY_OVERHEAD_BYTES}, ${KEYS_SHARE}) then return { 'full' } end
  written('underWay')
  redis.call('HSET', key, 'lease', now + ARGV[6])
  kept()
  return { 'first' }
end
if state[2] ~= fingerprint then return { 'otherPayload' } end
if state[1] == 'answered' then return { 'answered', redis.call('HGET', key, 'head'), redis.call('HGET', key, 'body') } end
if state[1] == 'unknown' then return { 'unknown' } end
if state[3] == owner then return { 'first' } end
if now <= tonumber(state[4]) then return { 'underWay' } end
redis.call('HSET', key, 'kind', 'unknown')
return { 'unknown' }`;

/** ARGV: id, owner, fingerprint, keep, address, lease. */
const renew = `${prelude}
local state = redis.call('HMGET', key, 'kind', 'owner')
if not isOwn(state[1], state[2]) then return 0 end
written('underWay')
redis.call('HSET', key, 'lease', now + ARGV[6])
kept()
return 1`;

/** ARGV: id, owner, fingerprint, keep, address, kind, head, head without the body, body. */
const settle = `${prelude}
local state = redis.call('HMGET', key, 'kind', 'owner')
if not isOwn(state[1], state[2]) then return 0 end
if ARGV[6] == 'notRun' then
  redis.call('DEL', key)
  forgotten(id)
  return 1
end
written(ARGV[6])
if ARGV[6] == 'answered' then
  local bytes = #ARGV[7] + #ARGV[9]
  local answers = total('') - redis.call('ZCARD', index) * ${KEY_OVERHEAD_BYTES}
  if answers + bytes > ${MAX_BYTES} or not fits(bytes, ${MAX_BYTES}, ${ANSWERS_SHARE}) then
    redis.call('HSET', key, 'head', ARGV[8])
  else
    redis.call('HSET', key, 'head', ARGV[7], 'body', ARGV[9])
    resized(${KEY_OVERHEAD_BYTES} + bytes)
  end
end
kept()
return 1`;

export interface RedisKeysOptions {
  readonly connection: Redis | Cluster;
  readonly prefix: string;
  readonly scope: string;
}

/** What Redis has of an answer beside its body. */
interface Head {
  readonly status: number;
  readonly lines: readonly string[];
  readonly hasBody: boolean;
}

/** The keys that all nodes share, and that survive them. */
export class RedisKeys implements KeyStore {
  readonly #options: RedisKeysOptions;

  constructor(options: RedisKeysOptions) {
    this.#options = options;
  }

  /** It queues nothing for a server that is away: such a step is never sent. */
  get #connection(): Redis | Cluster {
    const { connection } = this.#options;
    if (connection.status !== 'ready') throw new KeyStoreAway(`Redis cannot be reached (${connection.status})`);
    return connection;
  }

  async claim(asked: KeyClaim): Promise<Verdict | { readonly kind: 'full' }> {
    const args = [...this.#arguments(asked, unsettledMs(asked)), asked.leaseMs];
    const [kind, head, body] = (await this.#connection.callBuffer('EVAL', claim, 3, ...args)) as Buffer[];
    const said = String(kind) as 'first' | 'otherPayload' | 'underWay' | 'unknown' | 'answered' | 'full';
    return said === 'answered' ? { kind: said, answer: answerOf(head as Buffer, body) } : { kind: said };
  }

  async renew(asked: KeyClaim): Promise<void> {
    const args = [...this.#arguments(asked, unsettledMs(asked)), asked.leaseMs];
    await this.#connection.call('EVAL', renew, 3, ...args);
  }

  async settle(asked: KeyClaim, settlement: Settlement): Promise<void> {
    const answer = settlement.kind === 'answered' ? settlement.answer : { status: 0, lines: [], body: undefined };
    const { status, lines, body } = answer;
    const head: Head = { status, lines, hasBody: body !== undefined };
    const short: Head = { status, lines: [], hasBody: false };
    const args = [settlement.kind, JSON.stringify(head), JSON.stringify(short), body ?? Buffer.alloc(0)];
    await this.#connection.call('EVAL', settle, 3, ...this.#arguments(asked, asked.keepMs), ...args);
  }

  /** All in the hash slot of the log: a step needs the index, too. */
  #arguments({ id, owner, fingerprint, address }: KeyClaim, keepMs: number): (string | number)[] {
    const { prefix, scope } = this.#options;
    const own = `${prefix}:{${scope}}:`;
    const from = createHash('sha256').update(address).digest('base64url').slice(0, ADDRESS_CHARACTERS);
    return [`${own}key:${id}`, `${own}keys`, `${own}key-sizes`, id, owner, fingerprint, keepMs, from];
  }
}

function answerOf(head: Buffer, body: Buffer | undefined): KeptAnswer {
  const { status, lines, hasBody } = JSON.parse(head.toString('utf8')) as Head;
  return { status, lines, body: hasBody ? (body ?? Buffer.alloc(0)) : undefined };
}
