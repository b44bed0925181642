import type { ReadOutcome } from '../exchange/ports.ts';

/** So many reads of a route were not stored, and none was a hit: chance is no explanation. */
const ENOUGH = 20;

interface Watched {
  answered: boolean;
  readonly reasons: Map<string, number>;
  count: number;
}

/** Finds routes of which nothing is ever answered from memory, and why. As large as the configuration. */
export class NeverHit {
  readonly #routes = new Map<string, Watched>();
  /** Route → the most frequent reason. */
  readonly found = new Map<string, string>();

  /** Returns the reason, once for each route. */
  note(route: string, { outcome, detail, unusable }: ReadOutcome): string | undefined {
    const watched = this.#routes.get(route) ?? { answered: false, reasons: new Map<string, number>(), count: 0 };
    if (watched.answered) return undefined;
    this.#routes.set(route, watched);
    if (outcome === 'hit' || outcome === 'stale' || outcome === 'collapsed') {
      watched.answered = true;
      this.found.delete(route);
      return undefined;
    }
    const reason = detail ?? unusable ?? (outcome === 'revalidated' ? 'expired' : undefined);
    if (outcome === 'error' || reason === undefined || reason === 'method' || reason === 'head') return undefined;
    watched.reasons.set(reason, (watched.reasons.get(reason) ?? 0) + 1);
    watched.count += 1;
    if (watched.count !== ENOUGH) return undefined;
    const [most = reason] = [...watched.reasons].sort(([, a], [, b]) => b - a)[0] ?? [];
    this.found.set(route, most);
    return most;
  }
}
