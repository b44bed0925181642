import type { Position } from '../coherence/record.ts';
import { headOf, responseOf } from '../store/response-head.ts';
import { type StoredResponse, UNCONFIRMED } from '../store/stored-response.ts';

/**
 * Length of the head, u32 · length of the body, u32 · uses, u32 · whether it is unconfirmed, u8 · head (JSON) · body
 */
export const ENTRY_BYTES = 13;
const MAX_USES = 0xffff_ffff;

export function entryOf(response: StoredResponse): readonly [head: Buffer, body: Buffer] {
  const text = JSON.stringify(headOf(response));
  const length = Buffer.byteLength(text);
  const head = Buffer.allocUnsafe(ENTRY_BYTES + length);
  head.writeUInt32BE(length, 0);
  head.writeUInt32BE(response.body.byteLength, 4);
  head.writeUInt32BE(Math.min(response.uses, MAX_USES), 8);
  head.writeUInt8(response.asOf === UNCONFIRMED ? 1 : 0, 12);
  head.write(text, ENTRY_BYTES);
  return [head, response.body];
}

export interface EntryLengths {
  readonly head: number;
  readonly body: number;
}

/** Of the first `ENTRY_BYTES` of an entry. */
export function lengthsOf(entry: Buffer): EntryLengths {
  return { head: entry.readUInt32BE(0), body: entry.readUInt32BE(4) };
}

/**
 * The response of an entry. Undefined if no node would have written it.
 * @param asOf its position, unless it was unconfirmed when it was saved
 */
export function responseOfEntry(entry: Buffer, asOf: Position): StoredResponse | undefined {
  const { head, body } = lengthsOf(entry);
  const from = ENTRY_BYTES + head;
  // What was used often long ago counts for less than what is used now.
  const uses = entry.readUInt32BE(8) >>> 1;
  try {
    const decoded: unknown = JSON.parse(entry.toString('utf8', ENTRY_BYTES, from));
    const own = { asOf: entry.readUInt8(12) === 0 ? asOf : UNCONFIRMED, uses };
    return responseOf(decoded, entry.subarray(from, from + body), own);
  } catch {
    return undefined;
  }
}
