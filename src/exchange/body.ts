import type { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Fields } from '../http/fields.ts';
import { parseJson } from '../rules/json.ts';
import type { Json } from '../rules/types.ts';
import type { AnswerBody } from './ports.ts';

/** Limits on a decoded body, relative to its encoded size and absolute. They stop decompression bombs. */
const MAX_DECODING_RATIO = 100;
const MAX_DECODED_BYTES = 8 * 1024 * 1024;

const decoders: Record<string, typeof gunzipSync> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** The content codings that can be undone. */
export const knownCodings: readonly string[] = Object.keys(decoders);

/** Parses a complete body as JSON after undoing its content coding. Rules and tags select from the result. */
export function readJson(body: Buffer, headers: Fields): Json {
  if (body.byteLength === 0) return { missing: 'absent' };
  const decoded = decodedBody(body, headers);
  // The caller falls back to a wildcard, as for any body that it cannot read.
  return decoded === undefined ? { missing: 'encoded' } : parseJson(decoded, headers.get('content-type'));
}

/** A complete body without its content coding; undefined if that is unknown, malformed, or beyond the limits. */
export function decodedBody(body: Buffer, headers: Fields): Buffer | undefined {
  const coding = (headers.get('content-encoding') ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') return body;
  const decode = decoders[coding];
  if (decode === undefined) return undefined;
  try {
    const maxOutputLength = Math.min(MAX_DECODED_BYTES, body.byteLength * MAX_DECODING_RATIO + 1024);
    return decode(body, { maxOutputLength });
  } catch {
    return undefined;
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

/** The start of a body, or all of it. */
export type ReadBody = { readonly whole: Buffer } | { readonly head: Buffer; readonly rest: Readable };

/**
 * Reads a stream up to `maxBytes`, or until `goesOn` returns false for a chunk. Returns the head, and the stream with
 * the rest if it is longer. Rejects with what `goesOn` throws, or with the failure of the stream.
 */
export async function readUpTo(
  stream: Readable,
  maxBytes: number,
  goesOn: (chunk: Buffer) => boolean = () => true,
): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const rest = await takeChunks(stream, (chunk) => {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    return goesOn(chunk) && bytes <= maxBytes;
  });
  const read = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  return rest === undefined ? { whole: read } : { head: read, rest };
}

/** The same for the body of an answer, which mostly is there whole. */
export function readAnswerUpTo(body: AnswerBody, maxBytes: number): Promise<ReadBody> | ReadBody {
  const whole = body.whole();
  return whole === undefined || whole.byteLength > maxBytes ? readUpTo(body.stream(), maxBytes) : { whole };
}

/** The body of an answer that comes from elsewhere than a connection. */
export function bodyOf(stream: Readable): AnswerBody {
  return { whole: () => undefined, stream: () => stream, destroy: () => void stream.destroy() };
}

/**
 * Hands over each chunk of a stream as it arrives, until `take` returns false. Resolves with the stream, paused before
 * the rest, or undefined at the end. Rejects with what `take` throws, or with the failure of the stream.
 *
 * Listens to events: an iterator costs a promise for each chunk, and nearly all bodies are one chunk.
 */
export function takeChunks(stream: Readable, take: (chunk: Buffer) => boolean): Promise<Readable | undefined> {
  return new Promise((resolve, reject) => {
    if (stream.destroyed) {
      reject(stream.errored ?? new Error('the body was destroyed before it was read'));
      return;
    }
    const stop = (): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
    };
    const onError = (error: unknown): void => {
      stop();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      try {
        if (take(chunk)) return;
        stream.pause();
        stop();
        resolve(stream);
      } catch (error) {
        stream.pause();
        onError(error);
      }
    };
    const onEnd = (): void => {
      stop();
      resolve(undefined);
    };
    const onClose = (): void => onError(new Error('the body ended before it was complete'));
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}
