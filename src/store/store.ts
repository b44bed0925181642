import type { Coverage, Tag } from '../coherence/tag.ts';
import type { Fields } from '../http/fields.ts';
import type { StoredResponse } from './stored-response.ts';

/** Why a response was not stored. */
export type Refusal = 'newer-record' | 'newer-variant' | 'quarantined' | 'too-large';

/** Stored responses, by cache key and variant. Every implementation runs test/store/contract.ts. */
export interface Store {
  /** The newest variant of `key` that this request selects (RFC 9111 §4.1), fresh or not. */
  select(key: string, request: Fields): StoredResponse | undefined;
  /** The `Vary` names of the newest variant of `key`; undefined where none is stored. */
  varyOf(key: string): readonly string[] | undefined;
  /** Stores, replacing the same variant; refuses what a record after `response.asOf` has hit (invariant 1). */
  put(response: StoredResponse): Refusal | undefined;
  /** Everything that carries a tag. */
  tagged(tag: Tag): readonly StoredResponse[];
  /** Of the last response that was put: what is put later has a larger one. */
  readonly sequence: number;
  /** Removes one response if it is still there. */
  remove(response: StoredResponse): void;
  /** Everything that an invalidation would remove, at the same cost. */
  coveredBy(coverage: Coverage): ReadonlySet<StoredResponse>;
  /** Removes everything hit. Returns how many. The cost follows what is removed, not what is stored. */
  invalidate(coverage: Coverage): number;
  readonly size: number;
  readonly bytes: number;
}
