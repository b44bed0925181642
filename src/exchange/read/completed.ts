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

/** The rest of a stored part has been asked for. Undefined where the answer does not complete it. */
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
    // An origin that breaks off here each time may well send the whole: it is asked for next time.
    if (response === undefined) ports.store.remove(part);
  }
  if (response === undefined) return undefined;
  const { read, decision, flight, reply } = fetching;
  const refusal = keep(ports, read, response);
  if (refusal === undefined) ports.store.remove(part);
  flight?.land({ kind: 'response', response, stored: refusal === undefined });
  if (reply !== undefined) {
    const status = { fwd: decision.fwd, fwdStatus: 206, stored: refusal === undefined, detail: refusal };
    respond(read.request, reply, response, status, currentAgeMs(response, ports.clock.wall()));
  }
  return { outcome: 'miss', detail: refusal };
}

/** The whole, if the rest of it has come. */
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

/** A body that is not streamed to anyone meanwhile; undefined, and destroyed, where there is no room for it. */
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
