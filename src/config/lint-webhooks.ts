import { isIP } from 'node:net';
import { AddressPolicy } from '../webhooks/addresses.ts';
import type { Located } from './lint-routes.ts';
import type { RuleSettings } from './rule-schema.ts';
import type { configSchema } from './schema.ts';
import { soundPart, valueAt } from './shape.ts';
import type { SourceDocument } from './source-document.ts';
import { didYouMean } from './suggest.ts';
import { nameOf, type WebhookSettings, webhookLimits } from './webhooks-schema.ts';

/** What an event is called whose rule gives it no type. */
const UNNAMED = 'invalidate';

/** Checks each endpoint by itself, against the others, and against what the rules announce. */
export function lintWebhooks(
  document: SourceDocument,
  schema: typeof configSchema,
  rules: readonly Located<RuleSettings>[],
): void {
  const written = valueAt(document.value, ['webhooks']);
  if (!Array.isArray(written)) return;
  if (written.length > webhookLimits.endpoints) {
    const message = `more than ${webhookLimits.endpoints} webhooks`;
    document.report(['webhooks'], {
      message,
      hint: 'send to fewer endpoints, and let one of them pass it on',
      atKey: true,
    });
  }
  const { element } = schema.shape.webhooks.def.innerType;
  const types = new Set([UNNAMED, ...rules.map(({ settings }) => typeOf(settings))]);
  const names = new Map<string, number>();
  for (const i of written.keys()) {
    const webhook = soundPart(document, element, ['webhooks', i]);
    if (webhook === undefined) continue;
    lintOne(document, i, webhook);
    lintTypes(document, i, webhook, types);
    const name = webhook.name ?? nameOf(webhook.url);
    const first = names.get(name);
    if (first === undefined) names.set(name, i);
    else {
      const message =
        webhook.name === undefined ? 'another webhook has this URL' : `another webhook is called "${name}"`;
      // They would share one queue.
      document.report(['webhooks', i, webhook.name === undefined ? 'url' : 'name'], {
        message,
        hint: 'give each a name of its own',
      });
    }
  }
}

function lintOne(document: SourceDocument, i: number, settings: WebhookSettings): void {
  const { url, secret, match, tags, allowHttp, allow } = settings;
  // Of a name, only an attempt can tell.
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const refusal = isIP(host) === 0 ? undefined : new AddressPolicy(allow).refusal(host);
  if (refusal !== undefined) {
    document.report(['webhooks', i, 'url'], {
      message: `${host} is not a public address (${refusal}): every attempt would be refused`,
      hint: `add allow: ["${host}"] where that is meant`,
    });
  }
  if (url.startsWith('http:') && !allowHttp) {
    document.report(['webhooks', i, 'url'], {
      message: 'http would send events in the clear',
      hint: 'use https, or add allowHttp: true on a network that nobody else is on',
    });
  }
  if ([secret].flat().length > webhookLimits.secrets) {
    const message = `more than ${webhookLimits.secrets} secrets`;
    document.report(['webhooks', i, 'secret'], { message, hint: 'remove those that the receiver no longer knows' });
  }
  if (match.length + tags.length > webhookLimits.filters) {
    const message = `more than ${webhookLimits.filters} patterns and tags`;
    document.report(['webhooks', i, match.length > 0 ? 'match' : 'tags'], { message, hint: 'use fewer, broader ones' });
  }
}

/** A type that nothing announces is a slip of the pen, most likely: nothing would ever be sent. */
function lintTypes(document: SourceDocument, i: number, { events }: WebhookSettings, types: ReadonlySet<string>): void {
  for (const [j, type] of events.entries()) {
    if (types.has(type)) continue;
    document.report(['webhooks', i, 'events', j], {
      message: `no rule announces "${type}"`,
      hint: didYouMean(type, [...types]),
      warning: 'webhook-event-unknown',
    });
  }
}

function typeOf({ event }: RuleSettings): string {
  return typeof event === 'string' ? event : (event?.type ?? UNNAMED);
}
