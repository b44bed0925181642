import type { Fields } from '../http/fields.ts';
import type { StoredResponse } from './stored-response.ts';

/**
 * A store that the nodes share, behind the memory of each. Asked when memory has nothing. It may fail at any time,
 * which counts as a miss. What it returns still has to pass this node's fence.
 */
export interface SecondTier {
  /**
   * The variant of `key` that this request selects, unless a record is known to cover it. `asOf` is that of its fill.
   */
  load(key: string, request: Fields): Promise<StoredResponse | undefined>;
  /** Stores a response that memory has stored. Only the holder of the key's fill lease waits for it. */
  keep(response: StoredResponse): Promise<void>;
  /**
   * Lets one node ask the origin for a cold key. Undefined: another node holds the lease; wait for its response with
   * `awaited`. Otherwise a function that releases the lease, called once the response has been kept, or will not be.
   */
  acquireFillLease(key: string): Promise<(() => void) | undefined>;
  /** The response of the node that holds the fill lease, if it comes within a bound. */
  awaited(key: string, request: Fields): Promise<StoredResponse | undefined>;
  /** Whether it is worth asking: the tier answers, and every record from before this node joined is published there. */
  readonly usable: boolean;
}

/** Whether a response may be stored where all nodes find it. */
export function isShared({ part, status }: StoredResponse): boolean {
  return part === undefined && status === 200;
}
