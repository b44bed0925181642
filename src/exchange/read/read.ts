import { GatewayError } from '../../errors.ts';
import { Fields, without } from '../../http/fields.ts';
import { refusesAll } from '../ask-origin.ts';
import { partKey } from '../cache-key.ts';
import { statusLines } from '../cache-status-lines.ts';
import type { ClientRequest, ReadOutcome, Reply } from '../ports.ts';
import { type Decision, type Forward, forward, NOT_SERVING } from './decide.ts';
import { fetchAndStore } from './fetch.ts';
import { Flight } from './flights.ts';
import { fromFlight } from './from-flight.ts';
import { directivesOf, type Found, flightKeyOf, keyOfVariant, lookUp, stateOf } from './look-up.ts';
import { askedRange, completionFields, servePart } from './part.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';

/**
 * Handles a GET or HEAD on a cached route: look up → decide → serve | collapse → fetch → store. Reads on routes with
 * `cache: off`, and reads with a body or an upgrade, pass through and never get here. A hit is answered before this
 * returns, so that it does not pay for a promise.
 *
 * Writes are noticed in three places. A response that a record covers is no longer in the store, so it is fetched. A
 * fill that began before the record is not stored (keep.ts asks coherence/fence.ts). Nor does such a fill answer
 * requests that arrived after the record (from-flight.ts).
 */
export function read(
  ports: ReadPorts,
  found: Found,
  request: ClientRequest,
  reply: Reply,
): ReadOutcome | Promise<ReadOutcome> {
  const state = stateOf(ports, found, request);
  const decision = lookUp(ports, state);
  // If the whole is stored, it is used or revalidated first, and the range is cut from it.
  const isStored =
    decision.kind === 'hit' || decision.kind === 'stale' || (decision.kind === 'forward' && decision.stored);
  const range = isStored ? undefined : askedRange(request);
  if (range !== undefined) return readPart(ports, state, range, reply);
  return decision.kind === 'forward' ? ask(ports, state, decision, reply) : answer(ports, state, decision, reply);
}

/** A range of a representation that is not stored whole: from a stored part, otherwise from the origin. */
function readPart(ports: ReadPorts, state: Read, range: string, reply: Reply): ReadOutcome | Promise<ReadOutcome> {
  const decision = lookUp(ports, state, partKey(state.key));
  const served =
    decision.kind === 'hit' ? servePart(ports, state, { stored: decision.stored, range }, reply) : undefined;
  if (served !== undefined) return served;
  if (decision.kind === 'unavailable') return answer(ports, state, decision, reply);
  const whole = decision.kind === 'forward' ? forward(decision.fwd, undefined, decision.detail) : forward('uri-miss');
  const ranged = { ...whole, range };
  return fetchAndStore(ports, { read: state, decision: ranged, flightKey: undefined, reply });
}

/** Answers without the origin. */
function answer(ports: ReadPorts, state: Read, decision: Answerable, reply: Reply): ReadOutcome {
  if (decision.kind !== 'unavailable') return serve(ports, state, decision, reply);
  reply.fail(new GatewayError('onlyIfCached'), statusLines({ detail: 'only-if-cached' }));
  return { outcome: 'error', detail: 'only-if-cached' };
}

type Answerable = Exclude<Decision, { kind: 'forward' }>;

/** Waits for a fill that is under way, or begins one. Most reads begin one, and pay for no wait. */
function ask(ports: ReadPorts, read: Read, decision: Forward, reply: Reply): Promise<ReadOutcome> {
  // The answer to a HEAD, and one that must not be stored, cannot be shared.
  const alone = read.request.method === 'HEAD' || directivesOf(read)?.noStore === true;
  const asking = { read, decision, alone, vary: ports.store.varyOf(read.key), reply };
  const begun = begin(ports, asking);
  return begun instanceof Flight ? waitAndAsk(ports, asking, begun) : begun;
}

interface Asking {
  readonly read: Read;
  readonly decision: Forward;
  /** Nobody may wait for its fill, nor it for that of another. */
  readonly alone: boolean;
  readonly vary: readonly string[] | undefined;
  readonly reply: Reply;
}

/** The outcome of its own fill, or the fill that it has to wait for. */
function begin(ports: ReadPorts, { read, decision, alone, vary, reply }: Asking): Promise<ReadOutcome> | Flight {
  const flightKey = flightKeyOf(read, vary);
  if (alone || isForNobodyElse(read, decision) || ports.flights.isUnshared(flightKey))
    return fetchAndStore(ports, { read, decision, flightKey: undefined, reply });
  const flight = ports.flights.get(flightKey);
  return flight ?? fetchAndStore(ports, { read, decision: withPart(ports, read, decision), flightKey, reply });
}

async function waitAndAsk(
  ports: ReadPorts,
  { read, reply, ...asking }: Asking,
  underWay: Flight,
): Promise<ReadOutcome> {
  let state = read;
  let { decision, alone, vary } = asking;
  let flight = underWay;
  for (let attempt = 1; ; attempt++) {
    const result = await ports.flights.wait(flight, state.request.client);
    if (reply.gone) return { outcome: 'collapsed', detail: 'client gone' };
    // The answer's `No-Vary-Search` may distinguish this request from the one that it waited for.
    if (result.kind === 'response') state = { ...state, key: keyOfVariant(state, result.response) };
    const served = fromFlight(ports, state, { decision, result, flight }, reply);
    if (served !== undefined) return served;
    // The fence refused the response, or it is another variant. The next fill begins after this request arrived, so the
    // request may wait for that one, too. After that, or if the answer cannot be shared, it asks for itself.
    alone = attempt > 1 || result.kind !== 'response';
    if (result.kind === 'response') vary = result.response.vary;
    // Another fill may have stored a suitable response meanwhile.
    const next = lookUp(ports, state);
    if (next.kind !== 'forward') return answer(ports, state, next, reply);
    decision = next;
    const begun = begin(ports, { read: state, decision, alone, vary, reply });
    if (!(begun instanceof Flight)) return begun;
    flight = begun;
  }
}

/** Fetches again for the next readers. A request that arrives meanwhile waits for this fill; a later one is a hit. */
export async function refetch(ports: ReadPorts, found: Found, request: ClientRequest): Promise<void> {
  const state = stateOf(ports, found, request);
  const flightKey = flightKeyOf(state, ports.store.varyOf(state.key));
  const earlier = ports.flights.get(flightKey);
  if (earlier !== undefined) {
    const result = await ports.flights.wait(earlier, undefined);
    // Another request has already fetched it again, or is doing so.
    const isBrought =
      result.kind === 'response' && result.stored && keyOfVariant(state, result.response) === result.response.key;
    if (isBrought || ports.flights.get(flightKey) !== undefined) return;
  }
  const decision = forward('uri-miss', undefined, 'refresh');
  await fetchAndStore(ports, { read: state, decision, flightKey, reply: undefined, isOwn: true });
}

/** If the beginning of the representation is stored, only the rest is requested. */
function withPart(ports: ReadPorts, { key, request }: Read, decision: Forward): Forward {
  if (!ports.store.hasParts || decision.stored !== undefined || decision.fwd === 'bypass') return decision;
  const part = ports.store.select(partKey(key), request.headers);
  return part === undefined || completionFields(part) === undefined ? decision : { ...decision, fwd: 'partial', part };
}

/**
 * Whether this exchange can answer a request with `Range`: if the whole is stored, or if it asks for a single range.
 * Several ranges of a representation that is not stored whole, and ranges with conditions, are left to the origin.
 */
export function answersRange(ports: ReadPorts, found: Found, request: ClientRequest): boolean {
  return askedRange(request) !== undefined || lookUp(ports, stateOf(ports, found, request)).kind === 'hit';
}

function serve(
  ports: ReadPorts,
  state: Read,
  decision: Decision & { kind: 'hit' | 'stale' },
  reply: Reply,
): ReadOutcome {
  const { stored, ageMs } = decision;
  const ttl = Math.floor((stored.lifetimeMs - ageMs) / 1000);
  const detail = decision.kind === 'stale' ? decision.detail : undefined;
  // What is stale by its age was not made with this position, and nobody has asked whether it is still the same.
  const cursor = decision.kind === 'hit' && ageMs < stored.lifetimeMs ? state.cursor : undefined;
  respond(state.request, reply, stored, { status: { hit: true, ttl, detail }, ageMs, cursor });
  if (stored.codings !== undefined) ports.encoder.want(state.request.headers, stored);
  if (decision.kind === 'hit') return { outcome: 'hit', detail };
  // One revalidation runs in the background, however many requests are served stale meanwhile. It is a normal fill, and
  // counts as a request of the client that caused it: by reading much that is stale it would have all of the origin's
  // connections. Once others read what is stale, too, it no longer waits behind the requests of that client.
  const flightKey = flightKeyOf(state, stored.vary);
  const underWay = ports.flights.get(flightKey);
  if (underWay !== undefined) {
    underWay.join(state.request.client);
  } else if (!refusesAll(state.route.origin)) {
    const revalidation = { read: forAll(state), decision: forward('stale', stored), flightKey, reply: undefined };
    ports.background(fetchAndStore(ports, revalidation));
  }
  return { outcome: 'stale', detail };
}

/** The same read without the client's own directives: its result is for later requests of any client. */
function forAll(state: Read): Read {
  const headers = new Fields(without(state.request.headers.lines, (name) => ofOneClient.has(name)));
  return { ...state, request: { ...state.request, method: 'GET', headers } };
}
const ofOneClient = new Set(['cache-control', 'pragma']);

/** Whether the answer will not be stored, so that other requests have no reason to wait for it. */
function isForNobodyElse({ route }: Read, { fwd, detail }: Forward): boolean {
  return detail === NOT_SERVING || (fwd === 'bypass' && route.policy.cache.credentials === 'perUser');
}
