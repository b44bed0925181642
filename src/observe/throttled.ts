import { systemClock } from '../clock.ts';

/** Limits a report to one in `quietMs`, for what lasts: a server that is away causes many failures a second. */
export function throttled<Args extends readonly unknown[]>(
  quietMs: number,
  report: (...args: Args) => void,
): (...args: Args) => void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  return (...args) => {
    const now = systemClock.monotonic();
    if (now < quietUntil) return;
    quietUntil = now + quietMs;
    report(...args);
  };
}
