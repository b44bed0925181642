import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { type Head, headOf, responseOf } from '../store/response-head.ts';
import { type StoredResponse, UNCONFIRMED } from '../store/stored-response.ts';
import { isSoundStamp, type Stamp } from './stamp.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Number of the head's layout. Entries with another one, from other versions of the gateway, are not read. */
const FORMAT = 1;
const PLAIN = 0;
const GZIPPED = 1;
/** Limit for a decoded entry: another program may have written it. */
const MAX_DECODED_BYTES = 64 * 1024 * 1024;

/** Layout: one octet each for format and compression, then the length of the JSON head, the head, the body. */
export async function encodeEntry(response: StoredResponse, stamp: Stamp, compressAboveBytes: number): Promise<Buffer> {
  const head = Buffer.from(JSON.stringify({ stamp, response: headOf(response) }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  const plain = Buffer.concat([length, head, response.body]);
  if (plain.length <= compressAboveBytes) return Buffer.concat([Buffer.from([FORMAT, PLAIN]), plain]);
  const packed = await compress(plain, { level: constants.Z_BEST_SPEED });
  return Buffer.concat([Buffer.from([FORMAT, GZIPPED]), packed]);
}

/** Undefined for anything that is not an entry of this format: a miss, never an error. */
export async function decodeEntry(
  entry: Buffer,
): Promise<{ readonly stamp: Stamp; readonly response: StoredResponse } | undefined> {
  try {
    if (entry[0] !== FORMAT || (entry[1] !== PLAIN && entry[1] !== GZIPPED)) return undefined;
    const packed = entry.subarray(2);
    const plain = entry[1] === GZIPPED ? await decompress(packed, { maxOutputLength: MAX_DECODED_BYTES }) : packed;
    const length = plain.readUInt32BE(0);
    const head = JSON.parse(plain.subarray(4, 4 + length).toString()) as { stamp?: unknown; response?: unknown };
    const body = Buffer.from(plain.subarray(4 + length));
    // The caller knows the position.
    const response = responseOf(head.response, body, { asOf: UNCONFIRMED, uses: 0 });
    if (response === undefined || !isSoundStamp(head.stamp, head.response as Head)) return undefined;
    return { stamp: head.stamp, response };
  } catch {
    // Cut short, or written by another program.
    return undefined;
  }
}
