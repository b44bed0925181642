import type { FastifyInstance } from 'fastify';
import type { Logger } from '../observe/logger.ts';

/**
 * Stops listening, lets exchanges in flight end within `drainMs`, then ends event streams and closes the connections
 * that are left. `server.close()` alone would wait for ever for those that never sent a request.
 */
export async function drain(
  app: FastifyInstance,
  options: { underway: ReadonlySet<Promise<unknown>>; drainMs: number; endStreams: () => void; log: Logger },
): Promise<void> {
  const { underway, drainMs, endStreams, log } = options;
  app.server.close();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log.warn({ exchanges: underway.size }, 'the drain deadline passed: exchanges in flight are cut off');
      resolve();
    }, drainMs);
  });
  await Promise.race([allEnded(underway), deadline]);
  clearTimeout(timer);
  endStreams();
  app.server.closeAllConnections();
  await app.close();
}

/** While some end, further requests may come on connections that are open. */
async function allEnded(underway: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (underway.size > 0) await Promise.allSettled([...underway]);
}
