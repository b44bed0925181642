import { eventsOf } from './coherence/announce.ts';
import type { Bus } from './coherence/bus.ts';
import type { ClusterStatus } from './coherence/cluster-status.ts';
import type { Fence } from './coherence/fence.ts';
import type { WritesInFlight } from './coherence/in-flight.ts';
import type { Log, LogListener } from './coherence/log.ts';
import type { MissedRecords } from './coherence/missed-records.ts';
import type { LogRecord } from './coherence/record.ts';
import type { Coverage } from './coherence/tag.ts';
import type { TagKnowledge } from './coherence/write-set.ts';
import type { GatewayConfig } from './config/model.ts';
import type { Event } from './events/event.ts';
import type { EventHub } from './events/hub.ts';
import type { KeyStore } from './idempotency/key-store.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import type { RedisTier } from './redis/tier.ts';
import type { Spellings } from './rules/spellings.ts';
import type { MemoryStore } from './store/memory.ts';
import type { Store } from './store/store.ts';
import type { Deliveries } from './webhooks/deliveries.ts';

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
export interface Node extends CoherenceParts {
  readonly webhooks: Deliveries;
  readonly fence: Fence;
  readonly memory: MemoryStore;
  readonly inFlight: WritesInFlight;
  readonly applied: LogListener['applied'];
  readonly visible: (event: Event) => Event | undefined;
}

/** Tells subscribers and webhooks of a committed record. */
export function announcer({ visible, webhooks }: Node, hub: EventHub): (epoch: string, record: LogRecord) => void {
  return (epoch, record) => {
    const events = eventsOf(epoch, record);
    hub.announce(events.map(visible).filter((event) => event !== undefined));
    webhooks.announce(events, record.id ?? `${epoch}-${record.position}`);
  };
}
