import type { Position } from '../coherence/record.ts';
import { lengthOf, octetsOf } from '../http/content.ts';
import { headOf, responseOf } from '../store/response-head.ts';
import { type StoredResponse, UNCONFIRMED } from '../store/stored-response.ts';
import { writeJson } from './json-octets.ts';

/**
 * Length of the head, u32 · length of the body, u32 · uses, u32 · whether it is unconfirmed, u8 · head (JSON) · body
 */
export const ENTRY_BYTES = 13;
const MAX_USES = 0xffff_ffff;

/** Writes the entry of a response from `at` on. Returns where it ends, or undefined if there is no room for it. */
export function writeEntry(response: StoredResponse, octets: Buffer, at: number): number | undefined {
  const { content } = response;
  const headAt = at + ENTRY_BYTES;
  if (headAt + lengthOf(content) > octets.length) return undefined;
  const bodyAt = writeJson(headOf(response), octets, headAt);
  const end = bodyAt + lengthOf(content);
  if (end > octets.length) return undefined;
  writeStart(response, octets, { at, head: bodyAt - headAt });
  if (typeof content === 'string') octets.write(content, bodyAt, 'latin1');
  else content.copy(octets, bodyAt);
  return end;
}

/** The same, of any size. */
export function entryOf(response: StoredResponse): readonly [head: Buffer, body: Buffer] {
  const text = Buffer.from(JSON.stringify(headOf(response)));
  const start = Buffer.allocUnsafe(ENTRY_BYTES);
  writeStart(response, start, { at: 0, head: text.length });
  return [Buffer.concat([start, text]), octetsOf(response.content)];
}

function writeStart(response: StoredResponse, octets: Buffer, { at, head }: { at: number; head: number }): void {
  octets.writeUInt32BE(head, at);
  octets.writeUInt32BE(lengthOf(response.content), at + 4);
  octets.writeUInt32BE(Math.min(response.uses, MAX_USES), at + 8);
  octets.writeUInt8(response.asOf === UNCONFIRMED ? 1 : 0, at + 12);
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
