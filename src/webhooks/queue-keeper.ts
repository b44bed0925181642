/** What a step of the keeper found. */
export type Taken =
  /** Another process delivers to the endpoint. */
  | { readonly held: false }
  /** `stored`: the queue, if it was asked for and there is one. `orders`: what operators have left for the holder. */
  | { readonly held: true; readonly stored: string | undefined; readonly orders: readonly string[] };

/**
 * Keeps the queues of endpoints where all processes reach them, and says which of them delivers. Each method is one
 * atomic step, and rejects if the keeper cannot be reached; it may have made the step all the same.
 */
export interface QueueKeeper {
  /** Takes the lease of an endpoint, or renews it. `wants`: the queue, too. */
  take(
    endpoint: string,
    lease: { readonly holder: string; readonly ms: number; readonly wants: boolean },
  ): Promise<Taken>;
  /** Stores the queue. False: another process has taken the lease, and what it has stored stays. */
  save(endpoint: string, holder: string, queue: string): Promise<boolean>;
  /** Gives the lease back, so that the next process does not wait for its end. */
  release(endpoint: string, holder: string): Promise<void>;
  /** The queue as it was stored last. */
  read(endpoint: string): Promise<string | undefined>;
  /** Leaves an order to whoever delivers. */
  order(endpoint: string, order: string): Promise<void>;
}
