import { createHash, randomBytes } from 'node:crypto';
import type { Timers } from '../clock.ts';
import type { Coverage } from '../coherence/tag.ts';
import { lengthOf } from '../http/content.ts';
import { Fields } from '../http/fields.ts';
import { digestOf, MAX_SELECTING_FIELDS, selectingValues } from '../http/vary.ts';
import { isVaryList } from '../store/head-check.ts';
import { isShared, type SecondTier } from '../store/second-tier.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { decodeEntry, encodeEntry } from './stored-response-codec.ts';
import { versionsOf, versionsToBump } from './tag-versions.ts';
import { TierSpace } from './tier-space.ts';
import { type VersionKeys, versionKey } from './version-bumps.ts';

export interface RedisTierOptions extends VersionKeys {
  /** Identifies the configuration: another one would give a response other tags and header fields. */
  readonly shape: string;
  /** Limit for all nodes together. */
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly compressAboveBytes: number;
  readonly ttlMs: number;
  /** Limit for all steps of one read, or of acquiring one fill lease. */
  readonly timeoutMs: number;
  /** The shared log, as this node sees it. */
  readonly log: LogView;
  readonly monotonic: () => number;
  /** Called when a response was not kept for lack of room. */
  readonly full: () => void;
  readonly timers: Timers;
}

export interface LogView {
  /** The node may serve, and every record from before it joined is published. */
  readonly usable: boolean;
  readonly epoch: string;
  /** The `seq` of one of this node's positions, in the shared log. */
  seqOf(position: number): number;
  positionOf(seq: number): number;
  /** The position at which the node joined. */
  readonly joinedAt: number;
  /**
   * Asks whether the log still is where this node knows it to be. If it was set back, so were the versions next to it.
   */
  confirm(): Promise<boolean>;
  /** Whether no record that this node has applied since its fill covers it. */
  admits(response: StoredResponse): boolean;
}

/** How long a fill lease lasts. Its holder renews it while it fills; if the holder dies, others wait this long. */
const FILL_LEASE_MS = 600;
const RENEW_FILL_LEASE_MS = 200;
/** How often a node that waits for another's fill looks for it, and when it fetches by itself. */
const LOOK_EVERY_MS = 25;
const WAIT_MS = 10_000;
/** How much longer versions live than the entries that name them. */
const VERSION_MARGIN_MS = 10_000;
/** How long the tier is left alone after a failure: a dead Redis costs a read one timeout, then nothing. */
const REST_MS = 1_000;
/** How long nothing is kept once there was no room. */
const FULL_MS = 1_000;

/**
 * Returns the version of a name, creates it if there is none, and keeps it as long as the entry that will name it.
 * Returns nil on a cluster's server that has just started: it may have forgotten that a record covered the name after
 * an earlier fill.
 */
const hold = `
local server = ARGV[3] == '1' and redis.call('INFO', 'server') or ''
if server ~= '' and tonumber(string.match(server, 'uptime_in_seconds:(%d+)')) <= tonumber(ARGV[4]) then return nil end
local version = redis.call('GET', KEYS[1])
if not version then
  version = ARGV[1]
  redis.call('SET', KEYS[1], version, 'PX', ARGV[2])
elseif redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
if ARGV[3] ~= '1' then return version end
return version .. ' ' .. string.match(server, 'run_id:(%x+)')`;

/**
 * A version, together with the server that keeps it. The log sees only one server of a Redis Cluster. Another that
 * restarts with older data, or whose replica takes over without the latest, would restore old versions, and so make
 * entries valid that a record has covered since.
 */
const witnessed = `
local version = redis.call('GET', KEYS[1])
return version and version .. ' ' .. string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')`;

const renew = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;
const release = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/**
 * The Redis tier (coherence.md, "Two tiers without a tag index"). An entry holds the version that each of its tags had
 * when it was stored. It is valid while none of them has changed. A record raises the versions of what it covers once
 * it is in the log (coherence/publisher.ts). Until then, nodes that have applied the record refuse the entry by their
 * fence. So an entry is checked there with the position of its fill, or the position where this node joined.
 */
export class RedisTier implements SecondTier {
  readonly #options: RedisTierOptions;
  readonly #space: TierSpace;
  #restUntil = 0;
  #fullUntil = 0;
  /** Key → its response that this node is storing. */
  readonly #keeping = new Map<string, Promise<unknown>>();
  loads = 0;
  found = 0;
  /** Responses that were not kept for lack of room. */
  refused = 0;

  constructor(options: RedisTierOptions) {
    this.#options = options;
    this.#space = new TierSpace(options);
  }

  get usable(): boolean {
    const { log, monotonic } = this.#options;
    return monotonic() >= this.#restUntil && log.usable;
  }

  async load(key: string, request: Fields): Promise<StoredResponse | undefined> {
    this.loads += 1;
    const { connection, log } = this.#options;
    const { epoch, joinedAt } = log;
    const found = await this.#inTime(async () => {
      let entry = await connection.getBuffer(this.#entryKey(key, [], []));
      const vary = entry === null ? undefined : varyNames(entry);
      if (vary !== undefined) {
        entry = await connection.getBuffer(this.#entryKey(key, vary, selectingValues(vary, request)));
      }
      const decoded = entry === null ? undefined : await decodeEntry(entry);
      if (decoded === undefined || decoded.stamp.epoch !== epoch || decoded.response.key !== key) return undefined;
      const names = Object.keys(decoded.stamp.versions);
      const versions = await Promise.all(names.map((name) => this.#version(name)));
      if (!names.every((name, i) => versions[i] === decoded.stamp.versions[name])) return undefined;
      // Asked after the versions were read: a Redis that was set back would make them valid, and only the log shows it.
      return (await log.confirm()) ? decoded : undefined;
    });
    // A node that has joined again meanwhile does not know the records that followed the versions.
    if (found === undefined || log.epoch !== epoch || log.joinedAt !== joinedAt || !log.usable) return undefined;
    this.found += 1;
    const position = log.positionOf(found.stamp.seq);
    return found.response.with({ asOf: Math.max(position, joinedAt) });
  }

  /** For operators: what clients without any header field may be served, or why that is not known. */
  async lookUp(key: string): Promise<StoredResponse | 'nothing' | 'unknown'> {
    const loaded = await this.load(key, new Fields([]));
    if (loaded !== undefined) return loaded;
    const entry = await this.#inTime(async () => ({
      is: await this.#options.connection.getBuffer(this.#entryKey(key, [], [])),
    }));
    if (entry === undefined || !this.usable) return 'unknown';
    // One that is valid would have been found; its variants are those of header fields that nobody has named here.
    return entry.is !== null && varyNames(entry.is) !== undefined ? 'unknown' : 'nothing';
  }

  /**
   * For operators: false only if no entry is covered. An entry needs the versions of its tags and of what patterns
   * begin with, and keeps them as long as itself.
   */
  async mayHold(coverage: Coverage): Promise<boolean> {
    const versions = await this.#inTime(() => Promise.all(versionsToBump(coverage).map((name) => this.#version(name))));
    return versions === undefined || !this.usable || versions.some((version) => version !== null);
  }

  async keep(response: StoredResponse): Promise<void> {
    const { log, maxEntryBytes, ttlMs } = this.#options;
    if (!this.usable || !isShared(response) || lengthOf(response.content) > maxEntryBytes) return;
    const seq = log.seqOf(response.asOf);
    const ttl = Math.ceil(Math.min(ttlMs, response.lifetimeMs - response.initialAgeMs));
    if (ttl < 1_000 || seq < 0) return;
    if (this.#options.monotonic() < this.#fullUntil) return this.#refuse();
    const keeping = this.#put(response, log.epoch, seq, ttl);
    this.#keeping.set(response.key, keeping);
    await keeping;
    if (this.#keeping.get(response.key) === keeping) this.#keeping.delete(response.key);
  }

  async #put(response: StoredResponse, epoch: string, seq: number, ttl: number): Promise<void> {
    const { key, vary, selecting, body } = response;
    const names = versionsOf(response);
    const entry = { id: this.#idOf(key, vary, selecting), bytes: body.byteLength, versions: names.length, ttl };
    await this.#try(async () => {
      // Before any version is created: each is a key, too.
      if (!(await this.#space.reserve(epoch, entry))) return this.#refuse();
      const bytes = await this.#set(response, names, { epoch, seq, ttl });
      if (bytes === undefined) await this.#space.release(epoch, entry.id);
      else if (bytes < entry.bytes) await this.#space.reserve(epoch, { ...entry, bytes });
    });
  }

  /** Returns the entry's size in bytes. Undefined if it must not be kept. */
  async #set(
    response: StoredResponse,
    names: readonly string[],
    { epoch, seq, ttl }: { epoch: string; seq: number; ttl: number },
  ): Promise<number | undefined> {
    const { connection, log, compressAboveBytes } = this.#options;
    const versions = await this.#hold(names, ttl + VERSION_MARGIN_MS);
    // A record has covered it since its fill: some other node's fence would refuse it.
    if (versions === undefined || Object.values(versions).some((version) => isNewer(version, epoch, seq)))
      return undefined;
    const entry = await encodeEntry(response, { epoch, seq, versions }, compressAboveBytes);
    // If this node was paused, the version of a record that it has not applied may have expired.
    if (log.epoch !== epoch || !log.usable || !log.admits(response)) return undefined;
    const { key, vary, selecting } = response;
    await connection.set(this.#entryKey(key, vary, selecting), entry, 'PX', ttl);
    if (vary.length > 0) await connection.set(this.#entryKey(key, [], []), varyEntry(vary), 'PX', ttl);
    return entry.byteLength;
  }

  #refuse(): void {
    this.refused += 1;
    const now = this.#options.monotonic();
    if (now < this.#fullUntil) return;
    this.#fullUntil = now + FULL_MS;
    this.#options.full();
  }

  async acquireFillLease(key: string): Promise<(() => void) | undefined> {
    const { connection } = this.#options;
    const fillLease = `${this.#entryKey(key, [], [])}:fill`;
    const token = randomBytes(9).toString('base64url');
    const nothing = (): void => {};
    const mine = await this.#inTime(() => connection.set(fillLease, token, 'PX', FILL_LEASE_MS, 'NX'));
    if (mine === null) return undefined;
    if (mine === undefined) return nothing;
    let cancel: () => void;
    const renewLater = (): void => {
      cancel = this.#options.timers.after(RENEW_FILL_LEASE_MS, () => {
        void this.#try(() => connection.eval(renew, 1, fillLease, token, FILL_LEASE_MS));
        renewLater();
      });
    };
    renewLater();
    return () => void this.#releaseFillLease(key, fillLease, token).finally(() => cancel());
  }

  /** Releases the lease once the fill can be found: nodes that see it gone look there, then ask the origin. */
  async #releaseFillLease(key: string, fillLease: string, token: string): Promise<void> {
    await this.#keeping.get(key);
    await this.#try(() => this.#options.connection.eval(release, 1, fillLease, token));
  }

  /** The response that another node is fetching, if it comes within the bound. */
  async awaited(key: string, request: Fields): Promise<StoredResponse | undefined> {
    const { connection, monotonic, timers } = this.#options;
    const fillLease = `${this.#entryKey(key, [], [])}:fill`;
    const deadline = monotonic() + WAIT_MS;
    while (this.usable && monotonic() < deadline) {
      await new Promise<void>((resolve) => timers.after(LOOK_EVERY_MS, resolve));
      const held = await this.#try(() => connection.exists(fillLease));
      const loaded = await this.load(key, request);
      // The other node is done, or dead: this one goes on by itself.
      if (loaded !== undefined || held !== 1) return loaded;
    }
    return undefined;
  }

  /** The present versions. Missing ones are created; a created version never repeats. */
  async #hold(names: readonly string[], ttl: number): Promise<Record<string, string> | undefined> {
    const { connection, minVersionMs } = this.#options;
    const witness = connection.isCluster ? 1 : 0;
    const values = await Promise.all(
      names.map((name) => {
        const created = `c:${randomBytes(9).toString('base64url')}`;
        return connection.eval(
          hold,
          1,
          versionKey(this.#options, name),
          created,
          ttl,
          witness,
          Math.ceil(minVersionMs() / 1_000),
        );
      }),
    );
    if (values.some((value) => typeof value !== 'string')) return undefined;
    return Object.fromEntries(names.map((name, i) => [name, String(values[i])]));
  }

  #version(name: string): Promise<string | null> {
    const { connection } = this.#options;
    const key = versionKey(this.#options, name);
    return connection.isCluster ? (connection.eval(witnessed, 1, key) as Promise<string | null>) : connection.get(key);
  }

  /** A step with a time limit, for reads that wait for it. */
  #inTime<T>(step: () => Promise<T>): Promise<T | undefined> {
    return this.#try(() => {
      const { timers, timeoutMs } = this.#options;
      return new Promise<T>((resolve, reject) => {
        const cancel = timers.after(timeoutMs, () => reject(new Error('the tier did not answer in time')));
        step().then(resolve, reject).finally(cancel);
      });
    });
  }

  async #try<T>(step: () => Promise<T>): Promise<T | undefined> {
    if (this.#options.monotonic() < this.#restUntil) return undefined;
    try {
      return await step();
    } catch (error) {
      // Another program has stored another type under one key. The other keys are not affected.
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
      // Out of memory: existing entries can still be read.
      if (error instanceof Error && error.message.includes('OOM')) return void this.#refuse();
      // The bus on the same Redis reports what is wrong with it. Here it only means a miss.
      this.#restUntil = this.#options.monotonic() + REST_MS;
      return undefined;
    }
  }

  #entryKey(key: string, vary: readonly string[], selecting: readonly string[]): string {
    return `${this.#options.prefix}:${this.#options.scope}:e:${this.#idOf(key, vary, selecting)}`;
  }

  /** By digests: of some fields a response holds nothing else, and a request holds the values. */
  #idOf(key: string, vary: readonly string[], selecting: readonly string[]): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#options.shape, key, vary, selecting.map(digestOf)]))
      .digest('base64url');
  }
}

const VARIES = 2;

/** Stored in place of an entry: the fields that its variants depend on. */
const varyEntry = (names: readonly string[]): Buffer =>
  Buffer.from(`${String.fromCharCode(VARIES)}${JSON.stringify(names)}`);

function varyNames(entry: Buffer): string[] | undefined {
  if (entry[0] !== VARIES) return undefined;
  try {
    const names: unknown = JSON.parse(entry.subarray(1).toString());
    return isVaryList(names, MAX_SELECTING_FIELDS) ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a version is that of a record after `seq`. Records of another epoch are void on every node. */
function isNewer(version: string, epoch: string, seq: number): boolean {
  const [, of, at] = /^h:([^:]*):(\d+)/.exec(version) ?? [];
  return of === epoch && Number(at) > seq;
}
