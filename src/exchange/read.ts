import type { Position } from '../coherence/record.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { CacheControl } from '../http/cache-control.ts';
import { endToEnd } from '../http/connection.ts';
import { Fields } from '../http/fields.ts';
import { currentAgeMs, parseAge } from '../http/freshness.ts';
import { requestAllows, requestDirectives } from '../http/request-directives.ts';
import { prohibitsStale } from '../http/stale.ts';
import { hasCredentials } from '../http/storable.ts';
import { matchesVary, selectingValues } from '../http/vary.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { cacheKey, partKey } from './cache-key.ts';
import type { FlightResult } from './collapse.ts';
import { type Decision, decide, FENCED, type Forward, mayNotShare } from './decide.ts';
import { fetchAndStore } from './fetch.ts';
import { without } from './forward.ts';
import { askedRange, completionFields, servePart } from './part.ts';
import type { ClientRequest, ReadOutcome, Reply, Route } from './ports.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond, statusLines } from './respond.ts';
import { serveOnError } from './stand-in.ts';
import { isIdentified } from './user-key.ts';

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
  return fetchAndStore(ports, state, { kind: 'forward', fwd, stored: undefined, detail, range }, undefined, reply);
}

/** What `routes` found for a request. */
interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

function stateOf(ports: ReadPorts, { route, params }: Found, asked: ClientRequest): Read {
  const received = endToEndRequest(asked);
  const request = route.policy.cache.cookies === 'ignore' ? withoutCookies(received) : received;
  const key = cacheKey(request, route.policy.cache, ports.variances.of(request));
  const { cache } = route.policy;
  const credentials =
    cache.credentials === 'perUser' ? !isIdentified(request.headers, cache) : hasCredentials(request.headers);
  return { request, route, params, key, credentials, arrived: ports.fence.applied };
}

/**
 * The request without what `Connection` names (RFC 9110 §7.6.1): the origin does not get to see it, so it must select no
 * variant. Otherwise `Connection: accept-language` would have the default language stored for those who ask for German.
 */
function endToEndRequest(request: ClientRequest): ClientRequest {
  const connection = request.headers.get('connection');
  if (connection === undefined || /^[ \t]*(?:keep-alive|close)[ \t]*$/i.test(connection)) return request;
  return { ...request, headers: new Fields(endToEnd(request.headers.lines)) };
}

/** What is not to tell responses apart must not reach the origin either: it would change what is stored for all. */
function withoutCookies(request: ClientRequest): ClientRequest {
  if (!request.headers.has('cookie')) return request;
  return { ...request, headers: new Fields(without(request.headers.lines, (name) => name === 'cookie')) };
}

/** Undefined where the origin must be asked. */
function answer(ports: ReadPorts, state: Read, decision: Decision, reply: Reply): ReadOutcome | undefined {
  if (decision.kind === 'forward') return undefined;
  if (decision.kind !== 'unavailable') return serve(ports, state, decision, reply);
  reply.fail(new GatewayError('onlyIfCached'), statusLines({ detail: 'only-if-cached' }));
  return { outcome: 'error', detail: 'only-if-cached' };
}

async function ask(ports: ReadPorts, state: Read, first: Decision, reply: Reply): Promise<ReadOutcome> {
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
      return fetchAndStore(ports, state, decision, undefined, reply);
    const flight = ports.flights.get(flightKey);
    if (flight === undefined) return fetchAndStore(ports, state, withPart(ports, state, decision), flightKey, reply);
    const result = await ports.flights.wait(flight);
    if (reply.gone) return { outcome: 'collapsed', detail: 'client gone' };
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
    if ((result.kind === 'response' && result.stored) || ports.flights.get(flightKey) !== undefined) return;
  }
  const forward = { kind: 'forward', fwd: 'uri-miss', stored: undefined, detail: 'refresh' } as const;
  await fetchAndStore(ports, state, forward, flightKey, undefined);
}

/** Where the beginning of the representation is stored, only the rest needs to be asked for. */
function withPart(ports: ReadPorts, { key, request }: Read, decision: Forward): Forward {
  if (decision.stored !== undefined || decision.fwd === 'bypass') return decision;
  const part = ports.store.select(partKey(key), request.headers);
  return part === undefined || completionFields(part) === undefined ? decision : { ...decision, fwd: 'partial', part };
}

/** Requests that select one variant wait for one fill; before any variant is known, all of a key's do. */
function flightKeyOf(state: Read, vary: readonly string[] | undefined): string {
  const parts = [state.key, state.credentials ? 'credentials' : ''];
  return vary === undefined ? parts.join('\n') : [...parts, ...selectingValues(vary, state.request.headers)].join('\n');
}

/**
 * Whether a request with a `Range` is this exchange's to answer: where the whole is stored, and where one range is asked for
 * alone. Several ranges of what is not stored whole, and those under conditions, are the origin's to cut.
 */
export function answersRange(ports: ReadPorts, found: Found, request: ClientRequest): boolean {
  return askedRange(request) !== undefined || lookUp(ports, stateOf(ports, found, request)).kind === 'hit';
}

/**
 * Whether a response that has just come may answer those who waited for it (RFC 9111 §4): not one that has to be validated for
 * each. The time that the origin took is not held against it: it is what they have waited for.
 */
function isReusable({ directives, headers, lifetimeMs }: StoredResponse, asked: CacheControl | undefined): boolean {
  if (directives.noCache === true) return false;
  const ageMs = parseAge(headers.get('age')) * 1000;
  if (asked === undefined) return ageMs < lifetimeMs;
  return requestAllows(asked, { ageMs, lifetimeMs }).reuse && (ageMs < lifetimeMs || !prohibitsStale(directives));
}

/** What the client asks of caches; undefined where the route ignores that. */
function directivesOf({ request, route }: Pick<Read, 'request' | 'route'>): CacheControl | undefined {
  return route.policy.cache.requestDirectives === 'honour' ? requestDirectives(request.headers) : undefined;
}

function lookUp(ports: ReadPorts, { request, route, credentials, ...state }: Read, key = state.key): Decision {
  const policy = route.policy.cache;
  const stored = ports.store.select(key, request.headers);
  const decision = decide({
    policy,
    stored,
    otherVariant: stored === undefined && ports.store.varyOf(key) !== undefined,
    credentials,
    directives: directivesOf({ request, route }),
    now: ports.clock.wall(),
  });
  // Invariant 8: it finds nothing, and waits for nobody's fill.
  if (decision.kind !== 'forward' || ports.serving()) return decision;
  return { kind: 'forward', fwd: 'bypass', stored: undefined, detail: FENCED };
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
    ports.background(fetchAndStore(ports, forAll(state), forward, flightKey, undefined));
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
  return detail === FENCED || (fwd === 'bypass' && route.policy.cache.credentials === 'perUser');
}

/** Answers a request that waited from the fill it waited for, where invariant 2 and the response itself allow it. */
function fromFlight(
  ports: ReadPorts,
  state: Read,
  decision: Decision & { kind: 'forward' },
  flight: { result: FlightResult; asOf: Position },
  reply: Reply,
): ReadOutcome | undefined {
  const { result } = flight;
  if (result.kind === 'unusable') return undefined;
  if (result.kind === 'failed') {
    if (decision.stored !== undefined && serveOnError(ports, state, { ...decision, stored: decision.stored }, reply)) {
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
    reply.fail(asGatewayError(result.error), statusLines({ fwd: decision.fwd, collapsed: true }));
    return { outcome: 'error', detail: 'collapsed' };
  }
  const { response } = result;
  // Invariant 2: this request arrived at `a`, the fill began at `s`; a record in between may have made it wrong.
  // What is in doubt may have changed since without a record: a late write, of which the next one to the resource knew nothing.
  const shared = ports.fence.admits(response, flight.asOf) && !ports.fence.inDoubt(response);
  if (flight.asOf < state.arrived && !shared) return undefined;
  if (!matchesVary(response.vary, response.selecting, state.request.headers, response.language)) return undefined;
  if (state.credentials && mayNotShare(state.route.policy.cache, response)) return undefined;
  if (!isReusable(response, directivesOf(state))) return undefined;
  const status = { fwd: decision.fwd, collapsed: true as const, stored: result.stored };
  respond(state.request, reply, response, status, currentAgeMs(response, ports.clock.wall()));
  return { outcome: 'collapsed', detail: undefined };
}
