import { endToEnd } from '../../http/connection.ts';
import { formatHttpDate } from '../../http/date.ts';
import { Fields } from '../../http/fields.ts';
import { currentAgeMs } from '../../http/freshness.ts';
import { responseDirectives } from '../../http/targeted.ts';
import { freshen, headFreshens } from '../../http/validation.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { clientFields } from '../client-fields.ts';
import type { OriginResponse, ReadOutcome } from '../ports.ts';
import type { Fetching } from './fetching.ts';
import { type FillContext, judge, ofTheRequest } from './judge.ts';
import { keep } from './keep.ts';
import type { ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';
import { storedResponse } from './stored-form.ts';

/** A 304: the stored response, its fields brought up to date, is the answer (RFC 9111 §4.3.3, §4.3.4). */
export function revalidated(
  ports: ReadPorts,
  { stored, decision, flight, reply }: Fetching & { stored: StoredResponse },
  context: FillContext,
  answer: OriginResponse,
): ReadOutcome {
  // What a HEAD asked is whether the response that is stored for GET still holds (RFC 9111 §4.3.3).
  const fresh = freshened(forGet(context), stored, answer);
  const refusal = 'unstorable' in fresh ? fresh.unstorable : keep(ports, context.read, fresh);
  // Replaced where it is the same variant; gone too where the origin now varies by other fields, or forbids storing.
  if (refusal === undefined || ('unstorable' in fresh && !ofTheRequest.has(fresh.unstorable)))
    ports.store.remove(stored);
  const response = 'unstorable' in fresh ? forOne(context, stored, answer) : fresh;
  flight?.land(
    'unstorable' in fresh ? { kind: 'unusable' } : { kind: 'response', response, stored: refusal === undefined },
  );
  if (reply !== undefined) {
    const status = { fwd: decision.fwd, fwdStatus: 304, stored: refusal === undefined, detail: refusal };
    respond(context.read.request, reply, response, status, currentAgeMs(response, ports.clock.wall()));
  }
  return { outcome: 'revalidated', detail: refusal };
}

/**
 * What the answer to a HEAD says of the response that is stored for GET (RFC 9111 §4.3.5): it brings its fields up to date, or
 * shows that it is outdated. Nothing in it proves the stored octets anew, so they stay as of when they were asked for.
 */
export function learnFromHead(ports: ReadPorts, context: FillContext, stored: StoredResponse, answer: OriginResponse) {
  const meaning = headFreshens({ ...stored, bodyBytes: stored.body.byteLength }, answer);
  if (meaning === 'nothing') return;
  const asked: FillContext = { ...forGet(context), asOf: stored.asOf };
  const fresh = meaning === 'stale' ? { unstorable: meaning } : freshened(asked, stored, answer);
  if (!('unstorable' in fresh)) keep(ports, context.read, fresh);
  else if (!ofTheRequest.has(fresh.unstorable)) ports.store.remove(stored);
}

function forGet(context: FillContext): FillContext {
  return { ...context, read: { ...context.read, request: { ...context.read.request, method: 'GET' } } };
}

/** Brought up to date for the one who asked, where the 304 forbids to store that: its fields, `Set-Cookie` too, are his. */
function forOne({ read, respondedAt }: FillContext, stored: StoredResponse, answer: OriginResponse): StoredResponse {
  const headers = new Fields(freshen(stored.headers.lines, endToEnd(answer.headers.lines)));
  const { cache, client } = read.route.policy;
  const clientHeaders = clientFields(headers.lines, {
    policy: client,
    directives: responseDirectives(headers, cache.targetedFields).directives,
    etag: stored.etag === stored.headers.get('etag') ? undefined : stored.etag,
    date: formatHttpDate(respondedAt),
    stripped: cache.setCookie === 'strip' ? ['set-cookie'] : [],
  });
  return { ...stored, headers, clientHeaders };
}

function freshened(
  context: FillContext,
  stored: StoredResponse,
  answer: OriginResponse,
): StoredResponse | { unstorable: string } {
  const headers = new Fields(freshen(stored.headers.lines, endToEnd(answer.headers.lines)));
  const storability = judge(context, stored.status, headers);
  if (!storability.store) return { unstorable: storability.detail };
  // An update that names fewer tags does not take back the others: the octets are those that they were given to.
  return storedResponse(context, { status: stored.status, headers, body: stored.body, storability, tags: stored.tags });
}
