import type { Position } from '../coherence/record.ts';
import type { Tag } from '../coherence/tag.ts';
import type { ContentCoding } from '../config/model.ts';
import type { CacheControl } from '../http/cache-control.ts';
import type { FieldLines, Fields } from '../http/fields.ts';

/**
 * A complete response, kept for reuse (RFC 9111 §3). Immutable: freshening creates a new one. No property is optional:
 * objects that are made with the same properties share their description, which is larger than they are.
 */
export interface StoredResponse {
  /** The cache key; variants of one key differ in `selecting`. */
  readonly key: string;
  /** The resource (route/path.ts) and every tag, automatic ones included: what records are matched against. */
  readonly path: string;
  readonly tags: readonly Tag[];
  /** The node's applied position before the first request of the fill; or `UNCONFIRMED`. */
  readonly asOf: Position;
  /** The store's sequence number when it was first put. Responses derived without a new request keep it. */
  since: number | undefined;
  /** How often the store has selected it. Only the store sets this, `since` and `touched`; nothing else changes. */
  uses: number;
  /** How many responses had been put when it was selected last. */
  touched: number | undefined;

  readonly status: number;
  /** The end-to-end fields as the origin sent them. */
  readonly headers: Fields;
  readonly body: Buffer;
  /** Set for a 206, whose `body` is a part only. It has a key of its own and never answers a request for the whole. */
  readonly part: StoredPart | undefined;
  /** The content codings in which it is served to clients that accept them. Undefined: served as it is. */
  readonly codings: readonly ContentCoding[] | undefined;
  /** Encodings of the body that have been made so far. */
  readonly encoded: Readonly<Partial<Record<ContentCoding, Encoded>>> | undefined;
  /** The fields that clients get: `headers` with the route's `Cache-Control` and `ETag`, without `Age`. */
  readonly clientHeaders: FieldLines;

  /** Names from `Vary`, and the normalised values of the request that it answered. */
  readonly vary: readonly string[];
  readonly selecting: readonly string[];

  readonly directives: CacheControl;
  readonly lifetimeMs: number;
  readonly initialAgeMs: number;
  /** Wall clock, in milliseconds since 1970. */
  readonly respondedAt: number;
  /** The origin explicitly allows use for requests with credentials (RFC 9111 §3.5). */
  readonly shareable: boolean;
  /** The `ETag` that clients get: the gateway's own if the origin sends none. */
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  /** The origin's `Date`. */
  readonly dateMs: number | undefined;
  /** A request with this as its one preferred language selects the variant; see `selectableLanguage`. */
  readonly language: string | undefined;
}

/**
 * In place of a position: a copy that a snapshot brought back and that the origin has not confirmed since. It answers
 * no request. No fence admits a response of this position, so that none can be stored by mistake.
 */
export const UNCONFIRMED: Position = -1;

/** An encoded body, a representation of its own; or `not-worthwhile` if the coding saves too little. */
export type Encoded =
  | 'not-worthwhile'
  | { readonly body: Buffer; readonly etag: string | undefined; readonly clientHeaders: FieldLines };

/** Which octets of a representation of `size` octets a 206 contained. */
export interface StoredPart {
  readonly start: number;
  readonly size: number;
  /** The last octet according to the origin's `Content-Range`. Fewer may have arrived. */
  readonly saidEnd: number;
  /** The `Range` that was requested. Undefined once parts were joined. */
  readonly asked: string | undefined;
}
