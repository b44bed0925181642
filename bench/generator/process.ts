import { runFanOut } from './fan-out.ts';
import { runLoad } from './load.ts';
import type { Reply, Task } from './protocol.ts';

/** The generator's process. It performs all tasks, one at a time, so that its code is warm. */
async function perform(task: Task): Promise<Reply> {
  try {
    return { done: task.kind === 'load' ? await runLoad(task) : await runFanOut(task) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

process.on('message', (task: Task) => {
  void perform(task).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));
