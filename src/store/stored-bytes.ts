import type { FieldLines } from '../http/fields.ts';
import type { StoredResponse } from './stored-response.ts';

/**
 * What a response costs besides its texts and octets: objects, index entries, its own array buffer. Includes the texts
 * of an ordinary response, and the first segments of its path. Measured by the bench (`million`).
 */
const OVERHEAD_BYTES = 700;
/** Cost of a tag that no other response has: its text, and its entry in the map of all tags. */
const TAG_BYTES = 120;
/** Cost of one more text: its slot in an array, and its object, which clients' fields share with the origin's. */
const TEXT_BYTES = 20;
const COVERED_TEXTS = 12;
/** Cost of one more path segment that no other response has: a node of the index with its map. */
const SEGMENT_BYTES = 400;
const COVERED_SEGMENTS = 8;

/** Bytes that a stored response is charged for: all the memory that it alone retains. */
export function storedBytes(response: StoredResponse): number {
  const { key, path, tags, vary, selecting, headers, clientHeaders, encoded, directives, etag, language, part } =
    response;
  let bytes = OVERHEAD_BYTES + response.body.byteLength + 2 * key.length + path.length;
  for (const tag of tags) bytes += 2 * tag.length + TAG_BYTES;
  let texts = -COVERED_TEXTS;
  const count = (more: readonly string[] | FieldLines): void => {
    texts += more.length;
    for (const text of more) bytes += text.length;
  };
  for (const list of [headers.lines, clientHeaders, vary, selecting]) count(list);
  for (const limit of [directives.noCache, directives.private]) if (typeof limit !== 'boolean') count(limit);
  for (const form of Object.values(encoded ?? {})) {
    if (typeof form !== 'object') continue;
    bytes += OVERHEAD_BYTES + form.body.byteLength + (form.etag?.length ?? 0);
    count(form.clientHeaders);
  }
  bytes += (etag?.length ?? 0) + (language?.length ?? 0) + (part?.asked?.length ?? 0);
  const segments = path.split('/').length - COVERED_SEGMENTS;
  return bytes + TEXT_BYTES * Math.max(0, texts) + SEGMENT_BYTES * Math.max(0, segments);
}
