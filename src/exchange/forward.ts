import type { CachePolicy, ClientPolicy, RoutePolicy } from '../config/model.ts';
import { disguised, forwardedFields, maxForwards } from '../http/connection.ts';
import { type FieldLines, type Fields, without } from '../http/fields.ts';
import { safeMethods } from '../http/methods.ts';
import { uncodedConditions } from './coded-etags.ts';
import type { ClientRequest } from './ports.ts';

/**
 * Fields by which frameworks and servers find another method, path, host, scheme or client than the request's own. They are in
 * no key, so a read that may be stored is forwarded without them (cache poisoning by unkeyed input), `X-Forwarded-*` too
 * but for what this gateway says of the host and the scheme, which are keyed. A route that keys one keeps it.
 */
const methodOverrides = new Set(['x-http-method-override', 'x-http-method', 'x-method-override']);
const pathOverrides = new Set([
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-envoy-original-path',
  'x-http-destinationurl',
  'x-http-path-override',
]);
const overrides = new Set([
  ...methodOverrides,
  ...pathOverrides,
  'x-original-host',
  'x-http-host-override',
  'x-host',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  'x-backend-host',
  'x-script-name',
  'base-url',
]);
/** Of whom the request is. `Forwarded` tells of the host and the scheme, too, but only a trusted proxy's is believed. */
const addresses = new Set([
  'client-ip',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'forwarded',
  'x-forwarded',
  'x-forwarded-for',
  'x-original-forwarded-for',
]);
const keyedForwarding = new Set(['x-forwarded-host', 'x-forwarded-proto']);

function isOverride(name: string): boolean {
  return overrides.has(name) || (name.startsWith('x-forwarded-') && !keyedForwarding.has(name) && !addresses.has(name));
}

/** Whether a request has fields that say of whom it is, and are in no key. */
export function hasUnkeyed({ headers }: ClientRequest, { key }: CachePolicy): boolean {
  for (const name of addresses) if (headers.has(name) && !key.headers.includes(name)) return true;
  return false;
}

/**
 * The client's conditions are answered by the gateway, against what it stores: forwarded, they would have the origin
 * answer 304 to a cache that holds nothing. `Range` likewise: only a whole response is stored.
 */
const conditions = new Set([
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
  'if-range',
  'range',
]);

/**
 * What is sent to the origin for a read whose answer may be stored: nothing that could change it for one client alone.
 * `asked`: what the gateway asks for itself.
 */
export function fillFields(request: ClientRequest, { cache, client }: RoutePolicy, asked: FieldLines): string[] {
  // A route that makes the codings itself wants the octets as they are, once for all clients.
  const asOne = client.encode.length > 0;
  const lines = without(forwardFields(request, client), (name) => {
    if (conditions.has(name) || (asOne && name === 'accept-encoding')) return true;
    return ((isOverride(name) || addresses.has(name)) && !cache.key.headers.includes(name)) || poses(name, cache);
  });
  if (asOne) lines.push('Accept-Encoding', 'identity');
  return [...lines, ...asked];
}

/**
 * What is sent to the origin for a read with credentials of its own, whose answer is stored where the origin lets it be shared: with
 * the client's conditions, which the gateway has nothing to compare with.
 */
export function ownFields(request: ClientRequest, { cache, client }: RoutePolicy): string[] {
  return without(
    forwardFields(request, client),
    (name) => (isOverride(name) && !cache.key.headers.includes(name)) || poses(name, cache),
  );
}

/** A name that is another to some origins (`X_Tenant`), one that is in the key. */
function poses(name: string, { key, userKey }: CachePolicy): boolean {
  const meant = disguised(name);
  return meant !== undefined && !key.headers.includes(name) && (key.headers.includes(meant) || userKey.includes(meant));
}

export function hasConditions({ headers }: ClientRequest): boolean {
  for (const name of conditions) if (headers.has(name)) return true;
  return false;
}

/**
 * What is sent to the origin for anything else: end-to-end fields, `Forwarded` and its kin, `Via`. Not what would make it another
 * request than the one that was routed, and whose rules were applied: of a method that changes nothing another method, and another
 * path, unless a trusted proxy says so.
 */
export function forwardFields(request: ClientRequest, { encode }: ClientPolicy): string[] {
  const { headers } = request;
  const isSafe = safeMethods.has(request.method);
  // Trailers of uploads are dropped (RFC 9110 §6.5.1), so nothing may announce them.
  const lines = without(headers.lines, (name) => {
    const meant = disguised(name);
    if (meant !== undefined && (overrides.has(meant) || addresses.has(meant))) return true;
    return name === 'trailer' || (isSafe && methodOverrides.has(name)) || (!request.trusted && pathOverrides.has(name));
  });
  const asked = uncodedConditions(countedDown(request, withOneCookieLine(headers, lines)), request, encode);
  return forwardedFields(asked, {
    peer: request.peer,
    trusted: request.trusted,
    scheme: request.scheme,
    host: request.host,
  });
}

/** As the gateway reads them, so that no origin takes the first line, or the last, for all (RFC 9113 §8.2.3). */
function withOneCookieLine(headers: Fields, lines: string[]): string[] {
  if (headers.all('cookie').length < 2) return lines;
  return [...without(lines, (name) => name === 'cookie'), 'Cookie', headers.get('cookie') as string];
}

/** RFC 9110 §7.6.2; one that may go no further does not come here (server/answered-here.ts). */
function countedDown({ method, headers }: ClientRequest, lines: string[]): string[] {
  const left = method === 'OPTIONS' || method === 'TRACE' ? maxForwards(headers) : undefined;
  if (left === undefined) return lines;
  return [...without(lines, (name) => name === 'max-forwards'), 'Max-Forwards', String(left - 1)];
}

/** The method that a write's fields name in place of its own, in upper case, as frameworks have it. */
export function overriddenMethod({ headers }: ClientRequest): string | undefined {
  for (const name of methodOverrides) {
    const value = headers.get(name)?.trim().toUpperCase();
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}
