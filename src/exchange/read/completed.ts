import type { Readable } from 'node:stream';
import { endToEnd } from '../../http/connection.ts';
import { Fields } from '../../http/fields.ts';
import { currentAgeMs } from '../../http/freshness.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { OriginResponse, ReadOutcome } from '../ports.ts';
import type { Fetching } from './fetching.ts';
import { type FillContext, judge } from './judge.ts';
import { keep } from './keep.ts';
import type { ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';
import { storedForm } from './stored-form.ts';

/**
 * Handles the answer to a request for the rest of a stored part. Undefined if the answer does not complete the part.
 */
export async function completed(
  ports: ReadPorts,
  { part, ...fetching }: Fetching & { part: StoredResponse },
  context: FillContext,
  answer: OriginResponse,
): Promise<ReadOutcome | undefined> {
  let response: StoredResponse | undefined;
  try {
    response = await completion(ports, context, answer);
  } finally {
    // If the origin always fails here, it may still send the whole: without the part, the next request asks for that.
    if (response === undefined) ports.store.remove(part);
  }
  if (response === undefined) return undefined;
  const { read, decision, flight, reply } = fetching;
  const refusal = keep(ports, read, response);
  if (refusal === undefined) ports.store.remove(part);
  flight?.land({ kind: 'response', response, stored: refusal === undefined });
  if (reply !== undefined) {
    const status = { fwd: decision.fwd, fwdStatus: 206, stored: refusal === undefined, detail: refusal };
    respond(read.request, reply, response, { status, ageMs: currentAgeMs(response, ports.clock.wall()) });
  }
  return { outcome: 'miss', detail: refusal };
}

/** The complete response, if the rest of it has arrived. */
async function completion(
  ports: ReadPorts,
  context: FillContext,
  answer: OriginResponse,
): Promise<StoredResponse | undefined> {
  const headers = new Fields(endToEnd(answer.headers.lines));
  const storability = judge(context, answer.status, headers, true);
  if (!storability.store || answer.status !== 206) {
    answer.body.destroy();
    return undefined;
  }
  const body = await collected(ports, answer.body);
  if (body === undefined) return undefined;
  const form = storedForm(ports, context, { status: 206, headers, body, storability });
  return 'unstorable' in form || form.part !== undefined ? undefined : form;
}

/** Collects a body that is not streamed to a client. Undefined, and the body destroyed, if it does not fit. */
async function collected({ budget, maxEntryBytes }: ReadPorts, body: Readable): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let held = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (held + chunk.byteLength > maxEntryBytes || !budget.take(chunk.byteLength)) return undefined;
      held += chunk.byteLength;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    budget.give(held);
  }
}
