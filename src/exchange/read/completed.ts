import { pipeline, type Readable, Transform } from 'node:stream';
import { asGatewayError, OriginError } from '../../errors.ts';
import { partFields } from '../../http/digests.ts';
import { Fields, without } from '../../http/fields.ts';
import { isIncremental } from '../../http/incremental.ts';
import { startOfRest } from '../../http/partial.ts';
import { freshen } from '../../http/validation.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { bodyOf } from '../body.ts';
import type { OriginResponse, ReadOutcome } from '../ports.ts';
import type { Fetching } from './fetching.ts';
import { Fill } from './fill.ts';
import { type FillContext, judge } from './judge.ts';
import type { ReadPorts } from './read-ports.ts';

/**
 * Handles the answer to a request for the rest of a stored part: if it is that, the client gets both as they would come
 * in a 200 (RFC 9111 §3.4), the rest as it arrives. Undefined if the whole has to be asked for, and nothing was sent.
 *
 * Nothing is sent before this answer has begun. Until a 206 with the same strong entity tag confirms them, the stored
 * octets may belong to a representation that is gone, and the status may be any other.
 */
export async function completed(
  ports: ReadPorts,
  { part, ...fetching }: Fetching & { part: StoredResponse },
  context: FillContext,
  answer: OriginResponse,
): Promise<ReadOutcome | undefined> {
  try {
    const whole = joined(part, answer);
    // The whole has octets of both: its position is the earlier one, and a record that covers either covers it.
    const asked = { ...context, asOf: Math.min(part.asOf, context.asOf) };
    const storability = whole && judge(asked, whole.status, whole.headers);
    if (whole === undefined || storability?.store !== true) {
      answer.body.destroy();
      return undefined;
    }
    const { headers } = whole;
    const judged = { context: asked, answer: whole, headers, streams: isIncremental(headers), storability };
    return await new Fill(ports, fetching, { ...judged, completes: part }).run();
  } catch (error) {
    // The rest was not what its head said, so the part is no use. The whole may still come.
    if (asGatewayError(error).code === 'originInvalid' && fetching.reply?.begun !== true) return undefined;
    throw error;
  } finally {
    // Part of what is stored now. Or if the origin always fails here, it may still send the whole: without the part,
    // the next request asks for that.
    ports.store.remove(part);
  }
}

/** A stored part and its rest as one 200; undefined if the answer is not that rest. */
function joined(part: StoredResponse, answer: OriginResponse): OriginResponse | undefined {
  const etag = part.headers.get('etag');
  const { start = 0, size } = part.part ?? {};
  const from = answer.status === 206 ? startOfRest({ start, size, etag, bytes: part.body }, answer.headers) : undefined;
  if (from === undefined || size === undefined) return undefined;
  // One tag for octets with and without a coding is an origin's mistake, and the client could read neither.
  const coding = answer.headers.get('content-encoding');
  if (coding !== undefined && coding !== part.headers.get('content-encoding')) return undefined;
  // RFC 9110 §15.3.7: an answer to `If-Range` leaves out what the part's fields said.
  const lines = without(freshen(part.headers.lines, answer.headers.lines), (name) => partFields.has(name));
  const headers = new Fields([...lines, 'Content-Length', String(size)]);
  const body = bodyOf(inOne(part.body.subarray(0, from), answer.body.stream(), size));
  return { ...answer, status: 200, headers, body };
}

/** The first octets and the rest. Fails unless they are `size` in all: otherwise a short one would look complete. */
function inOne(first: Buffer, rest: Readable, size: number): Readable {
  let missing = size - first.byteLength;
  const mismatch = (): OriginError =>
    new OriginError('originInvalid', { sent: true, detail: 'The origin sent another number of octets than it said' });
  const whole = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      missing -= chunk.byteLength;
      if (missing < 0) done(mismatch());
      else done(null, chunk);
    },
    flush: (done) => done(missing === 0 ? null : mismatch()),
  });
  if (first.byteLength > 0) whole.push(first);
  // Destroys each if the other ends early. The reader of `whole` gets the error.
  pipeline(rest, whole, () => {});
  return whole;
}
