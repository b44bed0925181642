import type { Bus } from '../../src/coherence/bus.ts';
import { ClusterLog } from '../../src/coherence/cluster-log.ts';
import type { ClusterLogOptions } from '../../src/coherence/cluster-status.ts';
import { Fence } from '../../src/coherence/fence.ts';
import { WritesInFlight } from '../../src/coherence/in-flight.ts';
import type { Log, Note, SharedLogListener } from '../../src/coherence/log.ts';
import type { Publish } from '../../src/coherence/publisher.ts';
import {
  everything,
  type Invalidation,
  type LogRecord,
  mergeCoverage,
  type Position,
} from '../../src/coherence/record.ts';
import { type Coverage, isCoveredBy, pathTag, type Tagged } from '../../src/coherence/tag.ts';
import { Transaction } from '../../src/coherence/transaction.ts';
import { type ConcludingWrite, conclude } from '../../src/exchange/write/conclude.ts';
import { Fields } from '../../src/http/fields.ts';
import { type LogView, RedisTier } from '../../src/redis/tier.ts';
import { VersionBumps, type VersionKeys } from '../../src/redis/version-bumps.ts';
import type { StoredResponse } from '../../src/store/stored-response.ts';
import { stored } from '../support/stored.ts';
import type { History } from './history.ts';
import type { SimulatedKeys } from './keys.ts';
import type { SimulatedBus } from './network.ts';
import { accommodation, MAX_LATE_MS, type Origin, type Representation, stepPath, type WriteAnswer } from './origin.ts';
import type { Process, World } from './world.ts';

export const LEASE_MS = 200;
const QUARANTINE_MS = MAX_LATE_MS + 10;

/** What a mutant may replace, each to take one check out. */
export interface Mutation {
  fence?(): Fence;
  inFlight?(): WritesInFlight;
  bus?(bus: Bus): Bus;
  options?(process: Process): Partial<ClusterLogOptions>;
  listener?(listener: SharedLogListener): SharedLogListener;
  log?(log: ClusterLog): Log;
  /** Whether this node may ask the tier. */
  tierUsable?(log: ClusterLog): boolean;
  publish?(publish: Publish): Publish;
  tierUnchecked?: boolean;
  collapseUnchecked?: boolean;
  noQuarantine?: boolean;
  noIntent?: boolean;
}

export interface Surroundings {
  readonly world: World;
  readonly process: Process;
  readonly origin: Origin;
  readonly history: History;
  readonly bus: SimulatedBus;
  readonly keys: SimulatedKeys;
  readonly mutation: Mutation;
}

interface Flight {
  readonly asOf: Position;
  readonly result: Promise<Representation | undefined>;
}

/** A gateway: the real protocol, around a model of reading and writing that keeps to what exchange/ does. */
export class Node {
  readonly process: Process;
  readonly log: ClusterLog;
  readonly fence: Fence;
  readonly inFlight: WritesInFlight;
  readonly #seen: Log;
  readonly #here: Surroundings;
  readonly #store = new Map<string, Representation>();
  readonly #flights = new Map<string, Flight>();
  readonly #tier: RedisTier;
  #joinedAt = 0;
  #announced = { epoch: '', seq: 0 };

  constructor(here: Surroundings) {
    this.#here = here;
    this.process = here.process;
    const { mutation, process, world } = here;
    this.fence = mutation.fence?.() ?? new Fence();
    this.inFlight = mutation.inFlight?.() ?? new WritesInFlight();
    const listener = this.#listener();
    const bumps = new VersionBumps(this.#versionKeys());
    const publish: Publish = (coverage, epoch, seq) => bumps.raise(coverage, epoch, seq);
    this.log = new ClusterLog({
      bus: mutation.bus?.(here.bus) ?? here.bus,
      member: process.name,
      clock: process.clock,
      timers: process.timers,
      soon: (run) => void process.timers.after(0, run),
      mode: 'strict',
      onPartition: 'reject',
      confirmMs: 1_000,
      // Each record says its own.
      quarantineMs: 1,
      leaseMs: LEASE_MS,
      nonce: () => `e${world.chance.integer(1e6)}`,
      failed: (error) => here.history.violated(String(error)),
      listener: mutation.listener?.(listener) ?? listener,
      publish: mutation.publish?.(publish) ?? publish,
      ...mutation.options?.(process),
    });
    this.#tier = this.#sharedTier();
    this.#seen = mutation.log?.(this.log) ?? this.log;
    this.log.start();
  }

  async read(path: string): Promise<void> {
    const { history, mutation } = this.#here;
    const floor = history.began(path);
    const answer = (found: Representation, how: string): void =>
      history.answered(this.process.name, { path, floor, version: found.version, how });
    if (this.#seen.serving()) {
      const stored = this.#store.get(path);
      if (stored !== undefined) return answer(stored, 'hit');
      const flight = this.#flights.get(path);
      const arrived = this.fence.applied;
      if (flight !== undefined) {
        const found = await flight.result;
        const admitted = this.fence.admits(tagged(path), flight.asOf) && !this.fence.isQuarantined(tagged(path));
        const fresh = mutation.collapseUnchecked === true || admitted || flight.asOf === arrived;
        if (found !== undefined && fresh) return answer(found, 'collapsed');
      }
    }
    const found = await this.#fill(path);
    if (found !== undefined) answer(found, 'fill');
  }

  #fill(path: string): Promise<Representation | undefined> {
    const asOf = this.fence.applied;
    const result = this.#fetch(path, asOf);
    const flight = { asOf, result };
    this.#flights.set(path, flight);
    return result.finally(() => {
      if (this.#flights.get(path) === flight) this.#flights.delete(path);
    });
  }

  async #fetch(path: string, asOf: Position): Promise<Representation | undefined> {
    const shared = this.#tier.usable ? await this.#fromTier(path) : undefined;
    if (shared !== undefined) return shared;
    try {
      const found = await this.#here.origin.read(this.process, path);
      if (this.#put(path, found, asOf)) void this.#tier.keep(entryOf(path, found, asOf));
      return found;
    } catch {
      return undefined;
    }
  }

  #put(path: string, found: Representation, asOf: Position): boolean {
    if (!this.fence.admits(tagged(path), asOf) || this.fence.isQuarantined(tagged(path))) return false;
    this.#store.set(path, found);
    return true;
  }

  async #fromTier(path: string): Promise<Representation | undefined> {
    const entry = await this.#tier.load(stored(path).key, anyone);
    if (entry === undefined || !this.#seen.serving()) return undefined;
    const found = JSON.parse(entry.body.toString()) as Representation;
    if (this.#here.mutation.tierUnchecked === true) this.#store.set(path, found);
    else if (!this.#put(path, found, entry.asOf)) return undefined;
    this.#here.history.shared += 1;
    return found;
  }

  #versionKeys(): VersionKeys {
    const { bus, keys } = this.#here;
    return { connection: keys.connection(bus), prefix: 'unstale', scope: 's', minVersionMs: () => 4 * LEASE_MS };
  }

  #sharedTier(): RedisTier {
    const { mutation, process } = this.#here;
    const { log, fence } = this;
    const joinedAt = (): Position => this.#joinedAt;
    const logView: LogView = {
      get usable() {
        return mutation.tierUsable?.(log) ?? (log.serving() && log.published);
      },
      get epoch() {
        return log.epoch;
      },
      get joinedAt() {
        return joinedAt();
      },
      seqOf: (position) => position - log.positionOf(0),
      positionOf: (seq) => log.positionOf(seq),
      confirm: () => log.confirm(),
      admits: ({ path, asOf }) => fence.admits(tagged(path), asOf),
    };
    return new RedisTier({
      ...this.#versionKeys(),
      ...{
        shape: '',
        ttlMs: 60_000,
        maxBytes: 1_000_000,
        full: () => {},
        maxEntryBytes: 10_000,
        compressAboveBytes: 10_000,
      },
      ...{ timeoutMs: 1_000 },
      log: logView,
      monotonic: process.clock.monotonic,
      timers: process.timers,
    });
  }

  async write(i: number, step: number): Promise<void> {
    const { origin, world } = this.#here;
    const path = accommodation(i);
    const coverage = coverageOf(path, ['*']);
    const inFlight = this.inFlight.begin({ coverage, below: [path], opaque: [] }, [{ path, tags: [], open: [] }]);
    const transaction = new Transaction();
    let note: Note | undefined;
    try {
      if (this.#here.mutation.noIntent !== true) {
        note = await this.log.note({ posts: inFlight.posts, coverage, announcements: [], quarantineMs: QUARANTINE_MS });
      }
      const before = await this.#before(path);
      transaction.take({ type: 'noted' });
      world.tell(this.process.name, `PUT ${path} to ${step}, before: ${before ?? '?'}`);
      transaction.take({ type: 'forwarded' });
      const answer = await origin.write(this.process, i, step).catch(() => undefined);
      const record = await this.#conclude(path, before, answer, { transaction, inFlight, note });
      if (record === undefined && note !== undefined) this.log.withdraw(note);
      note = undefined;
    } catch (error) {
      world.tell(this.process.name, `PUT ${path} fails: ${error}`);
    } finally {
      inFlight.recorded();
      if (note !== undefined) this.log.abandon(note);
    }
  }

  async #before(path: string): Promise<number | undefined> {
    const stored = this.#seen.serving() ? this.#store.get(path) : undefined;
    return (stored ?? (await this.#fill(path)))?.step;
  }

  async #conclude(
    path: string,
    before: number | undefined,
    answer: WriteAnswer | undefined,
    { transaction, inFlight, note }: Pick<ConcludingWrite, 'transaction' | 'inFlight' | 'note'>,
  ): Promise<LogRecord | undefined> {
    const { history, mutation, origin, process } = this.#here;
    const done = answer?.kind === 'done' ? answer : undefined;
    const steps = [before ?? '*', done?.step ?? '*'];
    const announcements = done === undefined ? [] : [announcement(done.version, path)];
    const indeterminate = answer === undefined && mutation.noQuarantine !== true;
    const outcome = answer === undefined ? 'indeterminate' : answer.kind === 'done' ? 'done' : 'refused';
    const complete = (): Invalidation => {
      return { coverage: mergeCoverage([coverageOf(path, steps), inFlight.carriedOver().coverage]), announcements };
    };
    const write: ConcludingWrite = {
      ...{ transaction, inFlight, note, selects: true },
      readsQuarantined: this.fence.isQuarantined(tagged(path)),
      own: async () => ({
        invalidation: { ...complete(), ...(indeterminate && { quarantine: true, quarantineMs: QUARANTINE_MS }) },
        local: { applying: () => inFlight.applying(), applied: () => {} },
        made: ({ record }) => {
          if (indeterminate) this.#endQuarantineLater(record);
        },
      }),
      complete: async () => ({ invalidation: complete(), made: () => {} }),
      noted: () => ({ coverage: coverageOf(path, ['*']), announcements }),
    };
    const record = await conclude({ log: this.#seen, timers: process.timers, shared: true }, write, outcome);
    if (done === undefined) return record;
    history.acknowledged += 1;
    history.effective(origin.touched[done.version] ?? [], done.version, `acknowledged by ${process.name}`);
    this.#here.world.tell(process.name, `v${done.version} acknowledged`);
    return record;
  }

  #endQuarantineLater({ coverage, position }: LogRecord): void {
    this.process.timers.after(QUARANTINE_MS, () => {
      this.log.append({ coverage, announcements: [], endsQuarantine: position }).catch(() => undefined);
    });
  }

  #listener(): SharedLogListener {
    const { world, process } = this.#here;
    return {
      applied: (record) => {
        this.fence.apply(record);
        const removed = [...this.#store.keys()].filter((path) => isCoveredBy(tagged(path), record.coverage));
        for (const path of removed) this.#store.delete(path);
        this.inFlight.note(record);
        world.tell(
          process.name,
          `applied ${record.id}${record.quarantine === true ? ' in quarantine' : ''}: ${describe(record.coverage)}`,
        );
        return removed.length;
      },
      committed: (record) => this.#announce(record),
      caughtUp: () => {},
      reset: (position, quarantines) => {
        this.#joinedAt = position;
        this.fence.reset(position, quarantines);
        this.#store.clear();
        this.inFlight.note({ coverage: everything, announcements: [] });
        world.tell(process.name, `joined ${this.log.epoch} at ${position}`);
      },
    };
  }

  /** A subscriber that gets an event reads again, at any node: it must see what was announced. */
  #announce(record: LogRecord): void {
    const { history, origin, process } = this.#here;
    history.announced += 1;
    const [epoch = '', seq = ''] = (record.id ?? '').split('-');
    if (epoch === this.#announced.epoch && Number(seq) <= this.#announced.seq) {
      history.violated(`${process.name} announced ${record.id} after ${this.#announced.seq}`);
    }
    this.#announced = { epoch, seq: Number(seq) };
    for (const { type } of record.announcements) {
      const version = Number(type.slice(1));
      const paths = (origin.touched[version] ?? []).filter((path) => isCoveredBy(tagged(path), record.coverage));
      history.effective(paths, version, `announced by ${process.name}`);
    }
  }
}

const anyone = new Fields([]);

function entryOf(path: string, found: Representation, asOf: Position): StoredResponse {
  return stored(path, { asOf, body: Buffer.from(JSON.stringify(found)) });
}

function tagged(path: string): Tagged {
  return { path, tags: [pathTag(path)] };
}

/** `*`: any step. */
function coverageOf(path: string, steps: readonly (number | string)[]): Coverage {
  const known = steps.filter((step) => typeof step === 'number').map((step) => pathTag(stepPath(step)));
  return {
    tags: new Set([pathTag(path), ...known]),
    patterns: steps.includes('*') ? ['/steps/*'] : [],
    tagPatterns: [],
  };
}

function announcement(version: number, path: string) {
  return { type: `v${version}`, paths: [path], tags: [], cause: { method: 'PUT', path, rule: null } };
}

function describe({ tags, patterns }: Coverage): string {
  return [...[...tags].map((tag) => tag.slice(2)), ...patterns].join(' ');
}
