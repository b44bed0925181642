import { parseHttpDate } from './date.ts';

/**
 * How long a `Retry-After` asks to wait, in milliseconds (RFC 9110 §10.2.3). Undefined if it does not say, or badly.
 */
export function retryAfterMs(value: string | undefined, wall: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const date = parseHttpDate(text, wall);
  return date === undefined ? undefined : Math.max(0, date - wall);
}
