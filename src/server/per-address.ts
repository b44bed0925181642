import { HeldByAddress } from '../exchange/held-by-address.ts';

/** Bounds how much each client address holds, so that no single one takes what all clients share. */
export class PerAddress {
  readonly #max: number;
  readonly #held = new HeldByAddress();

  constructor(max: number) {
    this.#max = max;
  }

  /** How many addresses hold anything. */
  get size(): number {
    return this.#held.addresses;
  }

  /** Returns a function that gives it back, once; undefined where the address holds as many as it may. */
  take(address: string): (() => void) | undefined {
    if (this.#held.of(address) >= this.#max) return undefined;
    this.#held.add(address, 1);
    let open = true;
    return () => {
      if (open) this.#held.add(address, -1);
      open = false;
    };
  }
}
