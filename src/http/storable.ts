import { type CacheControl, parseCacheControl } from './cache-control.ts';
import type { Fields } from './fields.ts';
import { isHeuristicallyCacheable } from './freshness.ts';
import { parseVary } from './vary.ts';

/** What a route says about storing; see the configuration's `cache`. */
export interface StoringPolicy {
  /** The freshness lifetime that the route sets. */
  readonly ttlMs: number | undefined;
  /** With `ttlMs`: it also overrides the origin's `no-store`, `private` and `no-cache`. */
  readonly force: boolean;
  readonly credentials: 'bypass' | 'perUser' | 'shared';
  /** Request fields that carry credentials and that all users share. */
  readonly sharedCredentials: readonly string[];
  readonly setCookie: 'bypass' | 'store' | 'strip';
  readonly requestDirectives: 'honour' | 'ignore';
}

export interface StoringInput {
  readonly method: string;
  readonly status: number;
  /** The request carries credentials: what answers it may be for one user alone. */
  readonly credentials: boolean;
  readonly request: Fields;
  readonly response: Fields;
  readonly directives: CacheControl;
  /** The origin gave a freshness lifetime, were it 0. */
  readonly explicit: boolean;
  /** A heuristic gave one. */
  readonly heuristic: boolean;
  readonly policy: StoringPolicy;
  /** The caller keeps parts as parts: a 206 may be stored (RFC 9111 §3.3). */
  readonly partial?: boolean;
}

/** Why a response is not stored; short tokens for `Cache-Status`'s `detail`. */
export type NotStored =
  | 'method'
  | 'request-body'
  | 'request-no-store'
  | 'partial'
  | 'status'
  | 'no-store'
  | 'private'
  | 'credentials'
  | 'set-cookie'
  | 'vary-star'
  | 'no-cache'
  | 'no-freshness';

/** `shareable`: the origin explicitly lets the response be used for requests with credentials (RFC 9111 §3.5). */
export type Storing =
  | { readonly store: true; readonly shareable: boolean }
  | { readonly store: false; readonly reason: NotStored };

/** Whether a response may be stored (RFC 9111 §3) and, under the route's policy, should be. */
export function storable(input: StoringInput): Storing {
  const shareable = isShareable(input.directives);
  const reason = requestForbids(input) ?? originForbids(input, shareable) ?? notWorthIt(input);
  return reason === undefined ? { store: true, shareable } : { store: false, reason };
}

/**
 * RFC 9111 §3.5. An `s-maxage` of 0, which an illegible one is taken for, lets nothing be reused and so permits
 * nothing.
 */
export function isShareable({ public: isPublic, mustRevalidate, sMaxage }: CacheControl): boolean {
  return isPublic || mustRevalidate || (sMaxage !== undefined && sMaxage > 0);
}

function requestForbids({ method, request, policy }: StoringInput): NotStored | undefined {
  // HEAD has no body, and answers to writes are not kept, although a POST's might be (RFC 9110 §9.3.3).
  if (method !== 'GET') return 'method';
  // RFC 9110 §9.3.1: content in a GET means nothing, yet origins read it, and it is in no key.
  if (hasBody(request)) return 'request-body';
  // RFC 9111 §5.2.1.5
  if (policy.requestDirectives === 'honour' && parseCacheControl(request.get('cache-control')).noStore) {
    return 'request-no-store';
  }
  return undefined;
}

function hasBody(request: Fields): boolean {
  return request.has('transfer-encoding') || Number(request.get('content-length') ?? 0) !== 0;
}

function originForbids(input: StoringInput, shareable: boolean): NotStored | undefined {
  const { status, response, directives, policy } = input;
  const forced = policy.ttlMs !== undefined && policy.force;
  // RFC 9111 §3: only final responses; a 304 is no response to store; a part is not the whole.
  if (status === 206 && input.partial !== true) return 'partial';
  if (status < 200 || status > 599 || status === 304 || ofOneClient.has(status)) return 'status';
  // Otherwise whoever sends no credentials could have those refused who do.
  if (refusals.has(status) && answersCredentials(policy, shareable)) return 'status';
  // RFC 9111 §5.2.2.3: must-understand speaks to caches that know what the status asks of them, and lifts no-store for
  // these.
  const understood = understoodStatuses.has(status);
  if (directives.mustUnderstand && !understood) return 'status';
  if (directives.noStore && !directives.mustUnderstand && !forced) return 'no-store';
  if (directives.private === true && !forced) return 'private';
  // RFC 9111 §3.5; and other fields are credentials, too (credentials.ts). `force` overrides the origin's word, never
  // whose the response is.
  if (policy.credentials === 'bypass' && input.credentials && !shareable) return 'credentials';
  if (policy.setCookie === 'bypass' && (response.has('set-cookie') || response.has('set-cookie2'))) return 'set-cookie';
  // RFC 9111 §4.1: it would never match.
  if (parseVary(response.get('vary')) === '*') return 'vary-star';
  return undefined;
}

/** RFC 6585 §3–6: these must not be stored. */
const ofOneClient = new Set([428, 429, 431, 511]);
/** For want of credentials, or of sufficient ones. */
const refusals = new Set([401, 403, 407]);

/** Whether what is stored for a request without credentials also answers requests that have some. */
function answersCredentials({ credentials, sharedCredentials }: StoringPolicy, shareable: boolean): boolean {
  return credentials !== 'perUser' && (shareable || credentials === 'shared' || sharedCredentials.length > 0);
}

/** Stored responses that could answer nothing only push out others. */
function notWorthIt({
  status,
  response,
  directives,
  explicit,
  heuristic,
  policy,
}: StoringInput): NotStored | undefined {
  const hasValidator = response.has('etag') || response.has('last-modified');
  // RFC 9111 §5.2.2.4: it may only be used after validation, which needs a validator.
  if (directives.noCache === true && !hasValidator && !(policy.ttlMs !== undefined && policy.force)) return 'no-cache';
  // It is about the request that was sent, and anybody can send one that is answered so: a route's `ttl` is not for it.
  if (policy.ttlMs !== undefined && aboutTheRequest.has(status)) return 'status';
  if (explicit || heuristic) return undefined;
  // RFC 9111 §3: without explicit freshness, a status that is cacheable by itself or a response marked so. A route's
  // `ttl` makes no exception: nobody wants a 500 kept for as long as the page it stands in for.
  if (!isHeuristicallyCacheable(status) && !directives.public) return 'status';
  return policy.ttlMs !== undefined || hasValidator ? undefined : 'no-freshness';
}

const aboutTheRequest = new Set([414, 501]);

/** The final statuses of RFC 9110 §15 whose caching requirements are met here (206 where parts are kept; 304 never). */
const understoodStatuses = new Set([
  200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408,
  409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505,
]);
