import type { FastifyInstance } from 'fastify';
import type { Logger } from '../observe/log.ts';

/**
 * Stops listening, lets exchanges in flight end within `drainMs`, then ends event streams and closes whatever connection
 * is left: those that never sent a request too, for which `server.close()` alone would wait without end.
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

/** Requests on connections that were open already may still come while others end. */
async function allEnded(underway: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (underway.size > 0) await Promise.allSettled([...underway]);
}
