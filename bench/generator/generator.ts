import { once } from 'node:events';
import { generatorProgram } from '../paths.ts';
import { startChild } from '../servers/child.ts';
import type { FanOut, FanOutResult, Load, LoadResult, Paced, PacedResult, Reply, Task } from './protocol.ts';
import type { LoadTool } from './wrk.ts';

/** The bench's side of the channel to the generator. */
export interface Generator {
  load(load: Load): Promise<LoadResult>;
  paced(paced: Paced): Promise<PacedResult>;
  fanOut(task: FanOut): Promise<FanOutResult>;
  stop(): Promise<void>;
}

/** @param tool what plays closed loops; open loops and fan-out are the bench's own */
export function startGenerator(tool: LoadTool, core: number | undefined): Generator {
  const child = startChild(process.execPath, [generatorProgram, tool], { core, ipc: true });
  const perform = async (task: Task): Promise<unknown> => {
    const reply = Promise.race([once(child.process, 'message'), child.failed]);
    child.process.send(task);
    const [message] = (await reply) as [Reply];
    if ('failed' in message) throw new Error(message.failed);
    return message.done;
  };
  return {
    load: async (load) => (await perform({ kind: 'load', ...load })) as LoadResult,
    paced: async (paced) => (await perform({ kind: 'paced', ...paced })) as PacedResult,
    fanOut: async (task) => (await perform({ kind: 'fan-out', ...task })) as FanOutResult,
    stop: child.stop,
  };
}
