import type { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Fields } from '../http/fields.ts';
import { parseJson } from '../rules/json.ts';
import type { Json } from '../rules/types.ts';

/** A decoded body is at most this many times its encoded size, and this large: stops decompression bombs. */
const MAX_DECODING_RATIO = 100;
const MAX_DECODED_BYTES = 8 * 1024 * 1024;

const decoders: Record<string, typeof gunzipSync> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** The JSON of a complete body, its content coding undone, for rules and tags to select from. */
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
    // Malformed, or beyond the bound: the caller widens, which is what a body that cannot be read must lead to.
    return { missing: 'encoded' };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a body that is JSON as it is, without a content coding; undefined otherwise. */
export function textOf(body: Buffer, headers: Fields): string | undefined {
  if (headers.has('content-encoding')) return undefined;
  const json: Json = readJson(body, headers);
  // A byte order mark is no part of a value that goes into another text.
  if (!('value' in json) || (body[0] === 0xef && body[1] === 0xbb)) return undefined;
  return utf8.decode(body);
}

/** The first bytes of a stream, kept while it flows on to where it goes. */
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

  /** Everything added, unless it was too much. */
  body(): Buffer {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
  }
}

/** Reads a stream up to `maxBytes`, or until `stopped`. What was read is put back when there is more, for the rest to be streamed. */
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
