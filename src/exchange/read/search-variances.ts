import type { Fields } from '../../http/fields.ts';
import { everyDifference, parseNoVarySearch, type SearchVariance } from '../../http/no-vary-search.ts';
import { nameOf, ownText } from '../../http/own-memory.ts';
import type { ClientRequest } from '../ports.ts';

/** Paths whose variance is remembered. One that is forgotten costs a miss for each spelling of its queries. */
const MAX_REMEMBERED = 10_000;
/** Of one variance: an origin that names thousands of parameters has its responses keyed by the full query. */
const MAX_VARIANCE_CHARACTERS = 1_000;

/**
 * Which differences between queries do not matter, by host and path, as the origin's last answer there said
 * (`No-Vary-Search`). Without it the full query is in the key.
 */
export class SearchVariances {
  /** In the order in which they were learnt, oldest first. */
  readonly #byPath = new Map<string, SearchVariance>();

  of(request: ClientRequest): SearchVariance | undefined {
    // A hit on a site without the field must not pay for a string.
    return this.#byPath.size === 0 ? undefined : this.#byPath.get(placeOf(request));
  }

  learn(request: ClientRequest, variance: SearchVariance | undefined): void {
    if (variance === undefined && this.#byPath.size === 0) return;
    const place = placeOf(request);
    this.#byPath.delete(place);
    if (variance === undefined) return;
    this.#byPath.set(ownText(place), variance);
    if (this.#byPath.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#byPath.keys()) {
      this.#byPath.delete(oldest);
      break;
    }
  }
}

/** What a response says of its queries; undefined where every difference matters. */
export function varianceOf(headers: Fields): SearchVariance | undefined {
  const value = headers.get('no-vary-search');
  if (value === undefined) return undefined;
  if (value.length > MAX_VARIANCE_CHARACTERS) return undefined;
  const variance = parseNoVarySearch(value);
  const { params, order } = variance;
  const matters = order && 'allBut' in params && params.allBut.length === 0;
  return variance === everyDifference || matters ? undefined : variance;
}

function placeOf({ scheme, host, target }: ClientRequest): string {
  return nameOf(`${scheme}://${host}\n${target.path}`);
}
