import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { Fields } from '../http/fields.ts';
import { ownBytes } from '../http/own-memory.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { isSoundEntry } from './entry-check.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Another shape of the head: entries of other versions of the gateway are not read. */
const FORMAT = 1;
const PLAIN = 0;
const GZIPPED = 1;
/** A decoded entry is no larger: stops what somebody else may have put there. */
const MAX_DECODED_BYTES = 64 * 1024 * 1024;

/** What is kept with a response: as when it was filled, and the versions that its tags had when it was stored. */
export interface Stamp {
  readonly epoch: string;
  /** Place of the fill in the shared log. */
  readonly seq: number;
  /** Version key → its value. */
  readonly versions: Readonly<Record<string, string>>;
}

type Head = Omit<StoredResponse, 'body' | 'headers' | 'encoded' | 'asOf' | 'since' | 'uses' | 'part'> & {
  readonly headers: readonly string[];
};

/** One octet each for format and compression, the length of the JSON head, the head, the body. */
export async function encodeEntry(response: StoredResponse, stamp: Stamp, compressAboveBytes: number): Promise<Buffer> {
  const { body, headers, encoded: _, asOf: __, since: ___, uses: ____, part: _____, ...rest } = response;
  const head = Buffer.from(JSON.stringify({ stamp, response: { ...rest, headers: headers.lines } }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  const plain = Buffer.concat([length, head, body]);
  if (plain.length <= compressAboveBytes) return Buffer.concat([Buffer.from([FORMAT, PLAIN]), plain]);
  const packed = await compress(plain, { level: constants.Z_BEST_SPEED });
  return Buffer.concat([Buffer.from([FORMAT, GZIPPED]), packed]);
}

/** Undefined for whatever is not an entry of this format: a miss, never an error. */
export async function decodeEntry(
  entry: Buffer,
): Promise<{ readonly stamp: Stamp; readonly response: Omit<StoredResponse, 'asOf'> } | undefined> {
  try {
    if (entry[0] !== FORMAT || (entry[1] !== PLAIN && entry[1] !== GZIPPED)) return undefined;
    const packed = entry.subarray(2);
    const plain = entry[1] === GZIPPED ? await decompress(packed, { maxOutputLength: MAX_DECODED_BYTES }) : packed;
    const length = plain.readUInt32BE(0);
    const head: unknown = JSON.parse(plain.subarray(4, 4 + length).toString());
    if (!isSoundEntry(head as object)) return undefined;
    const { stamp, response } = head as { stamp: Stamp; response: Head };
    // Undefined has no JSON: what is missing is undefined.
    const missing = { etag: undefined, lastModifiedMs: undefined, dateMs: undefined, language: undefined };
    return {
      stamp,
      response: {
        ...missing,
        ...response,
        headers: new Fields(response.headers),
        body: ownBytes(Buffer.from(plain.subarray(4 + length))),
        since: undefined,
        uses: 0,
      },
    };
  } catch {
    // Cut short, or written by somebody else.
    return undefined;
  }
}
