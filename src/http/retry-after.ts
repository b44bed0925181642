import { parseHttpDate } from './date.ts';
import type { Fields } from './fields.ts';

/** How long an answer asks to wait, in milliseconds (RFC 9110 §10.2.3). Undefined if it does not say, or badly. */
export function retryAfterMs(headers: Fields, wall: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const date = parseHttpDate(value, wall);
  return date === undefined ? undefined : Math.max(0, date - wall);
}
