/** Counts what each client address holds. An address that holds nothing takes no memory. */
export class HeldByAddress {
  readonly #held = new Map<string, number>();

  /** How many addresses hold anything. */
  get addresses(): number {
    return this.#held.size;
  }

  of(address: string): number {
    return this.#held.get(address) ?? 0;
  }

  /** `amount` is negative for what is given back. */
  add(address: string, amount: number): void {
    const held = this.of(address) + amount;
    if (held > 0) this.#held.set(address, held);
    else this.#held.delete(address);
  }
}
