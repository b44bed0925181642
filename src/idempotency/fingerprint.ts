import { createHash } from 'node:crypto';
import { readJson } from '../exchange/body.ts';
import type { Fields } from '../http/fields.ts';
import { essenceOf } from '../http/media-type.ts';
import { boundaryOf, MAX_BOUNDARY_CHARACTERS } from '../http/multipart.ts';
import { canonicalJson } from '../rules/canonical-json.ts';

/**
 * A form of more parts is compared by its bytes. With a boundary of one letter, a body of 1 MiB could have 350,000
 * parts, which would keep every other client waiting for half a second.
 */
const MAX_PARTS = 1_000;

/**
 * What tells one payload from another under the same key. JSON is compared by its value: white space, the order of
 * members, and how a number or a character is written make no difference. A multipart form is compared without its
 * boundary, which clients draw again for each attempt. Anything else is compared by its bytes.
 */
export function fingerprintOf(headers: Fields, body: Buffer): string {
  const hash = createHash('sha256').update(`${essenceOf(headers.get('content-type'))}\n`);
  const json = readJson(body, headers);
  if ('value' in json) return hash.update(`json\n${canonicalJson(json)}`).digest('base64url');
  hash.update(`${headers.get('content-encoding') ?? ''}\n`);
  const boundary = boundaryOf(headers);
  const isForm = boundary !== undefined && boundary.length <= MAX_BOUNDARY_CHARACTERS;
  const parts = isForm ? partsOf(body, `--${boundary}`) : undefined;
  if (parts === undefined) return hash.update('bytes\n').update(body).digest('base64url');
  hash.update('multipart\n');
  for (const part of parts) hash.update(`${part.byteLength}\n`).update(part);
  return hash.digest('base64url');
}

/** Undefined if there are too many. */
function partsOf(body: Buffer, delimiter: string): Buffer[] | undefined {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, from)) {
    if (parts.length >= MAX_PARTS) return undefined;
    parts.push(body.subarray(from, at));
    from = at + delimiter.length;
  }
  return [...parts, body.subarray(from)];
}
