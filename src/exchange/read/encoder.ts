import { type BrotliOptions, brotliCompress, constants, gzip } from 'node:zlib';
import type { ContentCoding } from '../../config/model.ts';
import { type Content, lengthOf, ownContent } from '../../http/content.ts';
import { acceptsCoding, isCompressible, wantedCoding } from '../../http/content-coding.ts';
import { allDigests } from '../../http/digests.ts';
import { codedEtag, parseEntityTag, parseEntityTags, weakMatch } from '../../http/etag.ts';
import { type FieldLines, type Fields, headText, without } from '../../http/fields.ts';
import type { Store } from '../../store/store.ts';
import type { Encoded, Preparation, StoredResponse } from '../../store/stored-response.ts';

/** A body below this size fits one packet anyway. */
const MIN_BYTES = 512;
/** A coded body that is larger than this share of the original is not worth its memory. */
const WORTHWHILE = 0.9;
/** Compressions at one time. Each occupies a thread of the pool that file and DNS work also use. */
const MAX_AT_ONCE = 2;
/** Bodies being compressed or waiting. Beyond it, a body is served uncompressed and a later hit tries again. */
const MAX_WAITING = 256;
/** A compromise for bodies compressed once and served often: quality 11 is fifty times slower. */
const BROTLI_QUALITY = 5;

/** The form in which a stored response is sent: as stored, or with a coding made by the gateway. */
export interface Form {
  readonly content: Content;
  readonly clientHeaders: FieldLines;
  readonly etag: string | undefined;
  /** What `FastHits` makes of it. */
  prepared?: Preparation | 'none' | undefined;
}

/** The codings that the gateway may make for a response; undefined if it may make none. */
export function encodable(
  codings: readonly ContentCoding[],
  { status, headers, body, noTransform }: { status: number; headers: Fields; body: Buffer; noTransform: boolean },
): readonly ContentCoding[] | undefined {
  // RFC 9111 §5.2.2.6: no-transform forbids changing the body.
  if (codings.length === 0 || status !== 200 || noTransform || body.byteLength < MIN_BYTES) return undefined;
  return headers.has('content-encoding') || !isCompressible(headers.get('content-type')) ? undefined : codings;
}

/** Selects the form for a request. Ranges refer to the octets as stored, so that they mean the same for all clients. */
export function formFor(request: Fields, stored: StoredResponse): Form {
  const { codings, encoded = {} } = stored;
  const accepted = request.get('accept-encoding');
  if (codings === undefined || accepted === undefined || request.has('range')) return stored;
  const known = currentCopy(request, stored, accepted);
  if (known !== undefined) return known;
  const ready = codings.filter((coding) => typeof encoded[coding] === 'object');
  const coding = wantedCoding(accepted, ready);
  const form = coding === undefined ? undefined : encoded[coding];
  return typeof form === 'object' ? form : stored;
}

/**
 * The form that the client already has, if its entity tag names the present octets in one of the codings. It gets a 304
 * even if that coding is not in memory now (RFC 9110 §13.1.2).
 */
function currentCopy(request: Fields, stored: StoredResponse, accepted: string): Form | undefined {
  const ifNoneMatch = request.get('if-none-match');
  if (ifNoneMatch === undefined || stored.codings === undefined) return undefined;
  const listed = parseEntityTags(ifNoneMatch);
  if (listed === '*') return undefined;
  for (const coding of stored.codings) {
    const etag = codedEtag(stored.etag, coding);
    const tag = parseEntityTag(etag);
    if (tag === undefined || !acceptsCoding(accepted, coding)) continue;
    if (listed.some((each) => weakMatch(each, tag)))
      return { content: stored.content, etag, clientHeaders: headersOf(stored, coding, etag) };
  }
  return undefined;
}

const ofOctets = new Set(['etag', 'content-length', ...allDigests]);

function headersOf({ clientHeaders }: StoredResponse, coding: ContentCoding, etag: string | undefined): string[] {
  const lines = without(clientHeaders, (name) => ofOctets.has(name));
  lines.push('Content-Encoding', coding);
  if (etag !== undefined) lines.push('ETag', etag);
  return lines;
}

/** Compresses stored responses in the background. No client waits for it. */
export class Encoder {
  readonly #store: Store;
  readonly #failed: (error: unknown) => void;
  /** By the body to be compressed. */
  readonly #underway = new Map<Content, Set<ContentCoding>>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #active = 0;

  constructor(store: Store, failed: (error: unknown) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  /** Requests the coding that this client prefers, if it has not been made yet. Returns at once. */
  want(request: Fields, stored: StoredResponse): void {
    if (stored.codings === undefined || request.has('range')) return;
    const coding = wantedCoding(request.get('accept-encoding'), stored.codings);
    if (coding === undefined || stored.encoded?.[coding] !== undefined) return;
    const codings = this.#underway.get(stored.content) ?? new Set();
    if (codings.has(coding) || this.#underway.size >= MAX_WAITING) return;
    this.#underway.set(stored.content, codings.add(coding));
    this.#waiting.push(() => this.#make(request, stored, coding).finally(() => this.#done(stored.content, coding)));
    this.#next();
  }

  #done(body: Content, coding: ContentCoding): void {
    const codings = this.#underway.get(body);
    codings?.delete(coding);
    if (codings?.size === 0) this.#underway.delete(body);
  }

  /** Bodies being compressed or waiting for it. */
  get size(): number {
    return this.#underway.size;
  }

  #next(): void {
    while (this.#active < MAX_AT_ONCE) {
      const task = this.#waiting.shift();
      if (task === undefined) return;
      this.#active += 1;
      task()
        .catch(this.#failed)
        .finally(() => {
          this.#active -= 1;
          this.#next();
        });
    }
  }

  async #make(request: Fields, stored: StoredResponse, coding: ContentCoding): Promise<void> {
    const body = await compress(stored.body, coding);
    // The response may have been invalidated or replaced meanwhile, and must not be stored again.
    const current = this.#store.select(stored.key, request);
    if (current === undefined || !isMadeOf(current, stored)) return;
    const etag = codedEtag(current.etag, coding);
    const form: Encoded =
      body.byteLength > WORTHWHILE * lengthOf(stored.content)
        ? 'not-worthwhile'
        : { content: ownContent(body), etag, clientHeaders: headersOf(current, coding, etag) };
    this.#store.put(current.with({ encoded: { ...current.encoded, [coding]: form } }));
  }
}

/** Whether an encoding made of `stored` is one of `current`, too. */
function isMadeOf(current: StoredResponse, { content, codings, etag, clientHeaders }: StoredResponse): boolean {
  if (current.content !== content || current.codings !== codings || current.etag !== etag) return false;
  return headText(current.clientHeaders) === headText(clientHeaders);
}

function compress(body: Buffer, coding: ContentCoding): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, encoded: Buffer): void => (error === null ? resolve(encoded) : reject(error));
    if (coding === 'gzip') {
      gzip(body, done);
      return;
    }
    const options: BrotliOptions = {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: body.byteLength,
      },
    };
    brotliCompress(body, options, done);
  });
}
