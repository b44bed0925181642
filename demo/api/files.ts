import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { unclosed } from './body.ts';
import { type Call, HttpError, json, type Reply } from './exchange.ts';
import { type ByteRange, rangeIn } from './range.ts';
import type { RouteTable } from './route-table.ts';

export const BIG_FILE_BYTES = 50_000_000;
/** Uploads are not stored, so this only limits how long one request can keep the process hashing. */
const MAX_UPLOAD_BYTES = 1024 * 1024 * 1024;

/** Prime, so that ranges of the file that begin at round offsets differ. */
const BLOCK_BYTES = 65_521;
const block = Buffer.from(Uint8Array.from({ length: BLOCK_BYTES }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

/** A large download and an upload, both streamed with constant memory. */
export function fileRoutes(maxUploadBytes = MAX_UPLOAD_BYTES): RouteTable {
  return { '/files/big': { GET: bigFile }, '/uploads': { POST: (call) => upload(call, maxUploadBytes) } };
}

/** The byte of the file at an offset. Tests and clients can check any range without the file. */
export function bigFileByte(offset: number): number {
  return block[offset % BLOCK_BYTES] ?? 0;
}

async function bigFile(call: Call): Promise<Reply> {
  // RFC 9110 §13.1.5: without a validator no `If-Range` matches, so the whole is sent. §14.2: ranges are for GET only.
  const ignored = call.method !== 'GET' || call.headers['if-range'] !== undefined;
  const range = ignored ? 'whole' : rangeIn(call.headers.range, BIG_FILE_BYTES);
  if (range === 'unsatisfiable') {
    const headers = { 'content-range': `bytes */${BIG_FILE_BYTES}` };
    throw new HttpError(416, 'range_not_satisfiable', `The file has ${BIG_FILE_BYTES} bytes.`, { headers });
  }
  const { first, last } = range === 'whole' ? { first: 0, last: BIG_FILE_BYTES - 1 } : range;
  return {
    status: range === 'whole' ? 200 : 206,
    headers: {
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'content-length': String(last - first + 1),
      ...(range === 'whole' ? {} : { 'content-range': `bytes ${first}-${last}/${BIG_FILE_BYTES}` }),
    },
    body: () => Readable.from(blocksOf({ first, last }), { objectMode: false }),
  };
}

/** Yields slices of one buffer: the whole file is never in memory. */
function* blocksOf({ first, last }: ByteRange): Generator<Buffer> {
  for (let offset = first; offset <= last; ) {
    const start = offset % BLOCK_BYTES;
    const slice = block.subarray(start, Math.min(BLOCK_BYTES, start + last - offset + 1));
    yield slice;
    offset += slice.length;
  }
}

async function upload(call: Call, maxBytes: number): Promise<Reply> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of unclosed(call.body)) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new HttpError(413, 'too_large', `An upload may have ${maxBytes} bytes.`);
    hash.update(chunk);
  }
  return json(200, JSON.stringify({ bytes, sha256: hash.digest('hex') }));
}
