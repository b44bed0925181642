import { GatewayError } from '../errors.ts';
import { checkFilter } from './asked.ts';
import type { Filter } from './filter.ts';
import { FramesOf } from './frames-of.ts';
import type { HeldEvent } from './held-event.ts';
import type { Rights } from './rights.ts';
import { Topic } from './topic.ts';
import { TopicIndex } from './topic-index.ts';
import type { Prepared } from './wire.ts';

/** However little each of them selects, it is compared with events that a later one has missed. */
const MAX_SUBSCRIPTIONS = 64;

/** One of a WebSocket's subscriptions. */
interface Part {
  readonly filter: Filter;
  /** Index of the event from which on its client gets everything for it. */
  from: number;
}

/**
 * The filters of one WebSocket, by the names that its client gave them. The client is sent what any of them selects,
 * once. Together they are bounded as the filter of one event stream is.
 */
export class FilterSet {
  readonly #parts = new Map<string, Part>();
  readonly #rights: Rights;
  #from = 0;

  /** @param rights what the client may see */
  constructor(rights: Rights) {
    this.#rights = rights;
  }

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
   * Notes the index from which on the connection was sent everything. If a resync has raised it, earlier events count
   * as unsent for every filter: a resync skips to the end, and all of them began before.
   */
  sentFrom(index: number): void {
    if (index === this.#from) return;
    this.#from = index;
    for (const part of this.#parts.values()) part.from = index;
  }

  /**
   * What to send of events from before a filter was added: of those that the filter selects, and that no other one that
   * was there already does.
   */
  missedBy(ref: string, filter: Filter): (event: HeldEvent, index: number) => Prepared | undefined {
    const frames = this.#framesFor(filter);
    const others = this.#others(ref).map((part) => ({ from: part.from, frames: this.#framesFor(part.filter) }));
    return (event, index) => {
      const found = frames(event);
      const isSent = found && others.some((other) => other.from <= index && other.frames(event) !== undefined);
      return isSent === true ? undefined : found;
    };
  }

  /** What the client gets of an event with this filter alone. */
  #framesFor(filter: Filter): (event: HeldEvent) => Prepared | undefined {
    const topics = new TopicIndex();
    topics.add(new Topic(filter, this.#rights));
    return (event) => {
      for (const topic of topics.matching(event)) {
        if (topic !== undefined) return new FramesOf(event).for(topic);
      }
      return undefined;
    };
  }

  #others(ref: string): Part[] {
    return [...this.#parts].filter(([name]) => name !== ref).map(([, part]) => part);
  }
}

function unionOf(filters: readonly Filter[]): Filter {
  const isEverything = filters.some(({ match, tags }) => match.length + tags.length === 0);
  return isEverything ? { match: [], tags: [] } : joined(filters);
}

function joined(filters: readonly Filter[]): Filter {
  return { match: filters.flatMap(({ match }) => match), tags: filters.flatMap(({ tags }) => tags) };
}
