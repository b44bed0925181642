import { type BrotliOptions, brotliCompress, constants, gzip } from 'node:zlib';
import type { ContentCoding } from '../../config/model.ts';
import { acceptsCoding, isCompressible, wantedCoding } from '../../http/content-coding.ts';
import { codedEtag, parseEntityTag, parseEntityTags, weakMatch } from '../../http/etag.ts';
import { type FieldLines, type Fields, without } from '../../http/fields.ts';
import { ownBytes } from '../../http/own-memory.ts';
import type { Store } from '../../store/store.ts';
import type { Encoded, StoredResponse } from '../../store/stored-response.ts';

/** Below it, a body is one packet anyway. */
const MIN_BYTES = 512;
/** A coding that saves less than this share is not worth its place in memory. */
const WORTHWHILE = 0.9;
/** Compressions at one time: each takes a thread of the pool that file and DNS work share. */
const MAX_AT_ONCE = 2;
/** Under way and waiting; beyond it a body is served as it is, and tried again by a later hit. */
const MAX_WAITING = 256;
/** Made once and served often, but not at any price: 11, brotli's best, is fifty times slower. */
const BROTLI_QUALITY = 5;

/** What a client gets of a stored response: its own octets, or a coding of them. */
export interface Form {
  readonly body: Buffer;
  readonly clientHeaders: FieldLines;
  readonly etag: string | undefined;
}

/** The codings in which a response is to be served, where it can be; undefined otherwise. */
export function encodable(
  codings: readonly ContentCoding[],
  { status, headers, body, noTransform }: { status: number; headers: Fields; body: Buffer; noTransform: boolean },
): readonly ContentCoding[] | undefined {
  // RFC 9111 §5.2.2.6: with no-transform it is nobody's to change.
  if (codings.length === 0 || status !== 200 || noTransform || body.byteLength < MIN_BYTES) return undefined;
  return headers.has('content-encoding') || !isCompressible(headers.get('content-type')) ? undefined : codings;
}

/** The form that a request is answered with. Ranges are of the octets as they are, so that all clients mean the same ones. */
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
 * A client that has a coding of the present octets gets a 304 for it, made here at the moment or not (RFC 9110 §13.1.2): its
 * entity tag names them and the coding.
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
      return { ...stored, etag, clientHeaders: headersOf(stored, coding, etag) };
  }
  return undefined;
}

function headersOf({ clientHeaders }: StoredResponse, coding: ContentCoding, etag: string | undefined): string[] {
  const lines = without(clientHeaders, (name) => name === 'etag' || name === 'content-length');
  lines.push('Content-Encoding', coding);
  if (etag !== undefined) lines.push('ETag', etag);
  return lines;
}

/** Makes codings of stored responses behind their clients' backs: nobody waits for one. */
export class Encoder {
  readonly #store: Store;
  readonly #failed: (error: unknown) => void;
  /** By the octets that they are made of. */
  readonly #underway = new Map<Buffer, Set<ContentCoding>>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #active = 0;

  constructor(store: Store, failed: (error: unknown) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  /** Notes that this client would have had a coding that is not there yet. Returns at once. */
  want(request: Fields, stored: StoredResponse): void {
    if (stored.codings === undefined || request.has('range')) return;
    const coding = wantedCoding(request.get('accept-encoding'), stored.codings);
    if (coding === undefined || stored.encoded?.[coding] !== undefined) return;
    const codings = this.#underway.get(stored.body) ?? new Set();
    if (codings.has(coding) || this.#underway.size >= MAX_WAITING) return;
    this.#underway.set(stored.body, codings.add(coding));
    this.#waiting.push(() => this.#make(request, stored, coding).finally(() => this.#done(stored.body, coding)));
    this.#next();
  }

  #done(body: Buffer, coding: ContentCoding): void {
    const codings = this.#underway.get(body);
    codings?.delete(coding);
    if (codings?.size === 0) this.#underway.delete(body);
  }

  /** Bodies of which codings are being made, or about to be. */
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
    const body = ownBytes(await compress(stored.body, coding));
    // Invalidated or replaced meanwhile: what it was made of must not come back.
    const current = this.#store.select(stored.key, request);
    if (current === undefined || current.body !== stored.body || current.clientHeaders !== stored.clientHeaders) return;
    const etag = codedEtag(current.etag, coding);
    const form: Encoded =
      body.byteLength > WORTHWHILE * stored.body.byteLength
        ? 'not-worthwhile'
        : { body, etag, clientHeaders: headersOf(current, coding, etag) };
    this.#store.put({ ...current, encoded: { ...current.encoded, [coding]: form } });
  }
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
