import type { Position } from '../coherence/record.ts';
import { pathTag, queryTag, type Tag } from '../coherence/tag.ts';
import type { ContentCoding } from '../config/model.ts';
import type { CacheControl } from '../http/cache-control.ts';
import { type Content, octetsOf } from '../http/content.ts';
import { formatHttpDate, parseHttpDate } from '../http/date.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { ownText } from '../http/own-memory.ts';
import { isCommon, joinedLines, madeBy, namesIn, type Recipe, recipeOf, valuesIn } from './packed-lines.ts';

/** What a stored response is made of. */
export interface StoredParts {
  /** The cache key; variants of one key differ in `selecting`. */
  readonly key: string;
  /** The resource (route/path.ts) and every tag, automatic ones included: what records are matched against. */
  readonly path: string;
  readonly tags: readonly Tag[];
  /** The node's applied position before the first request of the fill; or `UNCONFIRMED`. */
  readonly asOf: Position;
  /** The store's sequence number when it was first put. Responses derived without a new request keep it. */
  readonly since: number | undefined;
  /** How often the store has selected it. */
  readonly uses: number;

  readonly status: number;
  /** The end-to-end fields as the origin sent them. */
  readonly headers: Fields;
  /** The body, in memory of its own. */
  readonly content: Content;
  /** Set for a 206, whose body is a part only. It has a key of its own and never answers a request for the whole. */
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
  /** A request with this as its one preferred language selects the variant; see `selectableLanguage`. */
  readonly language: string | undefined;
}

/** What was prepared of a response. */
export interface Preparation {
  /** It is no longer that of the response, or the response is no longer stored: nothing may be answered with it. */
  retire(): void;
}

/** What few responses have. */
type Rare = Pick<StoredParts, 'part' | 'encoded' | 'vary' | 'selecting' | 'language'>;

/**
 * A complete response, kept for reuse (RFC 9111 §3). Immutable: `with` makes another one of it. There are millions, so
 * what follows from something else, or is the same for many, is not kept in each, but made again whenever it is read.
 */
export class StoredResponse {
  readonly key: string;
  readonly path: string;
  /** The tags but for those of its own path and query; every tag if these are not the first. */
  readonly otherTags: readonly Tag[];
  readonly asOf: Position;
  /** Only the store sets this, `uses`, `touched` and `isSole`; nothing but `prepared` changes besides. */
  since: number | undefined;
  uses: number;
  /** How many responses had been put when it was selected last. */
  touched: number | undefined;
  /** Set by the store: it is stored as the only one of its key, and no field selects it. */
  isSole: boolean;
  /** Set by reads alone: texts of an answer with it (exchange/read/fast-hits.ts). They can be made again. */
  prepared: Preparation | 'none' | undefined;

  readonly status: number;
  readonly content: Content;
  readonly codings: readonly ContentCoding[] | undefined;
  readonly directives: CacheControl;
  readonly lifetimeMs: number;
  readonly initialAgeMs: number;
  readonly respondedAt: number;
  readonly shareable: boolean;
  readonly etag: string | undefined;
  /** Of its tag for path and query. Undefined if `otherTags` are all. */
  readonly #query: string | undefined;
  readonly #names: FieldLines;
  readonly #values: FieldLines;
  readonly #recipe: Recipe;
  readonly #rare: Rare | undefined;

  /** @param before what it derives from */
  constructor(parts: StoredParts, before?: StoredResponse) {
    const { path, tags } = parts;
    this.key = parts.key;
    this.path = path;
    this.#query = queryOf(path, tags);
    this.otherTags = this.#query === undefined ? tags : tags.length === 2 ? none : tags.slice(2);
    this.asOf = parts.asOf;
    this.since = parts.since;
    this.uses = parts.uses;
    this.touched = undefined;
    this.isSole = false;
    this.prepared = undefined;
    this.status = parts.status;
    this.content = parts.content;
    this.codings = parts.codings;
    this.directives = parts.directives;
    this.lifetimeMs = parts.lifetimeMs;
    this.initialAgeMs = parts.initialAgeMs;
    this.respondedAt = parts.respondedAt;
    this.shareable = parts.shareable;
    this.etag = parts.etag;
    const { key, headers, clientHeaders } = parts;
    const { lines } = headers;
    this.#names = namesIn(lines, { key, before: before === undefined ? none : before.#names });
    this.#values = valuesIn(lines);
    const asker = { key, before: before === undefined ? none : before.#recipe };
    this.#recipe = recipeOf(clientHeaders, this.#texts(lines), asker);
    this.#rare = rareIn(parts);
  }

  /** The same response with other parts. */
  with(changes: Partial<StoredParts>): StoredResponse {
    const { key, path, tags, asOf, since, uses, status, headers, content, part, codings, encoded } = this;
    const { clientHeaders, vary, selecting, directives, lifetimeMs, initialAgeMs, respondedAt, shareable } = this;
    const { etag, language } = this;
    const parts = {
      ...{ key, path, tags, asOf, since, uses, status, headers, content, part, codings, encoded },
      ...{ clientHeaders, vary, selecting, directives, lifetimeMs, initialAgeMs, respondedAt, shareable },
      ...{ etag, language },
      ...changes,
    };
    return new StoredResponse(parts, this);
  }

  get tags(): readonly Tag[] {
    if (this.#query === undefined) return this.otherTags;
    return [pathTag(this.path), queryTag(this.path, this.#query), ...this.otherTags];
  }

  /** The tag of its path and query, unless it is among the other tags. */
  get ownQueryTag(): Tag | undefined {
    return this.#query === undefined ? undefined : queryTag(this.path, this.#query);
  }

  get headers(): Fields {
    return new Fields(joinedLines(this.#names, this.#values));
  }

  /** How many lines `headers` has. */
  get fieldCount(): number {
    return this.#names.length;
  }

  /** One field of `headers`, its lines combined. Cheaper than all of them. `wanted` in lower case. */
  field(wanted: string): string | undefined {
    let combined: string | undefined;
    for (let i = 0; i < this.#names.length; i++) {
      const name = this.#names[i] as string;
      if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
      const value = this.#values[i] as string;
      combined = combined === undefined ? value : `${combined}, ${value}`;
    }
    return combined;
  }

  get body(): Buffer {
    return octetsOf(this.content);
  }

  get clientHeaders(): FieldLines {
    return madeBy(this.#recipe, this.#texts(joinedLines(this.#names, this.#values)));
  }

  get vary(): readonly string[] {
    return this.#rare === undefined ? none : this.#rare.vary;
  }

  get selecting(): readonly string[] {
    return this.#rare === undefined ? none : this.#rare.selecting;
  }

  get language(): string | undefined {
    return this.#rare?.language;
  }

  get part(): StoredPart | undefined {
    return this.#rare?.part;
  }

  get encoded(): StoredParts['encoded'] {
    return this.#rare?.encoded;
  }

  get lastModifiedMs(): number | undefined {
    return parseHttpDate(this.field('last-modified') ?? '', this.respondedAt);
  }

  /** The origin's `Date`. */
  get dateMs(): number | undefined {
    return parseHttpDate(this.field('date') ?? '', this.respondedAt);
  }

  /** The texts of its fields that it does not share with others of its kind. */
  eachOwnText(visit: (text: string) => void): void {
    if (!isCommon(this.#names)) for (const name of this.#names) visit(name);
    for (const value of this.#values) visit(value);
    for (const step of this.#recipe) if (typeof step === 'string') visit(step);
  }

  /** The steps of its recipe, unless it shares them with others. */
  get ownSteps(): number {
    return isCommon(this.#recipe) ? 0 : this.#recipe.length;
  }

  /** What the fields that clients get are made of: the origin's, then its entity tag, and when it came. */
  #texts(lines: FieldLines): string[] {
    const isDated = this.#names.some((name) => name.length === 4 && name.toLowerCase() === 'date');
    return [...lines, this.etag ?? '', isDated ? '' : formatHttpDate(this.respondedAt)];
  }
}

/** One list for all that have none. */
const none: readonly string[] = [];

/** The query in the second tag, if the first two are those of its own path and query. */
function queryOf(path: string, [first = '', second = '']: readonly Tag[]): string | undefined {
  const bare = queryTag(path, '');
  if (first !== pathTag(path) || !second.startsWith(bare)) return undefined;
  return second.length === bare.length ? '' : ownText(second.slice(bare.length));
}

function rareIn({ part, encoded, vary, selecting, language }: StoredParts): Rare | undefined {
  const isPlain = vary.length === 0 && language === undefined && part === undefined && encoded === undefined;
  return isPlain ? undefined : { part, encoded, vary, selecting, language };
}

/**
 * In place of a position: a copy that a snapshot brought back and that the origin has not confirmed since. It answers
 * no request. No fence admits a response of this position, so that none can be stored by mistake.
 */
export const UNCONFIRMED: Position = -1;

/** An encoded body, a representation of its own; or `not-worthwhile` if the coding saves too little. */
export type Encoded =
  | 'not-worthwhile'
  | {
      readonly content: Content;
      readonly etag: string | undefined;
      readonly clientHeaders: FieldLines;
      /** As that of a stored response. */
      prepared?: Preparation | 'none' | undefined;
    };

/** Which octets of a representation of `size` octets a 206 contained. */
export interface StoredPart {
  readonly start: number;
  readonly size: number;
  /** The last octet according to the origin's `Content-Range`. Fewer may have arrived. */
  readonly saidEnd: number;
  /** The `Range` that was requested. Undefined once parts were joined. */
  readonly asked: string | undefined;
}
