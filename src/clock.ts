/**
 * Time, in milliseconds. `wall` is the only wall clock of the project (HTTP dates and ages need it, order never comes
 * from it); `monotonic` is for durations and timeouts.
 */
export interface Clock {
  wall(): number;
  monotonic(): number;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
};

let lastSecond = { at: Number.NaN, text: '' };

/** A wall time as `Date.toISOString` has it. The text of a second is kept: writes come many to a second. */
export function isoTime(ms: number): string {
  const at = Math.floor(ms / 1_000) * 1_000;
  if (at !== lastSecond.at) lastSecond = { at, text: new Date(at).toISOString().slice(0, -'000Z'.length) };
  return `${lastSecond.text}${String(Math.floor(ms) - at).padStart(3, '0')}Z`;
}

/** Runs something once the present turn of the event loop is over. */
export type Soon = (run: () => void) => void;

export const systemSoon: Soon = (run) => void setImmediate(run);

/** Timers on the monotonic clock. They hold no process open. */
export interface Timers {
  /** Returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, Math.max(0, ms)).unref();
    return () => clearTimeout(timer);
  },
};
