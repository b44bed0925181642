/** The destination of a subscriber's bytes: a socket, or a response that writes directly to one. */
export interface Sink {
  readonly writableLength: number;
  /** Returns false if nothing more should be written before `drain`. */
  write(bytes: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  cork(): void;
  uncork(): void;
  /** Whether the subscriber has been sent heartbeats that it had to answer, and has not. */
  readonly isSilent?: boolean;
  end(why: Ending): void;
}

/**
 * Why a subscription ends: the gateway stops, the node is cut off from the others, the rights expire, or the subscriber
 * reads too slowly or answers no heartbeats.
 */
export type Ending = 'draining' | 'away' | 'expired' | 'slow' | 'silent';
