import { once } from 'node:events';
import { generatorProgram } from '../paths.ts';
import { startChild } from '../servers/child.ts';
import type { FanOut, FanOutResult, Load, LoadResult, Reply, Task } from './protocol.ts';

/** The bench's side of the channel to the generator. */
export interface Generator {
  load(load: Load): Promise<LoadResult>;
  fanOut(task: FanOut): Promise<FanOutResult>;
  stop(): Promise<void>;
}

export function startGenerator(core: number | undefined): Generator {
  const child = startChild(process.execPath, [generatorProgram], { core, ipc: true });
  const perform = async (task: Task): Promise<unknown> => {
    const reply = Promise.race([once(child.process, 'message'), child.failed]);
    child.process.send(task);
    const [message] = (await reply) as [Reply];
    if ('failed' in message) throw new Error(message.failed);
    return message.done;
  };
  return {
    load: async (load) => (await perform({ kind: 'load', ...load })) as LoadResult,
    fanOut: async (task) => (await perform({ kind: 'fan-out', ...task })) as FanOutResult,
    stop: child.stop,
  };
}
