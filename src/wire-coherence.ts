import { systemClock } from './clock.ts';
import type { ClusterStatus } from './coherence/cluster-status.ts';
import { Fence } from './coherence/fence.ts';
import { WritesInFlight } from './coherence/in-flight.ts';
import type { LogListener } from './coherence/log.ts';
import { MemoryLog } from './coherence/memory-log.ts';
import type { Event } from './events/event.ts';
import { foldedNames } from './events/folded-names.ts';
import { EventHub } from './events/hub.ts';
import { visibleEvents } from './events/visible.ts';
import { keysInMemory } from './idempotency/memory-keys.ts';
import { MemoryStore } from './store/memory.ts';
import { type Deliveries, noDeliveries } from './webhooks/deliveries.ts';
import { announcer, type Coherence, type CoherenceParts, type Node } from './wire-node.ts';
import type { WebhookParts } from './wire-webhooks.ts';

/** Wires the way of a record: it takes effect on this node, then it is announced. */
export async function wireCoherence(parts: CoherenceParts): Promise<Coherence> {
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
  const webhooks = config.webhooks.length === 0 ? noDeliveries : await webhooksOf({ ...parts, cluster });
  // With `events.auth`, a token says what its bearer may see.
  const shown = config.events.auth === undefined ? visibleEvents(config, spellings.plain) : (event: Event) => event;
  const visible = foldedNames(spellings, shown);
  const node = { ...parts, fence, memory, inFlight, applied, visible, webhooks };
  const isSingle = config.store.redis === undefined && parts.bus === undefined;
  const coherence: Coherence = isSingle ? wireSingle(node) : await joining(node);
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

async function webhooksOf(parts: WebhookParts): Promise<Deliveries> {
  if (parts.config.webhooks.length === 0) return noDeliveries;
  const { wireWebhooks } = await import('./wire-webhooks.ts');
  return wireWebhooks(parts);
}

async function joining(node: Node): Promise<Coherence> {
  const { wireCluster } = await import('./wire-cluster.ts');
  return await wireCluster(node);
}
