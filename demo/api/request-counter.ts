/** Distinct requests that are remembered; past it the oldest are forgotten, so a long run does not grow. */
const MAX_COUNTED = 200_000;

/** How often each method and path has been asked: how a test knows that a cache did not ask. */
export class RequestCounter {
  readonly #counts = new Map<string, number>();
  readonly #most: number;

  constructor(most = MAX_COUNTED) {
    this.#most = most;
  }

  /** Counts a request under its whole target and, when it has a query, under its path too. */
  add(method: string, target: string): void {
    const path = target.split('?', 1).join('');
    this.#increment(keyOf(method, path));
    if (target !== path) this.#increment(keyOf(method, target));
  }

  /** `/steps/7` counts it with every query string, `/steps/7?lang=fr` that one only. */
  count(method: string, target: string): number {
    return this.#counts.get(keyOf(method, target)) ?? 0;
  }

  #increment(key: string): void {
    const count = this.#counts.get(key) ?? 0;
    // Taken out and put back: a Map is in order of insertion, so the first key is the one not asked for longest.
    this.#counts.delete(key);
    this.#counts.set(key, count + 1);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > this.#most && oldest !== undefined) this.#counts.delete(oldest);
  }
}

function keyOf(method: string, target: string): string {
  return JSON.stringify([method, target]);
}
