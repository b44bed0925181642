import { randomBytes } from 'node:crypto';
import { systemClock, systemSoon, systemTimers } from './clock.ts';
import { eventsOf } from './coherence/announce.ts';
import type { Bus } from './coherence/bus.ts';
import { ClusterLog } from './coherence/cluster-log.ts';
import type { ClusterStatus } from './coherence/cluster-status.ts';
import { ConfiguredBus } from './coherence/configurations.ts';
import { Fence } from './coherence/fence.ts';
import { WritesInFlight } from './coherence/in-flight.ts';
import type { Log, LogListener, SharedLogListener } from './coherence/log.ts';
import { MemoryLog } from './coherence/memory-log.ts';
import { MissedRecords } from './coherence/missed-records.ts';
import { everything, type LogRecord } from './coherence/record.ts';
import type { Coverage } from './coherence/tag.ts';
import type { TagKnowledge } from './coherence/write-set.ts';
import type { GatewayConfig } from './config/model.ts';
import type { Event } from './events/event.ts';
import { EventHub } from './events/hub.ts';
import { visibleEvents } from './events/visible.ts';
import { fingerprintsOf, shapeOf } from './fingerprints.ts';
import type { KeyStore } from './idempotency/key-store.ts';
import { keysInMemory } from './idempotency/memory-keys.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { throttled } from './observe/throttled.ts';
import { type ConnectedBus, connectBus } from './redis/bus-connections.ts';
import { RedisKeys } from './redis/redis-keys.ts';
import { RedisTier } from './redis/tier.ts';
import { VersionBumps, type VersionKeys } from './redis/version-bumps.ts';
import type { Spellings } from './rules/spellings.ts';
import { FencedStore } from './store/fenced.ts';
import { MemoryStore } from './store/memory.ts';
import type { Store } from './store/store.ts';
import type { Deliveries } from './webhooks/deliveries.ts';
import { wireWebhooks } from './wire-webhooks.ts';

/** The parts that keep this node coherent with the others, and what it stores. */
export interface Coherence {
  readonly fence: Fence;
  /** As reads see it: empty while this node may not serve. */
  readonly store: Store;
  /** The same, whether it may serve or not. */
  readonly memory: MemoryStore;
  /** Resolves once the node has joined the others for the first time: from then on memory keeps what it is given. */
  readonly joined: Promise<void>;
  /** The log that the nodes share, as snapshots refer to it. Undefined for a single gateway. */
  readonly shared: MissedRecords | undefined;
  /** The store that the nodes share, behind the memory of each. */
  readonly tier: RedisTier | undefined;
  readonly inFlight: WritesInFlight;
  readonly log: Log;
  readonly hub: EventHub;
  readonly webhooks: Deliveries;
  /** Idempotency keys, which the nodes share. */
  readonly keys: KeyStore;
  /** Undefined for a single gateway. */
  readonly cluster: (() => ClusterStatus) | undefined;
  /** The lease that the nodes have agreed on. 0 for a single gateway. */
  readonly leaseMs: () => number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** How long a write waits for the other nodes to confirm its record, in leases: the slowest of them may have died. */
const CONFIRM_LEASES = 4;
const MIN_CONFIRM_MS = 5_000;

/**
 * How long the tier keeps the version of what a record covers. A node without the record serves for one lease at most.
 */
const VERSION_LEASES = 4;

export interface CoherenceParts {
  readonly config: GatewayConfig;
  /** What the rules say about tags. */
  readonly knowledge: TagKnowledge;
  readonly spellings: Spellings;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Whether this process delivers to webhooks whose queues are in memory: of several, one does. */
  readonly delivers: boolean;
  /** Called with what each record covers, before it takes effect. Not with a Redis, which keeps the records itself. */
  readonly covering?: ((coverage: Coverage) => void) | undefined;
  /** The nodes' sequencer, if it is not a Redis. */
  readonly bus?: Bus | undefined;
  /** Their idempotency keys, if these are not in a Redis. */
  readonly keys?: KeyStore | undefined;
}

/** What every node has, a single one or one of several. */
interface Node extends CoherenceParts {
  readonly webhooks: Deliveries;
  readonly fence: Fence;
  readonly memory: MemoryStore;
  readonly inFlight: WritesInFlight;
  readonly applied: LogListener['applied'];
  readonly visible: (event: Event) => Event | undefined;
}

/** Wires the way of a record: it takes effect on this node, then it is announced. */
export function wireCoherence(parts: CoherenceParts): Coherence {
  const { config, knowledge, spellings, metrics } = parts;
  const fence = new Fence(systemClock.monotonic);
  const memory = new MemoryStore(config.store.memory, fence);
  const inFlight = new WritesInFlight(knowledge);
  const covering = config.store.redis === undefined ? parts.covering : undefined;
  const applied: LogListener['applied'] = (record) => {
    covering?.(record.coverage);
    fence.apply(record);
    const removed = memory.invalidate(record.coverage);
    inFlight.note(record);
    metrics.removed += removed;
    return removed;
  };
  const cluster = (): ClusterStatus | undefined => coherence.cluster?.();
  const webhooks = wireWebhooks({ ...parts, cluster });
  // With `events.auth`, a token says what its bearer may see.
  const visible = config.events.auth === undefined ? visibleEvents(config, spellings.plain) : (event: Event) => event;
  const node = { ...parts, fence, memory, inFlight, applied, visible, webhooks };
  const isSingle = config.store.redis === undefined && parts.bus === undefined;
  const coherence: Coherence = isSingle ? wireSingle(node) : wireCluster(node);
  return {
    ...coherence,
    start: async () => {
      await coherence.start();
      webhooks.start();
    },
    stop: async () => {
      await webhooks.stop();
      await coherence.stop();
    },
  };
}

function wireSingle(node: Node): Coherence {
  const { config, fence, memory, inFlight, webhooks } = node;
  const log = new MemoryLog(systemClock, {
    applied: node.applied,
    committed: (record) => announce(log.epoch, record),
  });
  const hub = new EventHub({ ...config.events, epoch: log.epoch });
  const announce = announcer(node, hub);
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    fence,
    store: memory,
    memory,
    joined: Promise.resolve(),
    shared: undefined,
    tier: undefined,
    inFlight,
    log,
    hub,
    webhooks,
    keys: keysInMemory(config, systemClock),
    cluster: undefined,
    leaseMs: () => 0,
    start: () => {
      webhooks.miss(`${log.epoch}-0`);
      return nothing();
    },
    stop: nothing,
  };
}

/** Tells subscribers and webhooks of a committed record. */
function announcer({ visible, webhooks }: Node, hub: EventHub): (epoch: string, record: LogRecord) => void {
  return (epoch, record) => {
    const events = eventsOf(epoch, record);
    hub.announce(events.flatMap((event) => visible(event) ?? []));
    webhooks.announce(events, record.id ?? `${epoch}-${record.position}`);
  };
}

function wireCluster(node: Node): Coherence {
  const { config, knowledge, fence, memory, inFlight, applied, webhooks, log: logger } = node;
  const { mode, onPartition, leaseMs, quarantineMs } = config.coherence;
  const { redis } = config.store;
  const confirmMs = Math.max(MIN_CONFIRM_MS, CONFIRM_LEASES * leaseMs);
  const failed = connectionReporter(logger);
  const connection = redis && connectBus({ ...redis, leaseMs, failed });
  const hub = new EventHub({ ...config.events, epoch: '' });
  const announce = announcer(node, hub);
  let joinedAt = 0;
  let joinedSeq = 0;
  let hasJoined = (): void => {};
  const joined = new Promise<void>((resolve) => {
    hasJoined = resolve;
  });
  const listener: SharedLogListener = {
    applied,
    committed: (record) => announce(cluster.epoch, record),
    reset: (position, quarantines) => {
      joinedAt = position;
      fence.reset(position, quarantines);
      memory.clear();
      inFlight.note({ coverage: everything, announcements: [] });
      const { epoch, applied: seq, committed } = cluster.status();
      // No ids beyond the committed ones: a subscriber that resumed elsewhere with one would miss its event.
      hub.reset(epoch, Math.min(seq, committed));
      webhooks.miss(`${epoch}-${Math.min(seq, committed)}`);
      joinedSeq = seq;
      logger.info({ epoch, position: seq, scope: redis?.scope }, 'joined the other nodes');
      hasJoined();
    },
    caughtUp: () => {
      hub.reset(cluster.epoch, joinedSeq);
      webhooks.miss(`${cluster.epoch}-${joinedSeq}`);
    },
  };
  const minVersionMs = (): number => VERSION_LEASES * cluster.leaseMs;
  const keys = connection && redis && { ...redis, connection: connection.commands, minVersionMs };
  const bumps = keys && new VersionBumps(keys, systemSoon);
  const nonce = (): string => randomBytes(9).toString('base64url').replaceAll('-', '_');
  const shape = shapeOf(config);
  const bus = configured(node.bus ?? (connection as NonNullable<typeof connection>).bus, shape, node);
  const cluster: ClusterLog = new ClusterLog({
    bus,
    member: nonce(),
    clock: systemClock,
    timers: systemTimers,
    soon: systemSoon,
    ...{ mode, onPartition, confirmMs, quarantineMs, leaseMs, knowledge, nonce, failed, listener },
    publish: bumps && ((coverage, epoch, seq) => bumps.raise(coverage, epoch, seq)),
  });
  const tier = keys && wireTier(config, keys, { cluster, fence, shape, joinedAt: () => joinedAt, logger });
  return {
    ...{ fence, memory, joined, tier, inFlight, hub, webhooks },
    shared: new MissedRecords({ bus, log: cluster, joinedAt: () => joinedAt }),
    keys: keys === undefined ? (node.keys ?? keysInMemory(config, systemClock)) : new RedisKeys(keys),
    store: new FencedStore(memory, () => cluster.serving()),
    log: cluster,
    cluster: () => cluster.status(),
    leaseMs: () => cluster.leaseMs,
    start: async () => {
      const keepsKeys = config.writes.some(({ idempotency }) => idempotency !== undefined);
      await checkEviction(connection, logger, keepsKeys);
      cluster.start();
    },
    stop: async () => {
      await cluster.stop();
      connection?.close();
    },
  };
}

/**
 * Refuses to start on a Redis that evicts random keys, or that evicts any where idempotency keys are kept: the retry of
 * a write whose key is gone would be carried out again. A Redis found to do so later, after it was away or was
 * replaced, is logged as an error: if it evicts part of the log, the nodes notice, and void what is stored.
 */
async function checkEviction(connection: ConnectedBus | undefined, logger: Logger, keepsKeys: boolean): Promise<void> {
  const check = async (atStart: boolean): Promise<void> => {
    const fault = await connection?.evictionFault();
    if (fault === undefined) return;
    const message = fault.refused
      ? `Redis evicts keys at random (maxmemory-policy ${fault.policy}): set noeviction`
      : `Redis may evict idempotency keys (maxmemory-policy ${fault.policy}): set noeviction`;
    const isRefused = fault.refused || keepsKeys;
    if (isRefused && atStart) throw new Error(message);
    if (isRefused) logger.error({ policy: fault.policy }, message);
    else
      logger.warn(
        { policy: fault.policy },
        'Redis may evict keys that the nodes need: set maxmemory-policy noeviction',
      );
  };
  await check(true);
  connection?.onReached(() => void check(false));
}

interface TierParts {
  readonly cluster: ClusterLog;
  readonly fence: Fence;
  /** What `shapeOf` made of the configuration. */
  readonly shape: string;
  readonly joinedAt: () => number;
  readonly logger: Logger;
}

function wireTier(
  config: GatewayConfig,
  { connection, prefix, scope, minVersionMs }: VersionKeys,
  { cluster, fence, shape, joinedAt, logger }: TierParts,
): RedisTier | undefined {
  const { redis } = config.store;
  if (redis?.tier === undefined) return undefined;
  return new RedisTier({
    ...{ connection, prefix, scope, minVersionMs, ...redis.tier },
    shape,
    log: {
      get usable() {
        return cluster.serving() && cluster.published;
      },
      get epoch() {
        return cluster.epoch;
      },
      seqOf: (position) => position - cluster.positionOf(0),
      positionOf: (seq) => cluster.positionOf(seq),
      get joinedAt() {
        return joinedAt();
      },
      confirm: () => cluster.confirm(),
      admits: (response) => fence.admits(response, response.asOf),
    },
    monotonic: systemClock.monotonic,
    full: throttled(QUIET_MS, () => {
      const message =
        'the Redis tier is full: responses are stored in memory only (store.redis.tier.maxSize, or 3/4 of maxmemory)';
      logger.warn({ maxBytes: redis.tier?.maxBytes }, message);
    }),
    timers: systemTimers,
  });
}

/** How often it is logged that the tier is full. */
const QUIET_MS = 600_000;

/** Nodes may have different configurations, as during a deployment. */
function configured(bus: Bus, shape: string, { knowledge, log: logger }: CoherenceParts): Bus {
  return new ConfiguredBus(bus, fingerprintsOf(shape, knowledge), (theirs) => {
    const message =
      'another node has different routes: until it is gone, its records fall back to wildcards, or cover everything';
    logger.warn({ theirs }, message);
  });
}

/**
 * Logs failures to reach the other nodes. The same one is logged once in ten seconds: an absent Redis causes many a
 * second.
 */
function connectionReporter(logger: Logger): (error: unknown) => void {
  let last = '';
  let quietUntil = 0;
  return (error) => {
    const message = error instanceof Error ? error.message : String(error);
    const now = systemClock.monotonic();
    if (message === last && now < quietUntil) return;
    last = message;
    quietUntil = now + 10_000;
    logger.warn({ err: error }, 'the other nodes cannot be reached');
  };
}
