import type { Live } from './types.ts';

/**
 * Runs once the first stream is confirmed, or at once if it is. A moment later, so that the connection also knows where
 * the gateway's log stands.
 * @returns what cancels it
 */
export function onceLive(live: Live, run: () => void): () => void {
  let isDone = false;
  const check = (): void => {
    if (live.state !== 'live') return;
    remove();
    queueMicrotask(() => {
      if (!isDone) run();
      isDone = true;
    });
  };
  const remove = live.on('state', check);
  check();
  return () => {
    isDone = true;
    remove();
  };
}
