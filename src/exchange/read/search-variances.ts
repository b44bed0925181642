import type { Fields } from '../../http/fields.ts';
import { everyDifference, parseNoVarySearch, type SearchVariance } from '../../http/no-vary-search.ts';
import { nameOf, ownText } from '../../http/own-memory.ts';
import type { ClientRequest } from '../ports.ts';

/** Paths whose variance is remembered. A forgotten one costs a miss for each spelling of its queries. */
const MAX_REMEMBERED = 10_000;
/** Length limit of one variance. Responses with a longer one are keyed by the full query. */
const MAX_VARIANCE_CHARACTERS = 1_000;

interface Asking extends Pick<ClientRequest, 'scheme' | 'host' | 'content'> {
  readonly target: Pick<ClientRequest['target'], 'path'>;
}

/**
 * The query differences that do not matter, by host and path, as of the origin's last `No-Vary-Search` there. Without
 * one, the full query is in the key.
 */
export class SearchVariances {
  /** In the order in which they were learned, oldest first. */
  readonly #byPath = new Map<string, SearchVariance>();

  /** No path has one. */
  get isEmpty(): boolean {
    return this.#byPath.size === 0;
  }

  of(request: Asking): SearchVariance | undefined {
    // Without the field, a hit must not pay for building the string.
    return this.#byPath.size === 0 ? undefined : this.#byPath.get(pathKey(request));
  }

  learn(request: ClientRequest, variance: SearchVariance | undefined): void {
    if (variance === undefined && this.#byPath.size === 0) return;
    const key = pathKey(request);
    this.#byPath.delete(key);
    if (variance === undefined) return;
    this.#byPath.set(ownText(key), variance);
    if (this.#byPath.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#byPath.keys()) {
      this.#byPath.delete(oldest);
      break;
    }
  }
}

/** The `No-Vary-Search` of a response; undefined if every query difference matters. */
export function varianceOf(headers: Fields): SearchVariance | undefined {
  const value = headers.get('no-vary-search');
  if (value === undefined) return undefined;
  if (value.length > MAX_VARIANCE_CHARACTERS) return undefined;
  const variance = parseNoVarySearch(value);
  const { params, order } = variance;
  const matters = order && 'allBut' in params && params.allBut.length === 0;
  return variance === everyDifference || matters ? undefined : variance;
}

function pathKey({ scheme, host, target, content }: Asking): string {
  return nameOf(`${content === undefined ? '' : `${content.key} `}${scheme}://${host}\n${target.path}`);
}
