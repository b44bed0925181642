import type { Fields } from './fields.ts';
import { isToken } from './list.ts';

/** Longer ids are no ids: each event keeps one for as long as it is held. */
const MAX_LENGTH = 128;

/** Whether a text may name a client, in `Unstale-Client` or `?client=`. */
export function isClientId(text: string): boolean {
  return text.length <= MAX_LENGTH && isToken(text);
}

/**
 * The id in `Unstale-Client`. Undefined if there is none, or something else: then its write is announced to all, its
 * own client among them, which is safe.
 */
export function clientIdIn(headers: Fields): string | undefined {
  const id = headers.get('unstale-client');
  return id !== undefined && isClientId(id) ? id : undefined;
}
