import { AggregatorRegistry, Counter, Gauge, type MetricObject, Registry } from 'prom-client';
import type { ClusterStatus } from '../coherence/cluster-status.ts';
import type { OriginStanding } from '../exchange/ports.ts';
import type { Metrics } from './metrics.ts';

/** Values of other parts, read when they are scraped. */
export interface Gauges {
  storedResponses(): number;
  storedBytes(): number;
  /** Undefined: snapshots are off. */
  readonly unconfirmed?: (() => number) | undefined;
  subscribers(): number;
  announced(): number;
  droppedSubscribers(): number;
  eventBytes(): number;
  position(): number;
  fills(): number;
  fillBytes(): number;
  waiting(): number;
  waitingForShare(): number;
  refreshesDropped(): number;
  /** How each origin stands that is not asked while it is down. */
  origins(): ReadonlyMap<string, OriginStanding>;
  /** Undefined without a second tier. */
  readonly tierRefused: (() => number) | undefined;
  /** Undefined for a single gateway. */
  readonly cluster: (() => ClusterStatus) | undefined;
  /** By endpoint, of those that this process delivers to. Undefined without webhooks. */
  readonly webhooks: { waiting(): Record<string, number>; dead(): Record<string, number> } | undefined;
}

/** The registry behind `/metrics`, in Prometheus' text format. */
export function metricsRegistry(metrics: Metrics, gauges: Gauges): Registry {
  const registry = new Registry();
  const registers = [registry];
  const labelled = (name: string, help: string, of: () => Record<string, number>, label = 'outcome'): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(of())) this.inc({ [label]: value }, count);
      },
    });
  };
  const counter = (name: string, help: string, of: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(of());
      },
    });
  };
  const gauge = (name: string, help: string, of: () => number, aggregator: 'sum' | 'max' = 'sum'): void => {
    new Gauge({
      name,
      help,
      registers,
      aggregator,
      collect() {
        this.set(of());
      },
    });
  };
  labelled('unstale_reads_total', 'Reads by outcome.', () => metrics.reads);
  addNeverHit(metrics, registers);
  labelled(
    'unstale_not_stored_total',
    "Origins' answers to reads that were not stored, by reason.",
    () => metrics.notStored,
    'reason',
  );
  addWrites(metrics, { labelled, counter });
  counter(
    'unstale_unresolved_placeholders_total',
    'Placeholders that could not be resolved.',
    () => metrics.unresolved,
  );
  counter('unstale_removed_responses_total', 'Stored responses removed by records.', () => metrics.removed);
  counter('unstale_origin_failures_total', 'Requests that the origin failed.', () => metrics.originFailures);
  counter('unstale_events_total', 'Events announced.', gauges.announced);
  counter(
    'unstale_subscribers_dropped_total',
    'Subscribers dropped for reading too slowly.',
    gauges.droppedSubscribers,
  );
  counter('unstale_refreshes_dropped_total', 'Refreshes dropped as too many.', gauges.refreshesDropped);
  addStored(gauges, { gauge });
  gauge('unstale_subscribers', 'Event subscribers connected.', gauges.subscribers);
  gauge('unstale_event_history_bytes', 'Bytes of the events held for subscribers.', gauges.eventBytes);
  gauge('unstale_log_position', 'The applied position of this node.', gauges.position, 'max');
  gauge('unstale_fills', 'Fills that other reads may wait for.', gauges.fills);
  gauge('unstale_fill_bytes', 'Bytes of bodies that fills hold.', gauges.fillBytes);
  gauge('unstale_waiting_reads', 'Reads that wait for the fill of another.', gauges.waiting);
  gauge(
    'unstale_waiting_for_share',
    "Requests whose client address holds its share of an origin's connections.",
    gauges.waitingForShare,
  );
  addOrigins(gauges, registers);
  const { cluster, tierRefused, webhooks } = gauges;
  if (webhooks !== undefined) addWebhooks(webhooks, metrics, { labelled, registers });
  if (tierRefused !== undefined) {
    counter('unstale_tier_refused_total', 'Responses that the Redis tier had no room for.', tierRefused);
  }
  if (cluster !== undefined) addCluster(cluster, { gauge, counter });
  return registry;
}

function addStored({ storedResponses, storedBytes, unconfirmed }: Gauges, { gauge }: Pick<Adding, 'gauge'>): void {
  gauge('unstale_stored_responses', 'Responses in the memory tier.', storedResponses);
  gauge('unstale_stored_bytes', 'Bytes that the memory tier accounts for its responses.', storedBytes);
  if (unconfirmed !== undefined)
    gauge('unstale_unconfirmed_responses', 'Copies out of a snapshot that the origin has to confirm.', unconfirmed);
}

function addWrites(metrics: Metrics, { labelled, counter }: Pick<Adding, 'labelled' | 'counter'>): void {
  labelled('unstale_writes_total', 'Writes by outcome.', () => metrics.writes);
  labelled(
    'unstale_invalid_writes_total',
    'Writes that were not valid: refused (enforce) or sent on (log).',
    () => metrics.invalidWrites,
    'mode',
  );
  counter(
    'unstale_repeated_writes_total',
    'Writes that got the first answer to their idempotency key again.',
    () => metrics.repeatedWrites,
  );
}

function addNeverHit({ neverHit }: Metrics, registers: Registry[]): void {
  new Gauge({
    name: 'unstale_routes_without_hits',
    help: 'Routes of which nothing has been a hit, with the most frequent reason.',
    labelNames: ['route', 'reason'],
    registers,
    aggregator: 'max',
    collect() {
      this.reset();
      for (const [route, reason] of neverHit.found) this.set({ route, reason }, 1);
    },
  });
}

function addOrigins({ origins }: Gauges, registers: Registry[]): void {
  new Gauge({
    name: 'unstale_origin_up',
    help: 'Whether requests are sent to an origin: 0 while it is down.',
    labelNames: ['origin'],
    registers,
    // Of several processes: whether all of them take it to be up.
    aggregator: 'min',
    collect() {
      this.reset();
      for (const [origin, { is }] of origins()) this.set({ origin }, Number(is === 'closed'));
    },
  });
  new Counter({
    name: 'unstale_origin_changes_total',
    help: 'How often an origin went down, and came up again.',
    labelNames: ['origin', 'to'],
    registers,
    collect() {
      this.reset();
      for (const [origin, { downs, ups }] of origins()) {
        this.inc({ origin, to: 'down' }, downs);
        this.inc({ origin, to: 'up' }, ups);
      }
    },
  });
  new Counter({
    name: 'unstale_origin_refused_total',
    help: 'Requests that were not sent to an origin because it was down.',
    labelNames: ['origin'],
    registers,
    collect() {
      this.reset();
      for (const [origin, { refused }] of origins()) this.inc({ origin }, refused);
    },
  });
}

function addWebhooks(
  webhooks: NonNullable<Gauges['webhooks']>,
  { webhooks: attempts }: Metrics,
  {
    labelled,
    registers,
  }: { labelled(name: string, help: string, of: () => Record<string, number>): void; registers: Registry[] },
): void {
  labelled('unstale_webhook_attempts_total', 'Attempts to deliver to webhooks, by outcome.', () => attempts);
  const gauge = (name: string, help: string, of: () => Record<string, number>): void => {
    new Gauge({
      name,
      help,
      labelNames: ['webhook'],
      registers,
      collect() {
        this.reset();
        for (const [webhook, count] of Object.entries(of())) this.set({ webhook }, count);
      },
    });
  };
  gauge('unstale_webhook_waiting', 'Messages that wait for a webhook.', () => webhooks.waiting());
  gauge('unstale_webhook_dead_letters', 'Messages that a webhook did not take.', () => webhooks.dead());
}

interface Adding {
  gauge(name: string, help: string, of: () => number, aggregator?: 'sum' | 'max'): void;
  counter(name: string, help: string, of: () => number): void;
  labelled(name: string, help: string, of: () => Record<string, number>, label?: string): void;
}

function addCluster(cluster: () => ClusterStatus, { gauge, counter }: Pick<Adding, 'gauge' | 'counter'>): void {
  gauge('unstale_cluster_serving', 'Whether this node may answer from memory.', () =>
    Number(cluster().state === 'serving'),
  );
  gauge('unstale_cluster_members', 'Nodes that writes wait for.', () => cluster().members.length, 'max');
  gauge('unstale_cluster_intents', 'Writes of this node forwarded, not yet recorded.', () => cluster().intents);
  gauge('unstale_cluster_queued', 'Records waiting to be sent to the other nodes.', () => cluster().queued);
  counter('unstale_cluster_resets_total', 'Times that this node joined with empty memory.', () => cluster().resets);
  counter('unstale_cluster_evictions_total', 'Silent nodes that this node removed.', () => cluster().evictions);
}

/** The metrics of several processes of one gateway: sums, and the maximum of positions. */
export function textOfAll(figures: readonly (readonly object[])[]): Promise<string> {
  return AggregatorRegistry.aggregate(figures as MetricObject[][]).metrics();
}
