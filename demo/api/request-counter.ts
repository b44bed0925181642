/** Limit on the distinct requests that are counted. Beyond it, the oldest are forgotten. */
const MAX_COUNTED = 200_000;

/** Counts the requests for each method and path. Tests use it to show that a cache did not ask. */
export class RequestCounter {
  readonly #counts = new Map<string, number>();
  readonly #most: number;

  constructor(most = MAX_COUNTED) {
    this.#most = most;
  }

  /** Counts a request under its whole target and, if it has a query, also under its path. */
  add(method: string, target: string): void {
    const path = target.split('?', 1).join('');
    this.#increment(keyOf(method, path));
    if (target !== path) this.#increment(keyOf(method, target));
  }

  /** `/steps/7` counts requests with any query, `/steps/7?lang=fr` only those with this one. */
  count(method: string, target: string): number {
    return this.#counts.get(keyOf(method, target)) ?? 0;
  }

  #increment(key: string): void {
    const count = this.#counts.get(key) ?? 0;
    // Deleted and added again: a Map keeps insertion order, so the first key is the least recently requested.
    this.#counts.delete(key);
    this.#counts.set(key, count + 1);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > this.#most && oldest !== undefined) this.#counts.delete(oldest);
  }
}

function keyOf(method: string, target: string): string {
  return JSON.stringify([method, target]);
}
