import type { Writable } from 'node:stream';
import type { Reply } from './ports.ts';

/**
 * Copies a body at the reader's pace. Rejects when the source fails; returns when the client disconnects. `beforeEnd`
 * is called after the whole body has been written, for trailers.
 */
export async function pump(
  source: AsyncIterator<Buffer>,
  sink: Writable,
  reply: Reply,
  beforeEnd?: () => void,
): Promise<void> {
  let wake = (): void => {};
  // One listener for all waits: adding one per wait would accumulate listeners during a slow download.
  reply.onGone(() => wake());
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
      sink.once('drain', resolve);
    });
  try {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      if (reply.gone) return;
      if (!sink.write(next.value)) await drained();
    }
    beforeEnd?.();
    sink.end();
  } catch (error) {
    if (!reply.gone) throw error;
  }
}
