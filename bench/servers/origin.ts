import { once } from 'node:events';
import { originProgram } from '../paths.ts';
import { startChild } from './child.ts';
import type { Server } from './server.ts';

export interface BenchOrigin extends Server {
  /** Requests seen since the start. */
  requests(): Promise<number>;
}

export async function startOrigin(core: number | undefined): Promise<BenchOrigin> {
  const child = startChild(process.execPath, [originProgram], { core, ipc: true });
  const next = async (): Promise<Record<string, number>> => {
    const [message] = await Promise.race([once(child.process, 'message'), child.failed]);
    return message;
  };
  const { port } = await next();
  return {
    name: 'direct',
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async requests() {
      const answer = next();
      child.process.send({ ask: 'requests' });
      return (await answer).requests ?? 0;
    },
    stop: child.stop,
  };
}
