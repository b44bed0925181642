import type { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Fields } from '../http/fields.ts';
import { parseJson } from '../rules/json.ts';
import type { Json } from '../rules/types.ts';

/** Limits on a decoded body, relative to its encoded size and absolute. They stop decompression bombs. */
const MAX_DECODING_RATIO = 100;
const MAX_DECODED_BYTES = 8 * 1024 * 1024;

const decoders: Record<string, typeof gunzipSync> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** Parses a complete body as JSON after undoing its content coding. Rules and tags select from the result. */
export function readJson(body: Buffer, headers: Fields): Json {
  if (body.byteLength === 0) return { missing: 'absent' };
  const coding = (headers.get('content-encoding') ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') return parseJson(body, headers.get('content-type'));
  const decode = decoders[coding];
  if (decode === undefined) return { missing: 'encoded' };
  try {
    const maxOutputLength = Math.min(MAX_DECODED_BYTES, body.byteLength * MAX_DECODING_RATIO + 1024);
    return parseJson(decode(body, { maxOutputLength }), headers.get('content-type'));
  } catch {
    // Malformed or beyond the limits. The caller falls back to a wildcard, as for any body that it cannot read.
    return { missing: 'encoded' };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a JSON body without a content coding; undefined for any other body. */
export function textOf(body: Buffer, headers: Fields): string | undefined {
  if (headers.has('content-encoding')) return undefined;
  const json: Json = readJson(body, headers);
  // A byte order mark would end up in the middle of the document that the value is copied into.
  if (!('value' in json) || (body[0] === 0xef && body[1] === 0xbb)) return undefined;
  return utf8.decode(body);
}

/** Keeps a copy of a stream while it is forwarded, up to `maxBytes`. */
export class Capture {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #overflowed = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.byteLength;
    if (this.#overflowed || this.#bytes > this.#maxBytes) {
      this.#overflowed = true;
      this.#chunks = [];
    } else {
      this.#chunks.push(chunk);
    }
  }

  /** Keeps nothing, whatever it was. */
  drop(): void {
    this.#overflowed = true;
    this.#chunks = [];
  }

  get bytes(): number {
    return this.#bytes;
  }

  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** Everything that was added; empty after an overflow. */
  body(): Buffer {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
  }
}

/**
 * Reads a stream up to `maxBytes`, or until `stopped`. Returns the head and an iterator over the rest if it is longer.
 */
export async function readUpTo(
  stream: Readable,
  maxBytes: number,
  stopped: () => boolean = () => false,
): Promise<{ whole: Buffer } | { head: Buffer; rest: AsyncIterator<Buffer> }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const { value, done } = await iterator.next();
    if (done === true) return { whole: Buffer.concat(chunks) };
    chunks.push(value);
    bytes += value.byteLength;
    if (bytes > maxBytes || stopped()) return { head: Buffer.concat(chunks), rest: iterator };
  }
}
