const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The pauses between attempts that Standard Webhooks recommend: with the first attempt ten, in three days and more. */
const PAUSES_MS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;

export const ATTEMPTS = PAUSES_MS.length + 1;

/** Pauses are up to this much shorter or longer, so that many endpoints of one receiver do not come back at once. */
const JITTER = 0.2;

/** A receiver can make a pause longer by `Retry-After`, but no longer than the last one is. */
export const LONGEST_ASKED_MS = 24 * HOUR;

/** The longest pause there is. A later time comes from a clock that was set back. */
export const LONGEST_PAUSE_MS = 24 * HOUR * (1 + JITTER);

/**
 * How long to wait after so many failed attempts. Undefined: that was the last one.
 * @param random from 0 to 1
 */
export function pauseAfter(attempts: number, random: number): number | undefined {
  const pause = PAUSES_MS[attempts - 1];
  return pause === undefined ? undefined : Math.round(pause * (1 + JITTER * (2 * random - 1)));
}
