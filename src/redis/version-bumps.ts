import type { Cluster, Redis } from 'ioredis';
import type { Soon } from '../clock.ts';
import { everything } from '../coherence/record.ts';
import { widened } from '../coherence/record-size.ts';
import type { Coverage } from '../coherence/tag.ts';
import { rootVersion, versionsToBump } from './tag-versions.ts';

/** Where versions are kept. */
export interface VersionKeys {
  readonly connection: Redis | Cluster;
  readonly prefix: string;
  /** Shared by the gateways that share the log. */
  readonly scope: string;
  /**
   * How long the version of what a record covers is kept if no entry needs it. Longer than a node that has not applied
   * the record may serve, so that earlier fills of such a node are refused.
   */
  readonly minVersionMs: () => number;
}

/**
 * On a Redis Cluster, the version of everything is on the server of the log: where a record can be appended, everything
 * can be invalidated, whichever other server is away.
 */
export function versionKey({ prefix, scope }: VersionKeys, name: string): string {
  return `${prefix}:${name === rootVersion ? `{${scope}}` : scope}:v:${name}`;
}

/**
 * Limit for one record. Each version is a key that stays for some leases, which is how batches would fill the Redis.
 */
const MAX_VERSIONS = 256;
/** Limit for one round trip. Redis raises its versions at once, and answers nobody meanwhile. */
const MAX_GROUP = 1_024;

/**
 * Raises versions: KEYS, and ARGV: epoch, ttl, the `seq` of each. Idempotent and order-independent; replaces older
 * epochs, and is replaced by no late one. Returns the keys that it could not raise, each followed by the reason.
 */
const bump = `
-- As numberOf in coherence/epoch.ts.
local function numberIn(epoch) return tonumber(string.match(epoch or '', '^(%d+)_') or 0) end
local function raise(key, seq)
  -- What another program stores here as another type is replaced: until then, no later record would count as published.
  local was = redis.call('TYPE', key).ok == 'string' and redis.call('GET', key)
  local epoch, at
  if was then epoch, at = string.match(was, '^h:(.*):(%d+)$') end
  if epoch == ARGV[1] and tonumber(at) >= tonumber(seq) then return end
  if numberIn(epoch) > numberIn(ARGV[1]) then return end
  local ttl = math.max(redis.call('PTTL', key), tonumber(ARGV[2]))
  redis.call('SET', key, 'h:' .. ARGV[1] .. ':' .. seq, 'PX', ttl)
end
local failed = {}
for i, key in ipairs(KEYS) do
  local raised, reason = pcall(raise, key, ARGV[i + 2])
  if not raised then
    failed[#failed + 1] = key
    failed[#failed + 1] = tostring(type(reason) == 'table' and reason.err or reason)
  end
end
return failed`;

interface Raised {
  readonly epoch: string;
  readonly seq: number;
  readonly names: readonly string[];
  raised(): void;
  failed(error: unknown): void;
}

/**
 * Raises the versions of what records cover. Every node does, even one that keeps nothing in the tier itself. Records
 * share round trips as the steps of the log do (coherence/group-commit.ts), and a name is raised once in each. On a
 * Redis Cluster each name has a round trip of its own.
 */
export class VersionBumps {
  readonly #keys: VersionKeys;
  readonly #soon: Soon;
  #waiting: Raised[] = [];
  #sending = false;

  /** @param soon when a group leaves; by default at once */
  constructor(keys: VersionKeys, soon: Soon = (run) => run()) {
    this.#keys = keys;
    this.#soon = soon;
  }

  /** Rejects if it is not certain that the tier knows. */
  raise(coverage: Coverage, epoch: string, seq: number): Promise<void> {
    return new Promise((raised, failed) => {
      const record = { epoch, seq, names: boundedVersions(coverage), raised, failed };
      // On a Redis Cluster each name is on a server of its own: a record must not wait for the server of another one.
      if (this.#keys.connection.isCluster) return void this.#raise([record]);
      this.#waiting.push(record);
      if (!this.#sending) this.#sendSoon();
    });
  }

  #sendSoon(): void {
    this.#sending = true;
    this.#soon(() => void this.#send(this.#next()));
  }

  /** The records that go together: those that came first, and are of one epoch. */
  #next(): Raised[] {
    const { epoch } = this.#waiting[0] as Raised;
    let count = 0;
    const over = this.#waiting.findIndex(({ epoch: of, names }, i) => {
      count += names.length;
      return of !== epoch || (i > 0 && count > MAX_GROUP);
    });
    return this.#waiting.splice(0, over < 0 ? this.#waiting.length : over);
  }

  async #send(group: readonly Raised[]): Promise<void> {
    await this.#raise(group);
    this.#sending = this.#waiting.length > 0;
    if (this.#sending) this.#sendSoon();
  }

  /** Resolves when every answer is there. */
  async #raise(group: readonly Raised[]): Promise<void> {
    const { epoch } = group[0] as Raised;
    const highest = new Map<string, number>();
    for (const { seq, names } of group)
      for (const name of names) highest.set(name, Math.max(seq, highest.get(name) ?? 0));
    const failures = await this.#bump(epoch, highest);
    for (const { names, raised, failed } of group) {
      const failure = names.find((name) => failures.has(name));
      if (failure === undefined) raised();
      else failed(failures.get(failure));
    }
  }

  /** @returns why names were not raised, or may not have been */
  async #bump(epoch: string, seqs: ReadonlyMap<string, number>): Promise<Map<string, unknown>> {
    const names = [...seqs.keys()];
    const failures = new Map<string, unknown>();
    const step = async (some: readonly string[]): Promise<void> => {
      try {
        for (const [name, reason] of await this.#eval(epoch, some, seqs)) failures.set(name, new Error(reason));
      } catch (error) {
        for (const name of some) failures.set(name, error);
      }
    };
    if (this.#keys.connection.isCluster) await Promise.all(names.map((name) => step([name])));
    else if (names.length > 0) await step(names);
    return failures;
  }

  /** @returns the names that were not raised, each with the reason */
  async #eval(epoch: string, names: readonly string[], seqs: ReadonlyMap<string, number>): Promise<[string, string][]> {
    const { connection, minVersionMs } = this.#keys;
    const keys = names.map((name) => versionKey(this.#keys, name));
    const order = names.map((name) => seqs.get(name) ?? 0);
    const reply = await connection.eval(bump, keys.length, ...keys, epoch, Math.ceil(minVersionMs()), ...order);
    const texts = reply as string[];
    return texts.flatMap((key, i): [string, string][] => {
      return i % 2 === 0 ? [[names[keys.indexOf(key)] as string, texts[i + 1] ?? '']] : [];
    });
  }
}

function boundedVersions(coverage: Coverage): string[] {
  const exact = versionsToBump(coverage);
  if (exact.length <= MAX_VERSIONS) return exact;
  const wide = versionsToBump(widened(coverage));
  return wide.length <= MAX_VERSIONS ? wide : versionsToBump(everything);
}
