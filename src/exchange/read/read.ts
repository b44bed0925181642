import { GatewayError } from '../../errors.ts';
import { Fields, without } from '../../http/fields.ts';
import { partKey } from '../cache-key.ts';
import { statusLines } from '../cache-status-lines.ts';
import type { ClientRequest, ReadOutcome, Reply } from '../ports.ts';
import { type Decision, type Forward, NOT_SERVING } from './decide.ts';
import { fetchAndStore } from './fetch.ts';
import { fromFlight } from './from-flight.ts';
import { directivesOf, type Found, flightKeyOf, keyOfVariant, lookUp, stateOf } from './look-up.ts';
import { askedRange, completionFields, servePart } from './part.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';
/**
 * A GET or HEAD of a route that is cached: look up → decide → serve | collapse → fetch → store. Reads of routes with
 * `cache: off`, with a body or an upgrade, never come here: they pass through. What the store can answer is answered before
 * this returns: a hit pays for no promise.
 */
export function read(
  ports: ReadPorts,
  found: Found,
  request: ClientRequest,
  reply: Reply,
): ReadOutcome | Promise<ReadOutcome> {
  const state = stateOf(ports, found, request);
  const decision = lookUp(ports, state);
  // Where the whole is stored, it is brought up to date, and cut then.
  const isStored =
    decision.kind === 'hit' || decision.kind === 'stale' || (decision.kind === 'forward' && decision.stored);
  const range = isStored ? undefined : askedRange(request);
  if (range !== undefined) return readPart(ports, state, range, reply);
  return answer(ports, state, decision, reply) ?? ask(ports, state, decision, reply);
}

/** A read of some octets of what is not stored whole: from a stored part, else from the origin, to be kept as a part. */
function readPart(ports: ReadPorts, state: Read, range: string, reply: Reply): ReadOutcome | Promise<ReadOutcome> {
  const decision = lookUp(ports, state, partKey(state.key));
  const served = decision.kind === 'hit' ? servePart(ports, state, decision.stored, range, reply) : undefined;
  if (served !== undefined) return served;
  if (decision.kind === 'unavailable') return answer(ports, state, decision, reply) as ReadOutcome;
  const { fwd, detail } = decision.kind === 'forward' ? decision : ({ fwd: 'uri-miss', detail: undefined } as const);
  const ranged = { kind: 'forward', fwd, stored: undefined, detail, range } as const;
  return fetchAndStore(ports, { read: state, decision: ranged, flightKey: undefined, reply });
}

/** Undefined where the origin must be asked. */
function answer(ports: ReadPorts, state: Read, decision: Decision, reply: Reply): ReadOutcome | undefined {
  if (decision.kind === 'forward') return undefined;
  if (decision.kind !== 'unavailable') return serve(ports, state, decision, reply);
  reply.fail(new GatewayError('onlyIfCached'), statusLines({ detail: 'only-if-cached' }));
  return { outcome: 'error', detail: 'only-if-cached' };
}

async function ask(ports: ReadPorts, arrived: Read, first: Decision, reply: Reply): Promise<ReadOutcome> {
  let state = arrived;
  let decision = first;
  // What a HEAD brings, and what must not be kept, is for nobody else.
  let alone = state.request.method === 'HEAD' || directivesOf(state)?.noStore === true;
  let vary = ports.store.varyOf(state.key);
  for (let attempt = 1; ; attempt++) {
    // What another fill has stored while this one waited may do.
    if (attempt > 1) decision = lookUp(ports, state);
    if (decision.kind !== 'forward') return answer(ports, state, decision, reply) as ReadOutcome;
    const flightKey = flightKeyOf(state, vary);
    if (alone || isForNobodyElse(state, decision) || ports.flights.isUnshared(flightKey))
      return fetchAndStore(ports, { read: state, decision, flightKey: undefined, reply });
    const flight = ports.flights.get(flightKey);
    if (flight === undefined)
      return fetchAndStore(ports, { read: state, decision: withPart(ports, state, decision), flightKey, reply });
    const result = await ports.flights.wait(flight);
    if (reply.gone) return { outcome: 'collapsed', detail: 'client gone' };
    // What the answer says of queries may tell this request from the one that was waited for.
    if (result.kind === 'response') state = { ...state, key: keyOfVariant(state, result.response) };
    const served = fromFlight(ports, state, decision, { result, asOf: flight.asOf }, reply);
    if (served !== undefined) return served;
    // A fill that the fence refused, or that brought another variant: the next one begins after this request arrived, so
    // it may be waited for too. After that, or where the answer is not for sharing, the request asks for itself.
    alone = attempt > 1 || result.kind !== 'response';
    if (result.kind === 'response') vary = result.response.vary;
  }
}

/** Asks the origin for what was stored, for whoever asks next: they wait for this, or hit what it brings. */
export async function refetch(ports: ReadPorts, found: Found, request: ClientRequest): Promise<void> {
  const state = stateOf(ports, found, request);
  const flightKey = flightKeyOf(state, ports.store.varyOf(state.key));
  const earlier = ports.flights.get(flightKey);
  if (earlier !== undefined) {
    const result = await ports.flights.wait(earlier);
    // Somebody has asked since: that is what this was for.
    const isBrought =
      result.kind === 'response' && result.stored && keyOfVariant(state, result.response) === result.response.key;
    if (isBrought || ports.flights.get(flightKey) !== undefined) return;
  }
  const forward = { kind: 'forward', fwd: 'uri-miss', stored: undefined, detail: 'refresh' } as const;
  await fetchAndStore(ports, { read: state, decision: forward, flightKey, reply: undefined });
}

/** Where the beginning of the representation is stored, only the rest needs to be asked for. */
function withPart(ports: ReadPorts, { key, request }: Read, decision: Forward): Forward {
  if (decision.stored !== undefined || decision.fwd === 'bypass') return decision;
  const part = ports.store.select(partKey(key), request.headers);
  return part === undefined || completionFields(part) === undefined ? decision : { ...decision, fwd: 'partial', part };
}

/**
 * Whether a request with a `Range` is this exchange's to answer: where the whole is stored, and where one range is asked for
 * alone. Several ranges of what is not stored whole, and those under conditions, are the origin's to cut.
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
  respond(state.request, reply, stored, { hit: true, ttl, detail }, ageMs);
  if (stored.codings !== undefined) ports.encoder.want(state.request.headers, stored);
  if (decision.kind === 'hit') return { outcome: 'hit', detail };
  // One revalidation behind, however many are served the stale response meanwhile; it is a fill like any other.
  const flightKey = flightKeyOf(state, stored.vary);
  if (ports.flights.get(flightKey) === undefined) {
    const forward = { kind: 'forward', fwd: 'stale', stored, detail: undefined } as const;
    const behind = { read: forAll(state), decision: forward, flightKey, reply: undefined };
    ports.background(fetchAndStore(ports, behind));
  }
  return { outcome: 'stale', detail };
}

/** The same read, without what is this client's alone: what it brings is for those who ask later. */
function forAll(state: Read): Read {
  const headers = new Fields(without(state.request.headers.lines, (name) => ofOneClient.has(name)));
  return { ...state, request: { ...state.request, method: 'GET', headers } };
}
const ofOneClient = new Set(['cache-control', 'pragma']);

/** Nothing of its answer is stored, so that waiting for it is no use to others. */
function isForNobodyElse({ route }: Read, { fwd, detail }: Forward): boolean {
  return detail === NOT_SERVING || (fwd === 'bypass' && route.policy.cache.credentials === 'perUser');
}
