import { systemClock, systemTimers } from './clock.ts';
import type { GatewayConfig } from './config/model.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { systemNetwork } from './webhooks/connect.ts';
import type { Deliveries } from './webhooks/deliveries.ts';
import { Endpoint, type EndpointReports } from './webhooks/endpoint.ts';
import { LocalDeliveries } from './webhooks/local-deliveries.ts';
import type { Change } from './webhooks/queue.ts';
import { Sender } from './webhooks/sender.ts';

export interface WebhookParts {
  readonly config: GatewayConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Of several processes without Redis, one delivers. */
  readonly delivers: boolean;
}

/** Wires the endpoints that are told of committed records. */
export function wireWebhooks(parts: WebhookParts): Deliveries {
  const { config, delivers } = parts;
  const report = reportsOf(parts);
  const senders: Sender[] = [];
  const endpoints = (delivers ? config.webhooks : []).map((webhook) => {
    const sender = new Sender(webhook, { clock: systemClock, timers: systemTimers, network: systemNetwork });
    senders.push(sender);
    return new Endpoint(webhook, {
      clock: systemClock,
      timers: systemTimers,
      random: Math.random,
      send: (message, stop) => sender.send(message, stop),
      report,
      changed: () => {},
    });
  });
  const deliveries = new LocalDeliveries(endpoints, systemClock);
  return deliveries;
}

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
    change: (webhook, change, { waiting, dead }) => {
      log[levels[change]]({ webhook, waiting: waiting.length, dead: dead.length }, meanings[change]);
    },
    attempt: (webhook, outcome, id) => {
      metrics.countWebhook(outcome.kind);
      log.debug(
        { webhook, id, outcome: outcome.kind, ...('reason' in outcome && { reason: outcome.reason }) },
        'webhook',
      );
    },
  };
}
