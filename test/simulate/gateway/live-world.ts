import { World } from '../world.ts';

/** A thread of the pool (compression) that takes longer than this is stuck. */
const MAX_TURNS = 1_000_000;

/**
 * Virtual time around streams and promises, which run on the real event loop: time goes on when nothing is left to be done at this
 * instant. Ticks and reactions are through after one turn of the loop, and so is what the code under test has left for the next one.
 */
export class LiveWorld extends World {
  /** Whether threads of the pool are still at work for somebody. */
  readonly busy: (() => boolean)[] = [];

  protected override async settle(): Promise<void> {
    for (let turn = 0; turn <= MAX_TURNS; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!this.busy.some((isBusy) => isBusy())) return;
    }
    throw new Error('the process does not come to rest');
  }
}
