import { World } from '../world.ts';

/** Turns of the event loop without anything left to do: `setImmediate` in the code under test may take one or two. */
const QUIET_TURNS = 3;
/** A thread of the pool (compression) that takes longer than this is stuck. */
const MAX_TURNS = 1_000_000;

/**
 * Virtual time around streams and promises, which run on the real event loop: time goes on when nothing is left to be done at this
 * instant. Ticks and reactions are through after one turn of the loop.
 */
export class LiveWorld extends World {
  /** Whether threads of the pool are still at work for somebody. */
  readonly busy: (() => boolean)[] = [];

  protected override async settle(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; quiet < QUIET_TURNS; turn++) {
      if (turn > MAX_TURNS) throw new Error('the process does not come to rest');
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.busy.some((isBusy) => isBusy()) ? 0 : quiet + 1;
    }
  }
}
