import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from '../observe/logger.ts';
import { sendingOf } from './front.ts';

/** How often it is looked whether answers have been sent. */
const LOOK_MS = 20;

/**
 * Stops listening, lets exchanges in flight end and their answers be sent within `drainMs`, then ends event streams and
 * closes the connections that are left. `server.close()` alone would wait for ever for those that never sent a request.
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
      const cut = { exchanges: underway.size, sending: sendingOf(app.server) };
      log.warn(cut, 'the drain deadline passed: exchanges in flight, and answers still being sent, are cut off');
      resolve();
    }, drainMs);
  });
  await Promise.race([allSent(app.server, underway), deadline]);
  clearTimeout(timer);
  endStreams();
  app.server.closeAllConnections();
  await app.close();
}

/** Answers that are given may be large, and their clients slow. */
async function allSent(server: Server, underway: ReadonlySet<Promise<unknown>>): Promise<void> {
  await allEnded(underway);
  while (sendingOf(server) > 0) {
    await pause(LOOK_MS);
    await allEnded(underway);
  }
}

/** While some end, further requests may come on connections that are open. */
async function allEnded(underway: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (underway.size > 0) {
    await Promise.allSettled([...underway]);
    // Their answers are given to the connections within this turn, and what has waited behind them there begins.
    await new Promise(setImmediate);
  }
}
