import type { IncomingMessage } from 'node:http';
import { askedBy } from '../../src/events/asked.ts';
import { type Rights, unrestricted } from '../../src/events/rights.ts';
import type { Subscription } from '../../src/events/subscription.ts';
import { Fields } from '../../src/http/fields.ts';

/** The subscription that a request asks for, for tests without the rest of a gateway. */
export function asked(message: IncomingMessage, rights: Rights = unrestricted): Subscription {
  const { searchParams } = new URL(message.url ?? '/', 'http://gateway');
  return { ...askedBy(new Fields(message.rawHeaders), searchParams), rights };
}
