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
