/**
 * The bytes that all fills in progress may hold together. Bodies beyond it are streamed and not stored, so that slow
 * origins with large answers cannot exhaust the memory outside the store.
 */
export class FillBudget {
  readonly #maxBytes: number;
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns false, and takes nothing, if the budget is exhausted. */
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
