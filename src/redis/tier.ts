import { createHash, randomBytes } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { Timers } from '../clock.ts';
import { everything } from '../coherence/record.ts';
import { widened } from '../coherence/record-size.ts';
import type { Coverage } from '../coherence/tag.ts';
import type { Fields } from '../http/fields.ts';
import { MAX_SELECTING_FIELDS, selectingValues } from '../http/vary.ts';
import { isShared, type SecondTier } from '../store/second-tier.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { isVaryList } from './entry-check.ts';
import { decodeEntry, encodeEntry } from './stored-response-codec.ts';
import { versionsOf, versionsToBump } from './tag-versions.ts';
import { TierSpace } from './tier-space.ts';

/** Where the versions are kept. */
export interface VersionKeys {
  readonly connection: Redis | Cluster;
  readonly prefix: string;
  /** Of the gateways that share the log. */
  readonly scope: string;
  /**
   * How long the version of what a record has hit is kept where no entry needs it: longer than a node that has not applied the record
   * may serve, so that what such a node has filled before is refused.
   */
  readonly hitMs: () => number;
}

export interface RedisTierOptions extends VersionKeys {
  /** Of the configuration: what one stores, another would give other tags and header fields. */
  readonly shape: string;
  /** All nodes together keep no more there. */
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly compressAboveBytes: number;
  readonly ttlMs: number;
  /** A read, or a fill lease, waits no longer than this for all of its steps together. */
  readonly timeoutMs: number;
  /** This node's place in the shared log. */
  readonly place: TierPlace;
  readonly monotonic: () => number;
  /** Something was not kept, since there is no room. */
  readonly full: () => void;
  readonly timers: Timers;
}

export interface TierPlace {
  /** It may serve, and the versions of all records behind the place where it joined are known. */
  readonly usable: boolean;
  readonly epoch: string;
  /** Where positions of this node lie in the log. */
  seqOf(position: number): number;
  positionOf(seq: number): number;
  /** The position at which it joined. */
  readonly joinedAt: number;
  /** Asks the log whether it is still where this node knows it to be: what stands beside it may have been set back with it. */
  confirm(): Promise<boolean>;
  /** Whether no record that this node has applied since its fill covers it. */
  admits(response: StoredResponse): boolean;
}

/** Who fills a cold key renews the fill lease while it fills it: its death stalls others for so long. */
const FILL_LEASE_MS = 600;
const RENEW_CLAIM_MS = 200;
/** Who waits for another's fill looks so often, and goes on by itself after so long. */
const LOOK_EVERY_MS = 25;
const WAIT_MS = 10_000;
/** Versions outlive the entries that name them by so long. */
const VERSION_MARGIN_MS = 10_000;
/** After a failure the tier is left alone for so long: a dead Redis costs a read one timeout, and then nothing. */
const REST_MS = 1_000;
/** Where there is no room, nothing is kept for so long. */
const FULL_MS = 1_000;

/** To a later place in the same epoch, or out of any other. Each of a record's versions, however often and in whatever order. */
const bump = `
local was = redis.call('GET', KEYS[1])
if was then
  local epoch, seq = string.match(was, '^h:(.*):(%d+)$')
  if epoch == ARGV[1] and tonumber(seq) >= tonumber(ARGV[2]) then return 0 end
end
local ttl = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[3]))
redis.call('SET', KEYS[1], 'h:' .. ARGV[1] .. ':' .. ARGV[2], 'PX', ttl)
return 1`;

/**
 * The version of a name, made where nobody has one, and kept for as long as the entry that is to name it. None of a server of a
 * cluster that has just started: it may have forgotten what a record has hit since an older fill.
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
 * A version together with which server keeps it. Of a Redis Cluster the log sees one server: another that restarts with older data,
 * or whose replica takes over without the latest, would bring back versions, and with them what a record has hit since.
 */
const witnessed = `
local version = redis.call('GET', KEYS[1])
return version and version .. ' ' .. string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')`;

const renew = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`;
const release = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/**
 * Changes the versions of what a record has hit: every node does it, also one that keeps nothing there itself.
 * @throws where it cannot
 */
export async function bumpVersions(keys: VersionKeys, coverage: Coverage, epoch: string, seq: number): Promise<void> {
  const hitMs = Math.ceil(keys.hitMs());
  const bumps = boundedVersions(coverage).map((name) =>
    keys.connection.eval(bump, 1, versionKey(keys, name), epoch, seq, hitMs),
  );
  await Promise.all(bumps);
}

/** Of one record: each is a key that stays for some leases, which is how batches would fill the Redis. */
const MAX_VERSIONS = 256;

function boundedVersions(coverage: Coverage): string[] {
  const exact = versionsToBump(coverage);
  if (exact.length <= MAX_VERSIONS) return exact;
  const wide = versionsToBump(widened(coverage));
  return wide.length <= MAX_VERSIONS ? wide : versionsToBump(everything);
}

const versionKey = ({ prefix, scope }: VersionKeys, name: string): string => `${prefix}:${scope}:v:${name}`;

/**
 * The Redis tier (coherence.md, "Two tiers without a tag index"). An entry holds the version that each of its tags had when it was
 * stored, and is valid while all are unchanged. A record changes the versions of what it covers once it is in the log
 * (coherence/publisher.ts); until then the fence of each node that has applied it keeps out what it covers, which is why an entry
 * passes it with the place of its fill, or the place where this node joined.
 */
export class RedisTier implements SecondTier {
  readonly #options: RedisTierOptions;
  readonly #space: TierSpace;
  #restUntil = 0;
  #fullUntil = 0;
  /** What this node is putting there. */
  readonly #keeping = new Map<string, Promise<unknown>>();
  loads = 0;
  found = 0;
  /** Responses that were not kept, since there was no room. */
  refused = 0;

  constructor(options: RedisTierOptions) {
    this.#options = options;
    this.#space = new TierSpace(options);
  }

  get usable(): boolean {
    const { place, monotonic } = this.#options;
    return monotonic() >= this.#restUntil && place.usable;
  }

  async load(key: string, request: Fields): Promise<StoredResponse | undefined> {
    this.loads += 1;
    const { connection, place } = this.#options;
    const { epoch, joinedAt } = place;
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
      // After the versions were read: with a Redis that was set back they would be valid again, and only the log tells.
      return (await place.confirm()) ? decoded : undefined;
    });
    // Having joined anew meanwhile, it has not heard of records that came after the versions were read.
    if (found === undefined || place.epoch !== epoch || place.joinedAt !== joinedAt || !place.usable) return undefined;
    this.found += 1;
    const position = place.positionOf(found.stamp.seq);
    return { ...found.response, asOf: Math.max(position, joinedAt) };
  }

  async keep(response: StoredResponse): Promise<void> {
    const { place, maxEntryBytes, ttlMs } = this.#options;
    if (!this.usable || !isShared(response) || response.body.byteLength > maxEntryBytes) return;
    const seq = place.seqOf(response.asOf);
    const ttl = Math.ceil(Math.min(ttlMs, response.lifetimeMs - response.initialAgeMs));
    if (ttl < 1_000 || seq < 0) return;
    if (this.#options.monotonic() < this.#fullUntil) return this.#refuse();
    const keeping = this.#put(response, place.epoch, seq, ttl);
    this.#keeping.set(response.key, keeping);
    await keeping;
    if (this.#keeping.get(response.key) === keeping) this.#keeping.delete(response.key);
  }

  async #put(response: StoredResponse, epoch: string, seq: number, ttl: number): Promise<void> {
    const { key, vary, selecting, body } = response;
    const names = versionsOf(response);
    const entry = { id: this.#idOf(key, vary, selecting), bytes: body.byteLength, versions: names.length, ttl };
    await this.#try(async () => {
      // Before anything is made there: each version is a key, too.
      if (!(await this.#space.reserve(epoch, entry))) return this.#refuse();
      const bytes = await this.#set(response, names, { epoch, seq, ttl });
      if (bytes === undefined) await this.#space.release(epoch, entry.id);
      else if (bytes < entry.bytes) await this.#space.reserve(epoch, { ...entry, bytes });
    });
  }

  /** How many bytes it has become; undefined where it is not to be kept. */
  async #set(
    response: StoredResponse,
    names: readonly string[],
    { epoch, seq, ttl }: { epoch: string; seq: number; ttl: number },
  ): Promise<number | undefined> {
    const { connection, place, compressAboveBytes } = this.#options;
    const versions = await this.#hold(names, ttl + VERSION_MARGIN_MS);
    // A record has hit it since it was filled: by the fence of some other node, it is outdated.
    if (versions === undefined || Object.values(versions).some((version) => isNewer(version, epoch, seq)))
      return undefined;
    const entry = await encodeEntry(response, { epoch, seq, versions }, compressAboveBytes);
    // A record that this node, having been paused, has not heard of may have been forgotten there by now.
    if (place.epoch !== epoch || !place.usable || !place.admits(response)) return undefined;
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
      cancel = this.#options.timers.after(RENEW_CLAIM_MS, () => {
        void this.#try(() => connection.eval(renew, 1, fillLease, token, FILL_LEASE_MS));
        renewLater();
      });
    };
    renewLater();
    return () => void this.#letGo(key, fillLease, token).finally(() => cancel());
  }

  /** Once what was filled can be found: those who see the fill lease gone look for it, and ask the origin if it is not there. */
  async #letGo(key: string, fillLease: string, token: string): Promise<void> {
    await this.#keeping.get(key);
    await this.#try(() => this.#options.connection.eval(release, 1, fillLease, token));
  }

  /** What another node is fetching, if it comes within the bound. */
  async awaited(key: string, request: Fields): Promise<StoredResponse | undefined> {
    const { connection, monotonic, timers } = this.#options;
    const fillLease = `${this.#entryKey(key, [], [])}:fill`;
    const deadline = monotonic() + WAIT_MS;
    while (this.usable && monotonic() < deadline) {
      await new Promise<void>((resolve) => timers.after(LOOK_EVERY_MS, resolve));
      const claimed = await this.#try(() => connection.exists(fillLease));
      const loaded = await this.load(key, request);
      // Whoever had it is done, or dead: this node goes on by itself.
      if (loaded !== undefined || claimed !== 1) return loaded;
    }
    return undefined;
  }

  /** The present versions; those that nobody has are made, never the same twice. */
  async #hold(names: readonly string[], ttl: number): Promise<Record<string, string> | undefined> {
    const { connection, hitMs } = this.#options;
    const witness = connection.isCluster ? 1 : 0;
    const values = await Promise.all(
      names.map((name) => {
        const made = `c:${randomBytes(9).toString('base64url')}`;
        return connection.eval(
          hold,
          1,
          versionKey(this.#options, name),
          made,
          ttl,
          witness,
          Math.ceil(hitMs() / 1_000),
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

  /** Reads wait for it: what is not there in time is not there. */
  #inTime<T>(step: () => Promise<T>): Promise<T | undefined> {
    return this.#try(() => {
      const { timers, timeoutMs } = this.#options;
      return new Promise<T>((resolve, reject) => {
        const cancel = timers.after(timeoutMs, () => reject(new Error('the tier is slow')));
        step().then(resolve, reject).finally(cancel);
      });
    });
  }

  async #try<T>(step: () => Promise<T>): Promise<T | undefined> {
    if (this.#options.monotonic() < this.#restUntil) return undefined;
    try {
      return await step();
    } catch (error) {
      // Somebody has put something else under one key: no reason to leave the others alone.
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
      // What it holds can be read all the same.
      if (error instanceof Error && error.message.includes('OOM')) return void this.#refuse();
      // The bus on the same Redis tells what is wrong with it; here it only means that there is nothing.
      this.#restUntil = this.#options.monotonic() + REST_MS;
      return undefined;
    }
  }

  #entryKey(key: string, vary: readonly string[], selecting: readonly string[]): string {
    return `${this.#options.prefix}:${this.#options.scope}:e:${this.#idOf(key, vary, selecting)}`;
  }

  #idOf(key: string, vary: readonly string[], selecting: readonly string[]): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#options.shape, key, vary, selecting]))
      .digest('base64url');
  }
}

const VARIES = 2;

/** In place of an entry: by which fields its variants are told apart. */
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

/** Whether a version is that of a record after `seq`. One of another epoch is of a record that every node has voided since. */
function isNewer(version: string, epoch: string, seq: number): boolean {
  const [, of, at] = /^h:([^:]*):(\d+)/.exec(version) ?? [];
  return of === epoch && Number(at) > seq;
}
