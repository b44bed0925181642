import type { Readable } from 'node:stream';
import { type Call, HttpError } from './exchange.ts';

/** Limit on JSON documents and thumbnails, which are held in memory whole. */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * The chunks of a request's body. Leaving the loop early must not close the stream: that would close the connection,
 * and no answer could be sent. Node discards the unread rest after the answer.
 */
export function unclosed(body: Readable): AsyncIterable<Buffer> {
  return body.iterator({ destroyOnReturn: false });
}

/** @throws HttpError 413 */
export async function readBytes(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of unclosed(body)) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      throw new HttpError(413, 'too_large', `A body may have ${MAX_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws HttpError 400 not JSON, 413 too large, 415 not labelled as JSON */
export async function readJson(call: Call): Promise<unknown> {
  const type = mediaType(call);
  if (type !== 'application/json' && !type.endsWith('+json')) {
    throw new HttpError(415, 'unsupported_media_type', 'The body must be application/json.');
  }
  const bytes = await readBytes(call.body);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new HttpError(400, 'bad_request', `The body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** The media type in lower case, without parameters; empty when there is none. */
export function mediaType(call: Call): string {
  return (call.headers['content-type'] ?? '').split(';', 1).join('').trim().toLowerCase();
}
