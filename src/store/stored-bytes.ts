import type { FieldLines } from '../http/fields.ts';
import type { StoredResponse } from './stored-response.ts';

/**
 * What a response costs beside its texts and octets: the objects, the index entries, an array buffer of its own. It covers the texts of
 * an ordinary response, and the first segments of its path. Measured by the bench (`million`).
 */
const OVERHEAD_BYTES = 1_500;
/** Of a tag that only it has: the set that finds it, and the place in the map of all. */
const TAG_BYTES = 300;
/** Of one more text: its object, and its place in an array. */
const TEXT_BYTES = 32;
const COVERED_TEXTS = 64;
/** Of one more segment of a path that only it has: a node of the index with its map. */
const SEGMENT_BYTES = 400;
const COVERED_SEGMENTS = 8;

/** Bytes that a stored response is charged for: all that it alone keeps in memory. */
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
