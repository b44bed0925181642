import type { Readable } from 'node:stream';
import type { FieldLines, Fields } from '../http/fields.ts';

/** What the exchanges need of an origin. Implemented by `origin/`, on undici. */
export interface Origin {
  /**
   * Sends one request. Resolves when the head of the final answer has arrived; rejects with an `OriginError`. The body
   * ends, or is destroyed with an `OriginError` (a broken or short body is never a clean end).
   */
  fetch(request: OriginRequest): Promise<OriginResponse>;
}

export interface OriginRequest {
  readonly method: string;
  /** Origin-form, canonical: path and query, without the origin's base path. */
  readonly target: string;
  /** End-to-end fields plus what the gateway adds; `Host` included. Hop-by-hop fields are already gone. */
  readonly headers: FieldLines;
  /** Streamed; framing comes from a `Content-Length` in `headers`, else chunked. */
  readonly body?: Readable | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for each 1xx answer but 101 and 100. */
  readonly onInterim?: ((status: number, headers: FieldLines) => void) | undefined;
}

export interface OriginResponse {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Readable;
  /** Complete once `body` has ended. */
  readonly trailers: () => FieldLines;
}
