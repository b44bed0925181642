import type { Filter } from './filter.ts';
import type { Missed } from './replay.ts';
import type { Rights } from './rights.ts';

export interface Subscription {
  /** Undefined: nothing, until it is changed. */
  readonly filter: Filter | undefined;
  readonly rights: Rights;
  /** The last event that the subscriber has seen. Absent: it receives events from now on. */
  readonly lastEventId?: string | undefined;
  /** Events that this client caused are not sent. */
  readonly client?: string | undefined;
}

export interface Change {
  /** Selects events from now on. Undefined: nothing. */
  readonly filter: Filter | undefined;
  /** Earlier events that the subscriber is sent because of the change. */
  readonly missed?: Pick<Missed, 'frames' | 'resync'> & { readonly lastEventId: string };
  /** What is written when everything up to an id has been sent. */
  readonly confirm: (id: string) => Buffer;
}

export interface Subscriber {
  /**
   * From this index on, the subscriber gets every event that it selects. A resync raises it: what it skips is not sent.
   */
  readonly from: number;
  /** Writes to the subscriber, unless it reads too slowly. */
  send(bytes: Buffer): void;
  /**
   * Changes the filter at a position between two events: the old filter selects those before it, the new one those
   * behind it. Returns the index of the first event that the subscriber gets because of the change.
   */
  change(change: Change): number;
  /** Ends the subscription. Does not end the sink. */
  unsubscribe(): void;
}
