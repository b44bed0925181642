/** The longest of the waits that grow. */
const MAX_DELAY_MS = 30_000;
/** The longest wait that a server can ask for: a wrong figure must not end the stream. */
const MAX_ASKED_MS = 10 * 60_000;

/** What the server asks for, bounded. */
export const askedDelay = (ms: number): number => Math.min(ms, MAX_ASKED_MS);

/**
 * How long to wait after a failure: what the server asks for by `retry:`, and full jitter on top, which doubles with
 * each failure. So nobody comes sooner than asked, and a thousand clients of one gateway do not come at once.
 * @param failures before this one, since the stream was last confirmed
 * @param random from 0 to 1, 1 excluded
 */
export function backoff(retryMs: number, failures: number, random: number): number {
  const window = Math.max(retryMs, 100) * 2 ** Math.min(failures, 16);
  return retryMs + random * Math.min(window, MAX_DELAY_MS);
}
