import { randomBytes } from 'node:crypto';
import { systemClock, systemTimers } from './clock.ts';
import { eventsOf } from './coherence/announce.ts';
import type { Bus } from './coherence/bus.ts';
import { ClusterLog } from './coherence/cluster-log.ts';
import type { ClusterStatus } from './coherence/cluster-status.ts';
import { Fence } from './coherence/fence.ts';
import { WritesInFlight } from './coherence/in-flight.ts';
import type { Log, LogListener, SharedLogListener } from './coherence/log.ts';
import { MemoryLog } from './coherence/memory-log.ts';
import { everything } from './coherence/record.ts';
import type { GatewayConfig } from './config/model.ts';
import { EventHub } from './events/hub.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { connectBus } from './redis/bus-connections.ts';
import { FencedStore } from './store/fenced.ts';
import { MemoryStore } from './store/memory.ts';
import type { Store } from './store/store.ts';

/** The node's place among others, and what it holds. */
export interface Coherence {
  readonly fence: Fence;
  /** As reads see it: empty while this node may not serve. */
  readonly store: Store;
  readonly inFlight: WritesInFlight;
  readonly log: Log;
  readonly hub: EventHub;
  /** Undefined for a gateway that is alone. */
  readonly cluster: (() => ClusterStatus) | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** How long a write waits for its record to be confirmed by the other nodes, in leases: the slowest of them may have died. */
const CONFIRM_LEASES = 4;
const MIN_CONFIRM_MS = 5_000;

export interface CoherenceParts {
  readonly config: GatewayConfig;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** What sequences for the nodes, where it is not a Redis. */
  readonly bus?: Bus | undefined;
}

/** What a record goes through: made effective on this node, then announced. */
export function wireCoherence({ config, metrics, log: logger, bus }: CoherenceParts): Coherence {
  const fence = new Fence();
  const memory = new MemoryStore(config.store.memory, fence);
  const inFlight = new WritesInFlight();
  const applied: LogListener['applied'] = (record) => {
    fence.apply(record);
    const removed = memory.invalidate(record.hits);
    inFlight.note(record);
    metrics.removed += removed;
    return removed;
  };
  const { redis } = config.store;
  if (redis === undefined && bus === undefined) {
    const log = new MemoryLog(systemClock, {
      applied,
      committed: (record) => hub.announce(eventsOf(log.epoch, record)),
    });
    const hub = new EventHub({ ...config.events, epoch: log.epoch });
    const nothing = (): Promise<void> => Promise.resolve();
    return { fence, store: memory, inFlight, log, hub, cluster: undefined, start: nothing, stop: nothing };
  }
  const { mode, onPartition, leaseMs, settleMs } = config.coherence;
  const failed = complainer(logger);
  const connection = redis && connectBus({ ...redis, leaseMs, failed });
  const hub = new EventHub({ ...config.events, epoch: '' });
  const listener: SharedLogListener = {
    applied,
    committed: (record) => hub.announce(eventsOf(log.epoch, record)),
    reset: (position, doubts) => {
      fence.reset(position, doubts);
      memory.clear();
      inFlight.note({ hits: everything, announcements: [] });
      hub.reset(log.epoch, log.status().applied);
      logger.info({ epoch: log.epoch, position: log.status().applied }, 'joined the other nodes');
    },
  };
  const log: ClusterLog = new ClusterLog({
    bus: bus ?? (connection as NonNullable<typeof connection>).bus,
    member: randomBytes(9).toString('base64url').replaceAll('-', '_'),
    clock: systemClock,
    timers: systemTimers,
    mode,
    onPartition,
    confirmMs: Math.max(MIN_CONFIRM_MS, CONFIRM_LEASES * leaseMs),
    settleMs,
    leaseMs,
    nonce: () => randomBytes(9).toString('base64url').replaceAll('-', '_'),
    failed,
    listener,
  });
  const serving = (): boolean => log.serving();
  return {
    fence,
    store: new FencedStore(memory, serving),
    inFlight,
    log,
    hub,
    cluster: () => log.status(),
    start: async () => {
      const fault = await connection?.evictionFault();
      if (fault?.refused === true) {
        throw new Error(`the Redis drops keys at random (maxmemory-policy ${fault.policy}): set noeviction`);
      }
      if (fault !== undefined) {
        logger.warn(
          { policy: fault.policy },
          'the Redis may drop what joins the nodes: set maxmemory-policy noeviction',
        );
      }
      log.start();
    },
    stop: async () => {
      await log.stop();
      connection?.close();
    },
  };
}

/** A Redis that is away fails many times a second: it is told once, and again when it is something else. */
function complainer(logger: Logger): (error: unknown) => void {
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
