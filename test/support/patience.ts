/**
 * How long a test may wait. Where runs share the cores (scripts/), a test has a part of one and waits for the others:
 * `TEST_PATIENCE` says how many times as long.
 * @param ms for a run that has the cores for itself
 */
export const patience = (ms: number): number => ms * Number(process.env.TEST_PATIENCE ?? 1);
