/**
 * Bytes that all fills under way may hold together. What would go beyond it streams through unstored, so that slow
 * origins with large answers cannot fill the memory beside the store.
 */
export class FillBudget {
  readonly #maxBytes: number;
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False where there is no room: nothing is taken then. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#maxBytes) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }

  get held(): number {
    return this.#held;
  }
}
