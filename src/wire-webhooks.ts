import { randomBytes } from 'node:crypto';
import { systemClock, systemTimers } from './clock.ts';
import { eventsOfEntry } from './coherence/announce.ts';
import type { Bus } from './coherence/bus.ts';
import type { ClusterStatus } from './coherence/cluster-status.ts';
import { ConfiguredBus } from './coherence/configurations.ts';
import type { Coverage } from './coherence/tag.ts';
import type { TagKnowledge } from './coherence/write-set.ts';
import type { GatewayConfig, WebhookConfig } from './config/model.ts';
import { foldedNames } from './events/folded-names.ts';
import { visibleEvents } from './events/visible.ts';
import { fingerprintsOf, shapeOf } from './fingerprints.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { throttled } from './observe/throttled.ts';
import { connectBus } from './redis/bus-connections.ts';
import { WebhookQueues } from './redis/webhook-queues.ts';
import type { Spellings } from './rules/spellings.ts';
import { systemNetwork } from './webhooks/connect.ts';
import type { Deliveries } from './webhooks/deliveries.ts';
import { Endpoint, type EndpointPorts, type EndpointReports } from './webhooks/endpoint.ts';
import { LocalDeliveries } from './webhooks/local-deliveries.ts';
import type { LogFeed } from './webhooks/log-feed.ts';
import type { Change } from './webhooks/queue.ts';
import { Sender } from './webhooks/sender.ts';
import { SharedDeliveries } from './webhooks/shared-deliveries.ts';
import { SharedEndpoint } from './webhooks/shared-endpoint.ts';

export interface WebhookParts {
  readonly config: GatewayConfig;
  readonly knowledge: TagKnowledge;
  readonly spellings: Spellings;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Of several processes without Redis, one delivers. */
  readonly delivers: boolean;
  /** Undefined for a single gateway. */
  readonly cluster: () => ClusterStatus | undefined;
}

/** Wires the endpoints that are told of committed records. */
export function wireWebhooks(parts: WebhookParts): Deliveries {
  const { config } = parts;
  return config.store.redis === undefined ? wireLocal(parts) : wireShared(parts, config.store.redis);
}

type Senders = Sender[];

/** The ports of an endpoint but those of where its queue is kept. */
function portsOf(webhook: WebhookConfig, report: EndpointReports, senders: Senders) {
  const sender = new Sender(webhook, { clock: systemClock, timers: systemTimers, network: systemNetwork });
  senders.push(sender);
  const send: EndpointPorts['send'] = (message, stop) => sender.send(message, stop);
  return { clock: systemClock, timers: systemTimers, random: Math.random, send, report };
}

function wireLocal(parts: WebhookParts): Deliveries {
  const report = reportsOf(parts);
  const senders: Senders = [];
  const endpoints = (parts.delivers ? parts.config.webhooks : []).map((webhook) => {
    return new Endpoint(webhook, { ...portsOf(webhook, report, senders), holds: () => true, changed: () => {} });
  });
  // Whatever tokens grant to subscribers: endpoints have none.
  const visible = foldedNames(parts.spellings, visibleEvents(parts.config, parts.spellings.plain));
  return new LocalDeliveries(endpoints, { visible, clock: systemClock, close: () => closeAll(senders) });
}

/** In the leases of nodes: what endpoints gain by a quick succession is little. */
const LEASES = 3;
const MIN_LEASE_MS = 3_000;

function wireShared(parts: WebhookParts, redis: NonNullable<GatewayConfig['store']['redis']>): Deliveries {
  const { config, log } = parts;
  const report = reportsOf(parts);
  const senders: Senders = [];
  const failed = throttled(QUIET_MS, (error: unknown) => {
    log.warn({ err: error }, 'the queues of webhooks cannot be reached: what waits is delivered later');
  });
  const leaseMs = Math.max(MIN_LEASE_MS, LEASES * config.coherence.leaseMs);
  // A read of the log that is held up must not hold up the leases.
  const { commands, bus, close } = connectBus({ ...redis, leaseMs, failed });
  const keeper = new WebhookQueues({ connection: commands, prefix: redis.prefix, scope: redis.scope });
  const ports = {
    ...{ keeper, failed, clock: systemClock, timers: systemTimers },
    feed: feedOf(bus, parts),
    holder: randomBytes(9).toString('base64url'),
    leaseMs,
  };
  const all = config.webhooks.map((webhook) => {
    const endpoint = new Endpoint(webhook, {
      ...portsOf(webhook, report, senders),
      holds: () => shared.holds(),
      changed: () => shared.changed(),
    });
    const shared: SharedEndpoint = new SharedEndpoint(endpoint, ports);
    return shared;
  });
  return new SharedDeliveries(all, keeper, async () => {
    close();
    await closeAll(senders);
  });
}

/** The log, read by itself: a node that begins to deliver goes on where another has stopped. */
function feedOf(redisBus: Bus, { config, spellings, knowledge, cluster }: WebhookParts): LogFeed {
  const visible = foldedNames(spellings, visibleEvents(config, spellings.plain));
  // The node's own bus reports other configurations. What records cover is of no interest here.
  const reader = { folded: (coverage: Coverage) => coverage, otherMet: () => {} };
  const bus = new ConfiguredBus(redisBus, fingerprintsOf(shapeOf(config), knowledge), reader);
  const end: LogFeed['end'] = () => {
    const status = cluster();
    if (status === undefined || status.state === 'joining') return undefined;
    return { epoch: status.epoch, seq: status.committed };
  };
  return {
    end,
    read: async ({ epoch, seq }) => {
      const batch = await bus.read(epoch, seq, Number.MAX_SAFE_INTEGER);
      const until = end();
      if (!batch.ok || batch.entries[0]?.seq !== seq + 1 || until?.epoch !== epoch) return 'lost';
      const entries = batch.entries.filter((entry) => entry.seq <= until.seq);
      const events = entries.flatMap((entry) => eventsOfEntry(epoch, entry)).flatMap((event) => visible(event) ?? []);
      return { events, to: { epoch, seq: entries.at(-1)?.seq ?? seq } };
    },
  };
}

async function closeAll(senders: Senders): Promise<void> {
  await Promise.all(senders.map((sender) => sender.close()));
}

/** How often it is logged that the queues cannot be reached. */
const QUIET_MS = 10_000;

const levels: Readonly<Record<Change, 'info' | 'warn' | 'error'>> = {
  failing: 'warn',
  recovered: 'info',
  dead: 'error',
  disabled: 'error',
  enabled: 'info',
  overflowed: 'warn',
  missed: 'info',
};

const meanings: Readonly<Record<Change, string>> = {
  failing: 'a webhook fails, and is tried again',
  recovered: 'a webhook has recovered',
  dead: 'a webhook has failed for good: the message is kept for an operator',
  disabled: 'a webhook wants no more (410): it is disabled',
  enabled: 'a webhook is enabled again',
  overflowed: 'too much waits for a webhook: it is told to resync',
  missed: 'a webhook may have missed events: it is told to resync',
};

function reportsOf({ log, metrics }: WebhookParts): EndpointReports {
  return {
    change: (webhook, change, { waiting, dead, failure }) => {
      const reason = failure === null ? {} : { reason: failure };
      log[levels[change]]({ webhook, ...reason, waiting: waiting.length, dead: dead.length }, meanings[change]);
    },
    attempt: (webhook, outcome, id) => {
      metrics.countWebhook(outcome.kind);
      const { kind, ...reason } = outcome;
      log.debug({ webhook, id, outcome: kind, ...reason }, 'webhook');
    },
  };
}
