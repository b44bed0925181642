import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { originProgram } from '../paths.ts';
import { startChild } from './child.ts';
import type { Server } from './server.ts';

export interface BenchOrigin extends Server {
  /** Requests seen since the start. */
  requests(): Promise<number>;
  /** The same, once nothing comes any more: a load that has ended may have left requests under way in a gateway. */
  settledRequests(): Promise<number>;
}

/** When no request came for this long, none is under way. */
const quietMs = 50;

export async function startOrigin(core: number | undefined): Promise<BenchOrigin> {
  const child = startChild(process.execPath, [originProgram], { core, ipc: true });
  const next = async (): Promise<Record<string, number>> => {
    const [message] = await Promise.race([once(child.process, 'message'), child.failed]);
    return message;
  };
  const { port } = await next();
  const requests = async (): Promise<number> => {
    const answer = next();
    child.process.send({ ask: 'requests' });
    return (await answer).requests ?? 0;
  };
  return {
    name: 'direct',
    url: `http://127.0.0.1:${port}`,
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
