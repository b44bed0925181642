import { isPathTag } from '../coherence/tag.ts';
import { lengthOf } from '../http/content.ts';
import type { Encoded, StoredResponse } from './stored-response.ts';

/**
 * What a response costs besides its texts and octets: objects, index entries, and what is lost where memory is taken in
 * larger pieces. Includes the values of an ordinary response, and the first segments of its path. Measured by the bench
 * (`million`).
 */
const OVERHEAD_BYTES = 550;
/** Cost of a buffer of its own: its objects, of which half are outside of the heap. */
const BUFFER_BYTES = 350;
/** Cost of a tag that no other response has: its text, and its entry in the map of all tags. */
const TAG_BYTES = 90;
/** Cost of one more text: its slot in an array, and its object. */
const TEXT_BYTES = 30;
const COVERED_TEXTS = 6;
/** Cost of one more step in how the fields that clients get are made. */
const STEP_BYTES = 8;
/** Cost of one more path segment that no other response has: a node of the index with its map. */
const SEGMENT_BYTES = 400;
const COVERED_SEGMENTS = 8;
/** Cost of what few responses have: selecting fields, a language, a part, codings. */
const RARE_BYTES = 200;

/** Bytes that a stored response is charged for: all the memory that it alone retains. */
export function storedBytes(response: StoredResponse): number {
  const { key, path, ownQueryTag, otherTags, content, directives, etag, part, language, vary, selecting, encoded } =
    response;
  let bytes = OVERHEAD_BYTES + lengthOf(content) + key.length + path.length;
  if (typeof content !== 'string') bytes += BUFFER_BYTES;
  // Where a path has several queries, each is in the index, too.
  const query = ownQueryTag === undefined ? 0 : ownQueryTag.length - 'q:?'.length - path.length;
  if (query > 0) bytes += 2 * query + path.length + TAG_BYTES;
  // A tag may have characters of two octets.
  for (const tag of otherTags) {
    bytes += 2 * tag.length + TAG_BYTES;
    // The index has the path by which its spellings are found, too.
    if (isPathTag(tag)) bytes += SEGMENT_BYTES * segmentsIn(tag);
  }
  let texts = -COVERED_TEXTS;
  const count = (text: string): void => {
    texts += 1;
    bytes += text.length;
  };
  response.eachOwnText(count);
  bytes += STEP_BYTES * response.ownSteps;
  for (const list of [vary, selecting]) for (const text of list) count(text);
  for (const limit of [directives.noCache, directives.private]) if (typeof limit !== 'boolean') limit.forEach(count);
  if (vary.length > 0 || encoded !== undefined || part !== undefined || language !== undefined) bytes += RARE_BYTES;
  if (encoded !== undefined)
    for (const form of Object.values(encoded)) if (typeof form === 'object') bytes += formBytes(form);
  bytes += (etag?.length ?? 0) + (language?.length ?? 0) + (part?.asked?.length ?? 0);
  const segments = segmentsIn(path) - COVERED_SEGMENTS;
  return bytes + TEXT_BYTES * Math.max(0, texts) + SEGMENT_BYTES * Math.max(0, segments);
}

function segmentsIn(path: string): number {
  let segments = 1;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) segments += 1;
  return segments;
}

function formBytes({ content, etag, clientHeaders }: Exclude<Encoded, string>): number {
  let bytes = BUFFER_BYTES + lengthOf(content) + (etag?.length ?? 0);
  for (const text of clientHeaders) bytes += text.length + TEXT_BYTES;
  return bytes;
}
