import { createHmac } from 'node:crypto';

/** What a signature covers, and with it the receiver's protection against replays. */
export interface Signed {
  readonly id: string;
  /** In seconds: receivers refuse one that is minutes old, so each attempt has its own. */
  readonly timestamp: number;
  readonly body: string;
}

const PREFIX = 'whsec_';

/** The bytes of a secret `whsec_…`. */
export function signingKeyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(PREFIX.length), 'base64');
}

/**
 * The fields of Standard Webhooks. `webhook-signature` has one signature for each key, separated by spaces: a receiver
 * accepts any that its own secret has made.
 */
export function signatureFields({ id, timestamp, body }: Signed, keys: readonly Buffer[]): Record<string, string> {
  const content = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
