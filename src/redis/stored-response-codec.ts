import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { Fields } from '../http/fields.ts';
import { ownBytes } from '../http/own-memory.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { isSoundEntry } from './entry-check.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Number of the head's layout. Entries with another one, from other versions of the gateway, are not read. */
const FORMAT = 1;
const PLAIN = 0;
const GZIPPED = 1;
/** Limit for a decoded entry: another program may have written it. */
const MAX_DECODED_BYTES = 64 * 1024 * 1024;

/** Stored with a response: when it was filled, and the versions that its tags had when it was stored. */
export interface Stamp {
  readonly epoch: string;
  /** This node's position in the shared log at the fill. */
  readonly seq: number;
  /** Version key → its value. */
  readonly versions: Readonly<Record<string, string>>;
}

type Head = Omit<StoredResponse, 'body' | 'headers' | 'encoded' | 'asOf' | 'since' | 'uses' | 'touched' | 'part'> & {
  readonly headers: readonly string[];
};

/** Layout: one octet each for format and compression, then the length of the JSON head, the head, the body. */
export async function encodeEntry(response: StoredResponse, stamp: Stamp, compressAboveBytes: number): Promise<Buffer> {
  const {
    body,
    headers,
    encoded: _,
    asOf: __,
    since: ___,
    uses: ____,
    touched: _____,
    part: ______,
    ...rest
  } = response;
  const head = Buffer.from(JSON.stringify({ stamp, response: { ...rest, headers: headers.lines } }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  const plain = Buffer.concat([length, head, body]);
  if (plain.length <= compressAboveBytes) return Buffer.concat([Buffer.from([FORMAT, PLAIN]), plain]);
  const packed = await compress(plain, { level: constants.Z_BEST_SPEED });
  return Buffer.concat([Buffer.from([FORMAT, GZIPPED]), packed]);
}

/** Undefined for anything that is not an entry of this format: a miss, never an error. */
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
    // JSON has no undefined: an absent property was undefined.
    const missing = {
      ...{ etag: undefined, lastModifiedMs: undefined, dateMs: undefined, language: undefined },
      ...{ codings: undefined, encoded: undefined, part: undefined },
    };
    return {
      stamp,
      response: {
        ...missing,
        ...response,
        headers: new Fields(response.headers),
        body: ownBytes(Buffer.from(plain.subarray(4 + length))),
        since: undefined,
        uses: 0,
        touched: undefined,
      },
    };
  } catch {
    // Cut short, or written by another program.
    return undefined;
  }
}
