import type { Writable } from 'node:stream';
import type { Reply } from './ports.ts';

/**
 * Copies a body at the reader's pace. Rejects when the source breaks; ends quietly when the client leaves. `beforeEnd` is
 * called when all of the body has been written, for trailers.
 */
export async function pump(
  source: AsyncIterator<Buffer>,
  sink: Writable,
  reply: Reply,
  beforeEnd?: () => void,
): Promise<void> {
  try {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      if (reply.gone) return;
      if (!sink.write(next.value)) await drained(sink, reply);
    }
    beforeEnd?.();
    sink.end();
  } catch (error) {
    if (!reply.gone) throw error;
  }
}

function drained(sink: Writable, reply: Reply): Promise<void> {
  return new Promise((resolve) => {
    sink.once('drain', resolve);
    reply.onGone(resolve);
  });
}
