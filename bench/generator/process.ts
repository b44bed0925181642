import { runFanOut } from './fan-out.ts';
import { runLoad } from './load.ts';
import { runPaced } from './paced.ts';
import type { Reply, Task } from './protocol.ts';
import { runWrk } from './wrk.ts';

/** Argument: `wrk` or `autocannon`, for loads that last a time. wrk cannot send a given number of requests. */
const withWrk = process.argv[2] === 'wrk';

/** The generator's process. It performs all tasks, one at a time, so that its code is warm. */
async function perform(task: Task): Promise<Reply> {
  try {
    return { done: await run(task) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

function run(task: Task): Promise<unknown> {
  if (task.kind === 'paced') return runPaced(task);
  if (task.kind === 'fan-out') return runFanOut(task);
  return withWrk && task.amount === undefined ? runWrk(task) : runLoad(task);
}

process.on('message', (task: Task) => {
  void perform(task).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));
