import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { originProgram } from '../paths.ts';
import { startChild } from './child.ts';
import type { Server } from './server.ts';

export interface BenchOrigin extends Server {
  /** Requests received since the start. */
  requests(): Promise<number>;
  /** The same, once no more requests arrive: after a load, requests may still be in flight in a gateway. */
  settledRequests(): Promise<number>;
}

/** If no request arrives for this long, none is in flight. */
const quietMs = 50;

/** @param port 0 for any that is free */
export async function startOrigin(core: number | undefined, port: number): Promise<BenchOrigin> {
  const child = startChild(process.execPath, [originProgram, String(port)], { core, ipc: true });
  const next = async (): Promise<Record<string, number>> => {
    const [message] = await Promise.race([once(child.process, 'message'), child.failed]);
    return message;
  };
  const { port: listening } = await next();
  const requests = async (): Promise<number> => {
    const answer = next();
    child.process.send({ ask: 'requests' });
    return (await answer).requests ?? 0;
  };
  return {
    name: 'direct',
    url: `http://127.0.0.1:${listening}`,
    pid: child.pid,
    requests,
    async settledRequests() {
      for (let seen = await requests(); ; ) {
        await delay(quietMs);
        const now = await requests();
        if (now === seen) return now;
        seen = now;
      }
    },
    stop: child.stop,
  };
}
