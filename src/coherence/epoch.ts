/**
 * Epochs are named `number_nonce`: a later one has a higher number, also where the bus has lost all, since whoever begins an
 * epoch has counted on from the latest that it knows.
 */
export function successorOf(epoch: string, nonce: string): string {
  return `${numberOf(epoch) + 1}_${nonce}`;
}

/**
 * Whether the bus, being in the epoch `present`, has been set back: who has been in `known` has left it, or never was in it.
 * Without this, what was stored in it, and the leases given in it, would be valid again. The same is said in redis/scripts.ts.
 */
export function isSetBack(present: string, known: string): boolean {
  return present !== known && numberOf(known) > 0 && numberOf(present) <= numberOf(known);
}

/** 0 for a name of another form. */
function numberOf(epoch: string): number {
  return Number(/^(\d{1,15})_/.exec(epoch)?.[1] ?? 0);
}
