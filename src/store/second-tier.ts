import type { Fields } from '../http/fields.ts';
import type { StoredResponse } from './stored-response.ts';

/**
 * A store that the nodes share, behind the memory of each. It is asked where memory has nothing, and may fail at any time: then it
 * has nothing, either. What it gives still has to pass the fence of this node.
 */
export interface SecondTier {
  /** The variant of `key` that this request selects, if no record is known to have hit it. `asOf` is as when it was filled. */
  load(key: string, request: Fields): Promise<StoredResponse | undefined>;
  /** Keeps a response that memory has taken. Nobody waits for it but who claimed the key. */
  keep(response: StoredResponse): Promise<void>;
  /**
   * One node of all asks the origin for a cold key: undefined where another one does, and its response should be looked for
   * for a while; else called when the response has been kept, or will not be.
   */
  acquireFillLease(key: string): Promise<(() => void) | undefined>;
  /** The response of the node that has claimed the key, if it comes within a bound. */
  awaited(key: string, request: Fields): Promise<StoredResponse | undefined>;
  /** Whether it is worth asking: it answers, and this node has been one of the others for long enough. */
  readonly usable: boolean;
}

/** Whether a response may be kept where all nodes find it. */
export function isShared({ part, status }: StoredResponse): boolean {
  return part === undefined && status === 200;
}
