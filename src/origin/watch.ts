import type { OriginError } from '../errors.ts';
import type { Origin, OriginRequest, OriginResponse } from '../exchange/ports.ts';
import type { Fields } from '../http/fields.ts';

/** Watches a request on its way to an origin and back. What is asked and told here costs each request. */
export interface Watch {
  /** Asked just before the first byte is sent, of each attempt. An error: it must not be, and fails with that. */
  refusal(): OriginError | undefined;
  /** The head of the final answer has come. `upgraded`: it is all that comes. */
  answered(status: number, headers: Fields, upgraded: boolean): void;
  /** The body has arrived to its end. */
  ended(): void;
  /** The body broke off, or nobody needs the rest. A request without an answer is not told: its promise rejects. */
  brokeOff(error: OriginError): void;
}

export interface WatchableOrigin extends Origin {
  fetch(request: OriginRequest, watch?: Watch): Promise<OriginResponse>;
}
