import type { Coverage, Tag } from '../coherence/tag.ts';
import type { Fields } from '../http/fields.ts';
import type { StoredResponse } from './stored-response.ts';

/** Why a response was not stored. `not-admitted`: what it would have to replace is asked for more often. */
export type Refusal = 'newer-record' | 'newer-variant' | 'quarantined' | 'too-large' | 'not-admitted';

/** Stored responses, by cache key and variant. */
export interface Store {
  /** The newest variant of `key` that this request selects (RFC 9111 §4.1), fresh or not. */
  select(key: string, request: Fields): StoredResponse | undefined;
  /**
   * Whether `select` would give this response to whatever request has its key: it is stored, alone, and selected by no
   * field. Then it counts as selected. Costs no look-up.
   */
  selectSole(response: StoredResponse): boolean;
  /**
   * A copy out of a snapshot that this request selects, to be confirmed by the origin: it must answer nothing before.
   * No other method gives one to a reader.
   */
  unconfirmed(key: string, request: Fields): StoredResponse | undefined;
  /** The `Vary` names of the newest variant of `key`. Undefined if none is stored. */
  varyOf(key: string): readonly string[] | undefined;
  /** Whether any part of a representation is stored: most stores have none to look for. */
  readonly hasParts: boolean;
  /** Stores, replacing the same variant. Refuses what a record after `response.asOf` covers (invariant 1). */
  put(response: StoredResponse): Refusal | undefined;
  /** Every response that carries a tag, except unconfirmed copies. */
  tagged(tag: Tag): readonly StoredResponse[];
  /** Sequence number of the last response that was put. Later ones have larger numbers. */
  readonly sequence: number;
  /** Removes one response if it is still there. */
  remove(response: StoredResponse): void;
  /** Every response that an invalidation would remove, unconfirmed copies included, at the same cost. For counting. */
  coveredBy(coverage: Coverage): ReadonlySet<StoredResponse>;
  /** Removes every response covered. Returns how many. The cost depends on what is removed, not on what is stored. */
  invalidate(coverage: Coverage): number;
  readonly size: number;
  readonly bytes: number;
}
