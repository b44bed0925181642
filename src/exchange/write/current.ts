import { GatewayError } from '../../errors.ts';
import { formatCacheStatus } from '../../http/cache-status.ts';
import { type FieldLines, Fields, without } from '../../http/fields.ts';
import { askOrigin } from '../ask-origin.ts';
import { decodedBody, readAnswerUpTo } from '../body.ts';
import { forwardFields } from '../forward.ts';
import type { OriginResponse } from '../ports.ts';
import type { BeforeAddress } from './before.ts';
import { type Current, currentOf, documentOf } from './document.ts';
import type { WholeAnswer } from './protection-ports.ts';

/** What a read of the current representation has found. */
export type CurrentRead =
  | { readonly kind: 'present'; readonly current: Current }
  /** `exists`: the API has something there (204), of which it says nothing. */
  | { readonly kind: 'none'; readonly exists: boolean; readonly current: undefined }
  /** The API does not let this writer read it, or not now: what it says is the answer of the write. */
  | { readonly kind: 'refused'; readonly answer: WholeAnswer };

/** `unreadable`: what a read must not end with. `status`: of the API's answer. */
type Attempt = CurrentRead | { readonly kind: 'unreadable'; readonly status: number; readonly error: GatewayError };

/** Statuses that tell a client what to do: log in, ask for access, come back later. */
const refusals = new Set([401, 403, 407, 429, 503]);

const ofRefusal = new Set([
  ...['content-type', 'content-encoding', 'content-language'],
  ...['www-authenticate', 'proxy-authenticate', 'retry-after'],
]);

/**
 * Whether a field of the API's answer to the read has to be in an answer that the gateway gives in its place: without
 * them, a browser does not let a page of another origin see that answer (CORS).
 */
export const isForPages = (name: string): boolean => name === 'vary' || name.startsWith('access-control-');

/**
 * Reads the current representation from the origin, with the writer's credentials and preferences: never a copy, which
 * may be older than the last write. A writer that takes any type has read what the API prefers to give. If that cannot
 * be read, or `asJson` and it is not JSON, the API is asked for JSON.
 * @throws GatewayError currentUnreadable, currentUnmergeable: the write must not be forwarded; OriginError
 */
export async function readCurrent(
  address: BeforeAddress,
  { maxBytes, asJson }: { readonly maxBytes: number; readonly asJson: boolean },
): Promise<CurrentRead> {
  const preferred = await readAs(address, maxBytes, []);
  const accept = address.get.headers.get('accept')?.trim() ?? '';
  if ((accept !== '' && accept !== '*/*') || !isOfAnotherType(preferred, asJson)) return readable(preferred);
  const { get } = address;
  const others = new Fields(without(get.headers.lines, (name) => name === 'accept'));
  const asked = { ...address, get: { ...get, headers: others } };
  const read = readable(await readAs(asked, maxBytes, ['Accept', 'application/json, */*;q=0.1']));
  if (read.kind !== 'present' || preferred.kind !== 'present') return read;
  // A condition of the writer names what it has read.
  const tags = (): readonly string[] => [read.current, preferred.current].flatMap(tagsOf);
  return { ...read, current: { ...read.current, others: tags } };
}

/** Whether asking for JSON may give another answer: a page, a redirect to one, "not acceptable". */
function isOfAnotherType(read: Attempt, asJson: boolean): boolean {
  if (read.kind === 'unreadable') return read.status < 500;
  return asJson && read.kind === 'present' && !isDocument(read.current);
}

/** @throws GatewayError currentUnreadable, currentUnmergeable */
function readable(read: Attempt): CurrentRead {
  if (read.kind === 'unreadable') throw read.error;
  return read;
}

const tagsOf = ({ etag, others }: Current): readonly string[] => [etag, ...(others?.() ?? [])];

/** Parses only what does not say that it is JSON: others do, later. */
function isDocument({ body, headers }: Current): boolean {
  return /[/+]json *(?:;|$)/i.test(headers.get('content-type') ?? '') || 'text' in documentOf(body, headers);
}

async function readAs({ get, route }: BeforeAddress, maxBytes: number, accepted: FieldLines): Promise<Attempt> {
  const headers = [
    ...forwardFields(get, route.policy.client),
    ...accepted,
    // The octets themselves are compared and merged. A cache before the origin must not answer for it.
    ...['Accept-Encoding', 'identity', 'Cache-Control', 'no-cache'],
  ];
  const answer = await askOrigin({ request: get, route }, { headers, asOriginTags: true });
  const { status } = answer;
  if (refusals.has(status)) return { kind: 'refused', answer: await refusal(answer, maxBytes) };
  // RFC 9110 §15.3.4: 203 is a 200 that somebody on the way has changed.
  if (status !== 200 && status !== 203) {
    answer.body.destroy();
    if (status === 404 || status === 410 || status === 204) {
      return { kind: 'none', exists: status === 204, current: undefined };
    }
    const detail = `the API answered a GET of this resource with ${status}`;
    return { kind: 'unreadable', status, error: new GatewayError('currentUnreadable', detail) };
  }
  const unmergeable = (why: string): Attempt => {
    return { kind: 'unreadable', status, error: new GatewayError('currentUnmergeable', why) };
  };
  const read = await readAnswerUpTo(answer.body, maxBytes);
  if (!('whole' in read)) {
    answer.body.destroy();
    return unmergeable(`it is longer than ${maxBytes} bytes`);
  }
  const body = decodedBody(read.whole, answer.headers);
  if (body === undefined) return unmergeable('it has a content coding that cannot be undone');
  return { kind: 'present', current: currentOf(body, answer.headers) };
}

async function refusal({ status, headers, body }: OriginResponse, maxBytes: number): Promise<WholeAnswer> {
  const read = await readAnswerUpTo(body, maxBytes);
  if (!('whole' in read)) body.destroy();
  const lines = without(headers.lines, (name) => !ofRefusal.has(name) && !isForPages(name));
  lines.push('Cache-Status', formatCacheStatus({ fwd: 'method', fwdStatus: status }));
  return { status, lines, body: 'whole' in read ? read.whole : undefined };
}
