/** How long a test waits for what must happen. Never reached by a test that passes. */
const PATIENCE_MS = 10_000;

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

/** Resolves once `predicate` holds, asked again on each turn of the event loop. Rejects when patience runs out. */
export async function until(predicate: () => boolean, what = 'a condition that a test waits for'): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!predicate()) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
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
