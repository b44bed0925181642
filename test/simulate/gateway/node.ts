import type { Readable } from 'node:stream';
import { eventsOf } from '../../../src/coherence/announce.ts';
import type { Bus } from '../../../src/coherence/bus.ts';
import { ClusterLog } from '../../../src/coherence/cluster-log.ts';
import type { ClusterLogOptions } from '../../../src/coherence/cluster-status.ts';
import { ConfiguredBus } from '../../../src/coherence/configurations.ts';
import { Fence } from '../../../src/coherence/fence.ts';
import { WritesInFlight } from '../../../src/coherence/in-flight.ts';
import type { Log, SharedLogListener } from '../../../src/coherence/log.ts';
import { MemoryLog } from '../../../src/coherence/memory-log.ts';
import { everything } from '../../../src/coherence/record.ts';
import type { Coverage } from '../../../src/coherence/tag.ts';
import { MAX_WAIT_MS } from '../../../src/coherence/transaction.ts';
import type { TagKnowledge } from '../../../src/coherence/write-set.ts';
import type { GatewayConfig } from '../../../src/config/model.ts';
import { DEFAULT_ORIGIN } from '../../../src/config/origins.ts';
import { EventHub } from '../../../src/events/hub.ts';
import { MinPosition, type MinPositionOptions } from '../../../src/exchange/min-position.ts';
import type { ClientRequest, Reply, RouteTable } from '../../../src/exchange/ports.ts';
import { Encoder } from '../../../src/exchange/read/encoder.ts';
import { FillBudget } from '../../../src/exchange/read/fill-budget.ts';
import { Flights } from '../../../src/exchange/read/flights.ts';
import { read } from '../../../src/exchange/read/read.ts';
import type { ReadPorts } from '../../../src/exchange/read/read-ports.ts';
import { Refresher } from '../../../src/exchange/read/refresher.ts';
import { SearchVariances } from '../../../src/exchange/read/search-variances.ts';
import { compileRoutes } from '../../../src/exchange/routes.ts';
import { QuarantineBudget } from '../../../src/exchange/write/quarantine-budget.ts';
import { RefusedTags } from '../../../src/exchange/write/refused-tags.ts';
import { UploadBudget } from '../../../src/exchange/write/upload-budget.ts';
import { write } from '../../../src/exchange/write/write.ts';
import type { WritePorts } from '../../../src/exchange/write/write-ports.ts';
import { fingerprintsOf, shapeOf } from '../../../src/fingerprints.ts';
import { type LogView, RedisTier } from '../../../src/redis/tier.ts';
import { VersionBumps, type VersionKeys } from '../../../src/redis/version-bumps.ts';
import { compileRules, type RuleSet } from '../../../src/rules/compile.ts';
import { compileSpellings } from '../../../src/rules/spellings.ts';
import { foldedCoverage } from '../../../src/rules/target.ts';
import { FencedStore } from '../../../src/store/fenced.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { SecondTier } from '../../../src/store/second-tier.ts';
import type { Store } from '../../../src/store/store.ts';
import type { SimulatedKeys } from '../keys.ts';
import type { SimulatedBus } from '../network.ts';
import type { Process, World } from '../world.ts';
import type { SimulatedOrigin } from './origin.ts';

const CONFIRM_MS = 1_000;
const VERSION_LEASES = 4;
const FILL_BYTES = 10_000_000;

/** What a mutant may replace, each to take one check out. */
export interface NodeMutation {
  fence?(): Fence;
  inFlight?(knowledge: TagKnowledge): WritesInFlight;
  bus?(bus: Bus): Bus;
  log?(log: Log): Log;
  cluster?(process: Process): Partial<ClusterLogOptions>;
  listener?(listener: SharedLogListener): SharedLogListener;
  hub?(hub: EventHub): EventHub;
  minPosition?(options: MinPositionOptions): MinPosition;
  reads?(ports: ReadPorts): ReadPorts;
  writes?(ports: WritePorts): WritePorts;
}

export interface NodeParts {
  readonly world: World;
  readonly process: Process;
  readonly config: GatewayConfig;
  readonly origin: SimulatedOrigin;
  /** Undefined: this gateway is alone. */
  readonly shared: { readonly bus: SimulatedBus; readonly keys: SimulatedKeys } | undefined;
  readonly mutation: NodeMutation;
  failed(error: unknown): void;
  /** A write has waited for others as long as it may. */
  waitedOut(): void;
}

/** A gateway as gateway.ts and wire-coherence.ts put it together, without sockets, its clock and timers virtual. */
export class GatewayNode {
  readonly process: Process;
  readonly log: Log;
  readonly hub: EventHub;
  readonly fence: Fence;
  readonly inFlight: WritesInFlight;
  readonly cluster: ClusterLog | undefined;
  readonly reads: ReadPorts;
  readonly routes: RouteTable;
  readonly #parts: NodeParts;
  readonly #memory: MemoryStore;
  readonly #writes: WritePorts;
  readonly #minPosition: MinPosition;
  /** For a reader that asks for more than this node has heard of. */
  readonly #behind: ReadPorts;
  readonly #rules: RuleSet;
  #joinedAt = 0;
  #joinedSeq = 0;
  /** Exchanges and what goes on behind them. */
  underway = 0;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.process = parts.process;
    const { config, mutation, process, shared } = parts;
    this.fence = mutation.fence?.() ?? new Fence(process.clock.monotonic);
    this.#memory = new MemoryStore(config.store.memory, this.fence);
    this.#rules = compileRules(config.rules, config.routes, compileSpellings(config));
    const { knowledge } = this.#rules;
    this.inFlight = mutation.inFlight?.(knowledge) ?? new WritesInFlight(knowledge);
    this.cluster = shared === undefined ? undefined : this.#clusterLog(shared);
    const log: Log = this.cluster ?? this.#memoryLog();
    const hub = new EventHub({ ...config.events, epoch: log.epoch, timers: process.timers });
    this.hub = mutation.hub?.(hub) ?? hub;
    this.log = mutation.log?.(log) ?? log;
    this.routes = compileRoutes(config, new Map([[DEFAULT_ORIGIN, parts.origin]]));
    this.reads = this.#readPorts();
    const notServing = (): boolean => false;
    this.#behind = { ...this.reads, store: new FencedStore(this.reads.store, notServing), serving: notServing };
    const positions: MinPositionOptions = {
      log: this.log,
      cluster: this.cluster && (() => (this.cluster as ClusterLog).status()),
      leaseMs: () => this.cluster?.leaseMs ?? 0,
      timers: process.timers,
      queues: config.coherence.onPartition === 'queue',
    };
    this.#minPosition = mutation.minPosition?.(positions) ?? new MinPosition(positions);
    const refresher = new Refresher(this.reads, this.routes);
    const writes = this.#writePorts(refresher);
    this.#writes = mutation.writes?.(writes) ?? writes;
    process.run(() => this.cluster?.start());
  }

  read(request: ClientRequest, reply: Reply): void {
    const found = this.routes.find(request.target.resource);
    const answer = (serves: boolean): void => {
      const done = read(serves ? this.reads : this.#behind, found, request, reply);
      if (done instanceof Promise) this.#track(done);
    };
    const token = request.headers.get('unstale-min-position');
    const mayServe = token === undefined || this.#minPosition.mayServe(token);
    if (typeof mayServe === 'boolean') answer(mayServe);
    else this.#track(mayServe.then(answer));
  }

  write(request: ClientRequest, body: Readable | undefined, reply: Reply): void {
    const found = this.routes.find(request.target.resource);
    this.#track(write(this.#writes, { found, request, body }, reply));
  }

  /** What may not be left behind once everything is at rest. */
  leftovers(): string[] {
    const { flights, budget, encoder } = this.reads;
    const counts = {
      'writes in flight': this.inFlight.size,
      fills: flights.size,
      'waiting readers': flights.waiting,
      'bytes of fills': budget.held,
      'bodies to encode': encoder.size,
      exchanges: this.underway,
      'intents here': this.cluster?.status().intents ?? 0,
      'records queued': this.cluster?.status().queued ?? 0,
    };
    return Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${name}: ${count}`]));
  }

  #track(promise: Promise<unknown>): void {
    this.underway += 1;
    promise
      .catch((error: unknown) => this.#parts.failed(error))
      .finally(() => {
        this.underway -= 1;
      });
  }

  #applied: SharedLogListener['applied'] = (record) => {
    this.fence.apply(record);
    const removed = this.#memory.invalidate(record.coverage);
    this.inFlight.note(record);
    const coverage = [
      ...record.coverage.tags,
      ...record.coverage.patterns,
      ...record.coverage.tagPatterns.map((each) => each.join('*')),
    ];
    const kind = record.quarantine === true ? ' in quarantine' : record.endsQuarantine === undefined ? '' : ' settles';
    this.#parts.world.tell(this.process.name, `applied #${record.position}${kind}: ${coverage.join(' ')}`);
    return removed;
  };

  #memoryLog(): MemoryLog {
    const log: MemoryLog = new MemoryLog(this.process.clock, {
      applied: this.#applied,
      committed: (record) => this.hub.announce(eventsOf(log.epoch, record)),
    });
    return log;
  }

  #clusterLog({ bus, keys }: { bus: SimulatedBus; keys: SimulatedKeys }): ClusterLog {
    const { config, mutation, process, world } = this.#parts;
    const { mode, onPartition, leaseMs, quarantineMs } = config.coherence;
    const listener: SharedLogListener = {
      applied: this.#applied,
      committed: (record) => this.hub.announce(eventsOf(cluster.epoch, record)),
      reset: (position, quarantines) => {
        this.#joinedAt = position;
        this.fence.reset(position, quarantines);
        this.#memory.clear();
        this.inFlight.note({ coverage: everything, announcements: [] });
        const { epoch, applied, committed } = cluster.status();
        this.hub.reset(epoch, Math.min(applied, committed));
        this.#joinedSeq = applied;
        world.tell(process.name, `joined ${epoch} at ${applied}`);
      },
      caughtUp: () => this.hub.reset(cluster.status().epoch, this.#joinedSeq),
    };
    const bumps = new VersionBumps(this.#versionKeys(bus, keys));
    const configured = this.#configured(bus);
    const cluster: ClusterLog = new ClusterLog({
      bus: mutation.bus?.(configured) ?? configured,
      member: process.name,
      clock: process.clock,
      timers: process.timers,
      soon: (run) => void process.timers.after(0, run),
      ...{ mode, onPartition, leaseMs, quarantineMs, confirmMs: CONFIRM_MS },
      nonce: () => `e${world.chance.integer(1e6)}`,
      // A bus that is away is no fault of the node.
      failed: () => {},
      listener: mutation.listener?.(listener) ?? listener,
      publish: (coverage, epoch, seq) => bumps.raise(coverage, epoch, seq),
      ...mutation.cluster?.(process),
    });
    return cluster;
  }

  #configured(bus: Bus): Bus {
    const { knowledge, paths } = this.#rules;
    const folded = (coverage: Coverage): Coverage => foldedCoverage(coverage, paths.folded);
    return new ConfiguredBus(bus, fingerprintsOf(shapeOf(this.#parts.config), knowledge), {
      folded,
      otherMet: () => {},
    });
  }

  #versionKeys(bus: SimulatedBus, keys: SimulatedKeys): VersionKeys {
    return {
      ...{ connection: keys.connection(bus), prefix: 'unstale', scope: 's' },
      minVersionMs: () => VERSION_LEASES * (this.cluster as ClusterLog).leaseMs,
    };
  }

  #tier(): SecondTier | undefined {
    const { config, process, shared } = this.#parts;
    const { cluster, fence } = this;
    const tier = config.store.redis?.tier;
    if (cluster === undefined || shared === undefined || tier === undefined) return undefined;
    const joinedAt = (): number => this.#joinedAt;
    const logView: LogView = {
      get usable() {
        return cluster.serving() && cluster.published;
      },
      get epoch() {
        return cluster.epoch;
      },
      get joinedAt() {
        return joinedAt();
      },
      seqOf: (position) => position - cluster.positionOf(0),
      positionOf: (seq) => cluster.positionOf(seq),
      confirm: () => cluster.confirm(),
      admits: (response) => fence.admits(response, response.asOf),
    };
    return new RedisTier({
      ...{ ...this.#versionKeys(shared.bus, shared.keys), ...tier, shape: shapeOf(config), log: logView },
      monotonic: process.clock.monotonic,
      timers: process.timers,
      full: () => {},
    });
  }

  #readPorts(): ReadPorts {
    const { config, mutation, process } = this.#parts;
    const { cluster, log } = this;
    const store: Store = cluster === undefined ? this.#memory : new FencedStore(this.#memory, () => log.serving());
    const maxWaitMs = config.origins[DEFAULT_ORIGIN]?.timeoutMs ?? 0;
    const ports: ReadPorts = {
      store,
      fence: this.fence,
      serving: () => log.serving(),
      cursor: () => this.hub.cursor,
      tier: this.#tier(),
      clock: process.clock,
      timers: process.timers,
      flights: new Flights({ monotonic: process.clock.monotonic, timers: process.timers, maxWaitMs }),
      variances: new SearchVariances(),
      encoder: new Encoder(store, (error) => this.#parts.failed(error)),
      budget: new FillBudget(FILL_BYTES),
      maxEntryBytes: config.store.memory.maxEntryBytes,
      background: (promise) => this.#track(promise),
      // An origin that fails is part of the play.
      failed: () => {},
    };
    return mutation.reads?.(ports) ?? ports;
  }

  #writePorts(refresher: Refresher): WritePorts {
    const { config, process } = this.#parts;
    const { log } = this;
    return {
      store: this.reads.store,
      fence: this.fence,
      log,
      inFlight: this.inFlight,
      shared: this.cluster !== undefined,
      timers: {
        after: (ms, run) =>
          process.timers.after(ms, () => {
            if (ms === MAX_WAIT_MS) this.#parts.waitedOut();
            run();
          }),
      },
      rules: this.#rules,
      routes: this.routes,
      refresher,
      indeterminateMs: config.coherence.quarantineMs,
      clock: process.clock,
      resolveBytes: config.server.limits.resolveBytes,
      requestBytes: config.server.limits.requestBytes,
      quarantines: new QuarantineBudget(),
      refusedTags: new RefusedTags(process.clock),
      uploads: new UploadBudget(Number.POSITIVE_INFINITY),
      protections: undefined,
      endQuarantineLater: ({ coverage, announcements }, quarantine, ms, ended) => {
        process.timers.after(ms, () => {
          ended();
          // A node that loses its standing ends no quarantine any more: others do.
          log.append({ coverage, announcements, endsQuarantine: quarantine }).catch(() => undefined);
        });
      },
      report: () => {},
      failed: () => {},
    };
  }
}
