import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseNetwork } from './address.ts';
import type { WebhookConfig } from './model.ts';
import { duration, flag, text } from './scalar.ts';
import { checkedPattern } from './templates.ts';
import { ValueError } from './value-error.ts';

/** Standard Webhooks: a secret has between 24 and 64 random bytes. */
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;
/** Each delivery is signed with every secret. Two overlap during a rotation; more have been forgotten. */
const MAX_SECRETS = 4;
/** Every endpoint compares each event with its filter, and holds a queue of its own. */
const MAX_ENDPOINTS = 64;
/** As for a subscriber (events/asked.ts). */
const MAX_FILTERS = 64;
const MAX_FILTER_LENGTH = 1_024;

const secret = () => text({ pattern: '^whsec_' }, parseWebhookSecret);

export const webhookSchema = z.strictObject({
  url: text({ pattern: '^https?://', examples: ['https://partner.example/hooks/unstale'] }, parseWebhookUrl).meta({
    description: 'Where events are sent, as POST. Redirects are not followed.',
  }),
  name: text({ examples: ['partner'] }, parseWebhookName)
    .optional()
    .meta({
      description:
        'Its name in logs, in metrics, in the admin API and in Redis. Default: its host, and a hash of the URL.',
    }),
  secret: z.union([secret(), z.array(secret()).min(1)]).meta({
    description:
      'What deliveries are signed with: "whsec_" and 24 to 64 bytes in base64. With a list, each signs, so that a receiver can go over to the next one.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in the file
    examples: ['${PARTNER_WEBHOOK_SECRET}'],
  }),
  match: z
    .array(text({ pattern: '^/', examples: ['/steps/:id'] }, parseFilterPattern))
    .prefault([])
    .meta({ description: 'Patterns of paths, as in the event stream. Without match and tags, every event is sent.' }),
  tags: z
    .array(text({ examples: ['step:*'] }, parseFilterTag))
    .prefault([])
    .meta({ description: 'Tags, with "*" for any text. An event is sent if any pattern or tag matches.' }),
  events: z
    .array(text({ examples: ['accommodation.changed'] }, parseEventType))
    .prefault([])
    .meta({ description: 'Types of events: only these are sent, and resync.' }),
  allow: z
    .array(text({ examples: ['10.20.0.0/16'] }, parseNetwork))
    .prefault([])
    .meta({
      description: 'Addresses or blocks that are not public, and may be connected to all the same. Others are refused.',
    }),
  allowHttp: flag()
    .prefault(false)
    .meta({
      description: 'Whether the URL may be http: anyone on the way can then read what is sent.',
      examples: [true],
    }),
  timeout: duration({ min: 1_000, max: 60_000 })
    .prefault('15s')
    .meta({ description: 'For one attempt, from the connection to the end of the answer.', examples: ['30s'] }),
});

export const webhooksSchema = z.array(webhookSchema).prefault([]).meta({
  description: 'Endpoints of others that are sent what has changed, signed as Standard Webhooks say.',
});

export type WebhookSettings = z.output<typeof webhookSchema>;

/** Limits that lint-webhooks.ts reports at their positions. */
export const webhookLimits = { endpoints: MAX_ENDPOINTS, secrets: MAX_SECRETS, filters: MAX_FILTERS } as const;

export function webhookOf({ url, name, secret, timeout, allowHttp: _, ...rest }: WebhookSettings): WebhookConfig {
  return { ...rest, url, name: name ?? nameOf(url), secrets: [secret].flat(), timeoutMs: timeout };
}

/** The path and the query of the URL may be secret, so the name does not show them. */
export function nameOf(url: string): string {
  const { hostname } = new URL(url);
  const hash = createHash('sha256').update(url).digest('hex').slice(0, 8);
  return `${hostname.replace(/[^A-Za-z0-9.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '')}-${hash}`;
}

/** The messages do not repeat the URL: many are secret. */
function parseWebhookUrl(written: string): string {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ValueError('this is not an http or https URL', 'write https://partner.example/hooks/unstale');
  }
  if (url.username !== '' || url.password !== '') {
    throw new ValueError('a webhook URL cannot have credentials', 'remove everything before the "@"');
  }
  if (written.includes('#'))
    throw new ValueError('a webhook URL cannot have a fragment', 'remove the "#" and the rest');
  return url.href;
}

function parseWebhookName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return name;
  throw new ValueError(`"${name}" is not a name`, 'use up to 100 letters, digits and "._-": partner');
}

/** The messages do not repeat the secret. */
function parseWebhookSecret(secret: string): string {
  const hint = `write "whsec_" and ${MIN_SECRET_BYTES} random bytes or more in base64: openssl rand -base64 32`;
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) {
    throw new ValueError(secret === '' ? 'the secret is empty' : 'this is not "whsec_" and base64', hint);
  }
  const key = Buffer.from(encoded, 'base64');
  // What a receiver's library makes of other base64 is not what is signed with here.
  if (key.toString('base64') !== encoded) throw new ValueError('the secret is not complete base64', hint);
  if (key.length >= MIN_SECRET_BYTES && key.length <= MAX_SECRET_BYTES) return secret;
  const size = key.length < MIN_SECRET_BYTES ? 'short' : 'long';
  throw new ValueError(
    `the secret is too ${size}: Standard Webhooks have ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes`,
    hint,
  );
}

function parseFilterPattern(pattern: string): string {
  refuseLong(pattern);
  return checkedPattern(pattern);
}

function parseFilterTag(tag: string): string {
  refuseLong(tag);
  if (tag !== '') return tag;
  throw new ValueError('the tag is empty', 'write step:7, or step:* for all that begin so');
}

function parseEventType(type: string): string {
  if (/^[A-Za-z][A-Za-z0-9._:-]*$/.test(type)) return type;
  throw new ValueError(`"${type}" is not the type of an event`, 'write invalidate, or what a rule has as its event');
}

function refuseLong(filter: string): void {
  if (filter.length <= MAX_FILTER_LENGTH) return;
  throw new ValueError(`this has more than ${MAX_FILTER_LENGTH} characters`, 'write a shorter, broader one');
}
