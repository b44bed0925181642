import type { Position } from '../coherence/record.ts';
import type { Tag } from '../coherence/tag.ts';
import type { ContentCoding } from '../config/model.ts';
import type { CacheControl } from '../http/cache-control.ts';
import type { FieldLines, Fields } from '../http/fields.ts';

/** A complete response, kept for reuse (RFC 9111 §3). Immutable: freshening makes a new one. */
export interface StoredResponse {
  /** The cache key; variants of one key differ in `selecting`. */
  readonly key: string;
  /** The resource (route/path.ts) and every tag, automatic ones included: what invalidations hit. */
  readonly path: string;
  readonly tags: readonly Tag[];
  /** The position before which the fill had not asked anyone for anything. */
  readonly asOf: Position;
  /** The store's sequence number when it was put first. What is derived from it without asking anyone keeps it. */
  since?: number | undefined;
  /** How often the store has selected it. This and `since` are the store's, and all that changes. */
  uses?: number;

  readonly status: number;
  /** The end-to-end fields as the origin sent them. */
  readonly headers: Fields;
  readonly body: Buffer;
  /** Of a 206, whose `body` is a part only. Kept under a key of its own; never an answer to a request for the whole. */
  readonly part?: StoredPart;
  /** The content codings in which it is served to clients that take them; undefined where it is served as it is. */
  readonly codings?: readonly ContentCoding[];
  /** Those that have been made of the body. */
  readonly encoded?: Readonly<Partial<Record<ContentCoding, Encoded>>>;
  /** What clients get: `headers` with the route's `Cache-Control` and `ETag`; without `Age`. */
  readonly clientHeaders: FieldLines;

  /** Names from `Vary`, and the normalised values of the request that was answered. */
  readonly vary: readonly string[];
  readonly selecting: readonly string[];

  readonly directives: CacheControl;
  readonly lifetimeMs: number;
  readonly initialAgeMs: number;
  /** Wall clock. */
  readonly respondedAt: number;
  /** The origin explicitly allows use for requests with credentials (RFC 9111 §3.5). */
  readonly shareable: boolean;
  /** The `ETag` that clients get, the gateway's own where the origin sends none. */
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  /** Of the origin's `Date`. */
  readonly dateMs: number | undefined;
  /** A request whose one preferred language this is selects the variant; see `selectableLanguage`. */
  readonly language: string | undefined;
}

/** A coding of a stored body, a representation of its own; or that it saves too little to be kept. */
export type Encoded =
  | 'not-worthwhile'
  | { readonly body: Buffer; readonly etag: string | undefined; readonly clientHeaders: FieldLines };

/** Which octets of a representation of `size` octets a 206 brought. */
export interface StoredPart {
  readonly start: number;
  readonly size: number;
  /** The last octet by the origin's `Content-Range`; there may be fewer than it says. */
  readonly saidEnd: number;
  /** The `Range` that was asked for; undefined once parts were joined. */
  readonly asked: string | undefined;
}
