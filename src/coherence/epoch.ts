/**
 * Epochs are named `number_nonce`. A later epoch has a higher number, even if the bus has lost everything: the member
 * that creates it counts on from the latest epoch it knows.
 */
export function successorOf(epoch: string, nonce: string): string {
  return `${numberOf(epoch) + 1}_${nonce}`;
}

/**
 * Whether a bus in the epoch `present` was set back, as seen by a member that has been in `known`: epochs only count
 * up. Without this check, responses stored in `present` and leases granted in it would be valid again. redis/scripts.ts
 * has the same check.
 */
export function isSetBack(present: string, known: string): boolean {
  return present !== known && numberOf(known) > 0 && numberOf(present) <= numberOf(known);
}

/** 0 for a name of another form. */
function numberOf(epoch: string): number {
  return Number(/^(\d{1,15})_/.exec(epoch)?.[1] ?? 0);
}
