import { endToEnd } from '../../http/connection.ts';
import { lengthOf } from '../../http/content.ts';
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

/** Handles a 304: updates the fields of the stored response and answers with it (RFC 9111 §4.3.3, §4.3.4). */
export function revalidated(
  ports: ReadPorts,
  { stored, decision, flight, reply }: Fetching & { stored: StoredResponse },
  context: FillContext,
  answer: OriginResponse,
): ReadOutcome {
  // The stored response is for GET. A HEAD can validate it, too (RFC 9111 §4.3.3).
  const fresh = freshened(forGet(context), stored, answer);
  const refusal = 'unstorable' in fresh ? fresh.unstorable : keep(ports, context.read, fresh);
  // The old response is replaced, or removed if the origin now varies by other fields or forbids storing. For want of
  // room, too: its fields are outdated, and the new response may be another variant.
  const isOutdated = refusal === undefined || refusal === 'not-admitted';
  if (isOutdated || ('unstorable' in fresh && !ofTheRequest.has(fresh.unstorable))) ports.store.remove(stored);
  const response = 'unstorable' in fresh ? forOne(context, stored, answer) : fresh;
  flight?.land(
    'unstorable' in fresh ? { kind: 'unusable' } : { kind: 'response', response, stored: refusal === undefined },
  );
  if (reply !== undefined) {
    const status = {
      fwd: decision.fwd,
      fwdStatus: 304,
      stored: refusal === undefined,
      detail: refusal ?? decision.detail,
    };
    const ageMs = currentAgeMs(response, ports.clock.wall());
    respond(context.read.request, reply, response, { status, ageMs, cursor: context.read.cursor });
  }
  return { outcome: 'revalidated', detail: refusal, unusable: decision.detail };
}

/**
 * Applies the answer to a HEAD to the response stored for GET (RFC 9111 §4.3.5): updates its fields, or removes it if
 * the answer shows that it is outdated. A HEAD does not prove that the body is current, so `asOf` stays as it is.
 */
export function learnFromHead(ports: ReadPorts, context: FillContext, stored: StoredResponse, answer: OriginResponse) {
  const { status, headers, lastModifiedMs, dateMs } = stored;
  const of = { status, headers, lastModifiedMs, dateMs };
  const meaning = headFreshens({ ...of, bodyBytes: lengthOf(stored.content) }, answer);
  if (meaning === 'nothing') return;
  const asked: FillContext = { ...forGet(context), asOf: stored.asOf };
  const fresh = meaning === 'stale' ? { unstorable: meaning } : freshened(asked, stored, answer);
  if (!('unstorable' in fresh)) keep(ports, context.read, fresh);
  else if (!ofTheRequest.has(fresh.unstorable)) ports.store.remove(stored);
}

function forGet(context: FillContext): FillContext {
  return { ...context, read: { ...context.read, request: { ...context.read.request, method: 'GET' } } };
}

/**
 * The updated response for the client that asked, if the 304 may not be stored. It gets all fields, also `Set-Cookie`.
 */
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
  // Its codings have the fields of before.
  return stored.with({ headers, clientHeaders, encoded: undefined });
}

function freshened(
  context: FillContext,
  stored: StoredResponse,
  answer: OriginResponse,
): StoredResponse | { unstorable: string } {
  const headers = new Fields(freshen(stored.headers.lines, endToEnd(answer.headers.lines)));
  const storability = judge(context, stored.status, headers);
  if (!storability.store) return { unstorable: storability.detail };
  // The body is the same, so it keeps its tags even if the update names fewer.
  return storedResponse(context, { status: stored.status, headers, body: stored.body, storability, tags: stored.tags });
}
