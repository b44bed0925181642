import type { Live } from './types.ts';

/**
 * Runs once the first stream is confirmed, or at once if it is. A moment later, so that the connection also knows where
 * the gateway's log stands.
 * @returns what cancels it
 */
export function onceLive(live: Live, run: () => void): () => void {
  let isCancelled = false;
  const check = (): void => {
    if (live.state !== 'live') return;
    remove();
    queueMicrotask(() => isCancelled || run());
  };
  const remove = live.on('state', check);
  check();
  return () => {
    isCancelled = true;
    remove();
  };
}
