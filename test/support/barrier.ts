import { setTimeout as pause } from 'node:timers/promises';
import { patience } from './patience.ts';

/** How long a test waits for what must happen. Never reached by a test that passes. */
const PATIENCE_MS = patience(10_000);

/** A point that handlers of an origin stop at until the test lets them go on. */
export interface Gate {
  /** Called by a handler: says that it is here, and waits for `release`. */
  pass(): Promise<void>;
  /** Awaited by a test: `count` handlers in all have come this far (1 where absent). */
  arrived(count?: number): Promise<void>;
  /** Opens the gate, for those who wait and for all who come later. */
  release(): void;
}

export function gate(): Gate {
  let arrivals = 0;
  const opened = deferred();
  const changed = new Set<() => void>();
  return {
    pass() {
      arrivals += 1;
      for (const listener of [...changed]) listener();
      return opened.promise;
    },
    arrived(count = 1) {
      const reached = deferred();
      const check = () => {
        if (arrivals < count) return;
        changed.delete(check);
        reached.resolve();
      };
      changed.add(check);
      check();
      return withPatience(reached.promise, () => `${count} arrivals at a gate, ${arrivals} came`);
    },
    release: () => opened.resolve(),
  };
}

/** What happens soon happens within so many turns of the event loop, after which `until` leaves the core to others. */
const TURNS = 20;
/** Between two looks: a tenth of what it has waited so far, within these bounds. */
const POLL_MS = { least: 5, most: 50 };

/**
 * Resolves once `predicate` holds: asked on each of the next turns of the event loop, then less and less often. Rejects
 * with what it throws.
 */
export async function until(
  predicate: () => boolean | Promise<boolean>,
  what = 'a condition that a test waits for',
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const startedAt = performance.now();
  for (let turn = 0; !(await predicate()); turn++) {
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > patienceMs) throw new Error(`waited ${patienceMs} ms in vain for ${what}`);
    if (turn < TURNS) await new Promise((resolve) => setImmediate(resolve));
    else await pause(Math.min(POLL_MS.most, Math.max(POLL_MS.least, waitedMs / 10)));
  }
}

/** So often in a row, some turns of the event loop apart, a counter is the same when it stands still. */
const STANDSTILL = 50;

/** Resolves once the counter stands still: what is sent is held back by who does not read it. */
export async function standstill(counter: () => number): Promise<void> {
  const startedAt = performance.now();
  let last = Number.NaN;
  for (let times = 0; times < STANDSTILL; ) {
    const now = counter();
    times = now === last ? times + 1 : 0;
    last = now;
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS} ms for a standstill`);
    await pause(POLL_MS.least);
  }
}

/** Rejects, saying what was waited for, when `promise` does not settle within a test's patience. */
export async function withPatience<T>(promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS} ms in vain for ${what()}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise with its resolver outside. */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
