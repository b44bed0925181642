import { randomBytes } from 'node:crypto';
import { systemClock, systemSoon, systemTimers } from './clock.ts';
import type { Bus } from './coherence/bus.ts';
import { ClusterLog } from './coherence/cluster-log.ts';
import { ConfiguredBus } from './coherence/configurations.ts';
import type { Fence } from './coherence/fence.ts';
import type { SharedLogListener } from './coherence/log.ts';
import { MissedRecords } from './coherence/missed-records.ts';
import { everything } from './coherence/record.ts';
import type { Coverage } from './coherence/tag.ts';
import type { GatewayConfig } from './config/model.ts';
import { EventHub } from './events/hub.ts';
import { fingerprintsOf, shapeOf } from './fingerprints.ts';
import { keysInMemory } from './idempotency/memory-keys.ts';
import type { Logger } from './observe/logger.ts';
import { throttled } from './observe/throttled.ts';
import type { ConnectedBus } from './redis/bus-connections.ts';
import { RedisKeys } from './redis/redis-keys.ts';
import { RedisTier } from './redis/tier.ts';
import { VersionBumps, type VersionKeys } from './redis/version-bumps.ts';
import { foldedCoverage } from './rules/target.ts';
import { FencedStore } from './store/fenced.ts';
import { announcer, type Coherence, type CoherenceParts, type Node } from './wire-node.ts';

/** How long a write waits for the other nodes to confirm its record, in leases: the slowest of them may have died. */
const CONFIRM_LEASES = 4;
const MIN_CONFIRM_MS = 5_000;

/**
 * How long the tier keeps the version of what a record covers. A node without the record serves for one lease at most.
 */
const VERSION_LEASES = 4;

/** One of several nodes, over a Redis or, in one of several processes, over the bus of the primary. */
export async function wireCluster(node: Node): Promise<Coherence> {
  const { config, knowledge, fence, memory, inFlight, applied, webhooks, log: logger } = node;
  const { mode, onPartition, leaseMs, quarantineMs } = config.coherence;
  const { redis } = config.store;
  const confirmMs = Math.max(MIN_CONFIRM_MS, CONFIRM_LEASES * leaseMs);
  const failed = connectionReporter(logger);
  // ioredis is loaded where there is a Redis.
  const connection = redis && (await import('./redis/bus-connections.ts')).connectBus({ ...redis, leaseMs, failed });
  const hub = new EventHub({ ...config.events, epoch: '', holdsLease: () => cluster.serving() });
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
function configured(bus: Bus, shape: string, { knowledge, spellings, log: logger }: CoherenceParts): Bus {
  const otherMet = (theirs: string): void => {
    const message =
      'another node has different routes: until it is gone, its records fall back to wildcards, or cover everything';
    logger.warn({ theirs }, message);
  };
  const folded = (coverage: Coverage): Coverage => foldedCoverage(coverage, spellings.folded);
  return new ConfiguredBus(bus, fingerprintsOf(shape, knowledge), { folded, otherMet });
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
