import { GatewayError } from '../errors.ts';
import { checkFilter } from './asked.ts';
import type { HeldEvent } from './held-event.ts';
import { type Filter, Topic } from './topic.ts';
import { TopicIndex } from './topic-index.ts';

/** However little each of them selects, it is compared with events that a later one has missed. */
const MAX_SUBSCRIPTIONS = 64;

/** One of a WebSocket's subscriptions. */
interface Part {
  readonly filter: Filter;
  /** Index of the first event that its client gets for it. */
  readonly from: number;
}

type Names = Pick<HeldEvent, 'paths' | 'tags'>;

/**
 * The filters of one WebSocket, by the names that its client gave them. The client is sent what any of them selects,
 * once. Together they are bounded as the filter of one event stream is.
 */
export class FilterSet {
  readonly #parts = new Map<string, Part>();

  has(ref: string): boolean {
    return this.#parts.has(ref);
  }

  /**
   * What all filters select, with this one added, or in the place of the one with this name.
   * @throws GatewayError if there are too many
   */
  unionWith(ref: string, filter: Filter): Filter {
    const filters = [...this.#others(ref).map((part) => part.filter), filter];
    if (filters.length > MAX_SUBSCRIPTIONS) {
      throw new GatewayError('badRequest', `more than ${MAX_SUBSCRIPTIONS} subscriptions of one connection`);
    }
    try {
      // All are counted, even if one of them selects everything: it may be the first to go.
      checkFilter(joined(filters));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      throw new GatewayError('badRequest', `with the other subscriptions of this connection: ${error.message}`);
    }
    return unionOf(filters);
  }

  /** What the other filters select. Undefined if there are none. */
  unionWithout(ref: string): Filter | undefined {
    const filters = this.#others(ref).map(({ filter }) => filter);
    return filters.length === 0 ? undefined : unionOf(filters);
  }

  /** @param from index of the first event that the client gets for this filter */
  set(ref: string, filter: Filter, from: number): void {
    this.#parts.set(ref, { filter, from });
  }

  delete(ref: string): void {
    this.#parts.delete(ref);
  }

  /**
   * Whether an event from before a filter was added has to be sent for it: the filter selects the event, and no other
   * one that was there already does.
   */
  missedBy(ref: string, filter: Filter): (event: Names, index: number) => boolean {
    const topics = indexOf(filter);
    const others = this.#others(ref).map((part) => ({ from: part.from, topics: indexOf(part.filter) }));
    return (event, index) =>
      selects(topics, event) && !others.some((part) => part.from <= index && selects(part.topics, event));
  }

  #others(ref: string): Part[] {
    return [...this.#parts].filter(([name]) => name !== ref).map(([, part]) => part);
  }
}

function indexOf(filter: Filter): TopicIndex {
  const topics = new TopicIndex();
  topics.add(new Topic(filter));
  return topics;
}

function selects(topics: TopicIndex, event: Names): boolean {
  for (const topic of topics.matching(event)) if (topic !== undefined) return true;
  return false;
}

function unionOf(filters: readonly Filter[]): Filter {
  const isEverything = filters.some(({ match, tags }) => match.length + tags.length === 0);
  return isEverything ? { match: [], tags: [] } : joined(filters);
}

function joined(filters: readonly Filter[]): Filter {
  return { match: filters.flatMap(({ match }) => match), tags: filters.flatMap(({ tags }) => tags) };
}
