import type { CachePolicy, ClientPolicy, RoutePolicy } from '../config/model.ts';
import { forwardedFields, maxForwards } from '../http/connection.ts';
import { disguised, eachLine, type FieldLines, type Fields, without } from '../http/fields.ts';
import { safeMethods } from '../http/methods.ts';
import { PerName } from '../http/per-name.ts';
import { uncodedConditions } from './coded-etags.ts';
import type { ClientRequest } from './ports.ts';

/**
 * Fields from which frameworks and servers take another method, path, host, scheme or client than the request's own.
 * They are not in the cache key, so they are removed from reads that may be stored (cache poisoning by unkeyed input).
 * The same goes for `X-Forwarded-*`, except for the host and the scheme, which the gateway sets and keys. A route that
 * has one of these fields in its key keeps it.
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
/** Fields that name the client. `Forwarded` also names the host and the scheme; only a trusted proxy's is believed. */
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

/** Whether a request has a field that names the client and is not in the key. */
export function hasUnkeyed({ headers }: ClientRequest, { key }: CachePolicy): boolean {
  for (const name of addresses) if (headers.has(name) && !key.headers.includes(name)) return true;
  return false;
}

/**
 * The gateway evaluates the client's conditions against the stored response. If it forwarded them, the origin could
 * answer 304 to a cache that has nothing stored. The same goes for `Range`: a fill needs the whole response.
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
 * The fields to send for a read whose answer may be stored. Fields that could change the answer for one client are
 * removed. `asked` holds the gateway's own conditions.
 */
export function fillFields(request: ClientRequest, { cache, client }: RoutePolicy, asked: FieldLines): string[] {
  // The gateway compresses on this route itself, so it fetches the uncoded octets once for all clients.
  const asOne = client.encode.length > 0;
  const lines: string[] = [];
  eachLine(forwardFields(request, client), (name, value) => {
    const of = unkeyed.of(name);
    if (of.isCondition || (asOne && of.name === 'accept-encoding')) return;
    if ((of.isUnkeyed && !cache.key.headers.includes(of.name)) || poses(of, cache)) return;
    lines.push(name, value);
  });
  if (asOne) lines.push('Accept-Encoding', 'identity');
  lines.push(...asked);
  return lines;
}

/** What a read that may be stored has to know of a field. */
interface Unkeyed {
  readonly name: string;
  readonly meant: string | undefined;
  readonly isCondition: boolean;
  /** It could change the answer for one client, unless it is in the key. */
  readonly isUnkeyed: boolean;
  readonly isOverride: boolean;
}

const unkeyed = new PerName((name): Unkeyed => {
  const overrides = isOverride(name);
  return {
    name,
    meant: disguised(name),
    isCondition: conditions.has(name),
    isUnkeyed: overrides || addresses.has(name),
    isOverride: overrides,
  };
});

/**
 * The fields to send for a read with credentials, whose answer is stored only if the origin lets caches share it. The
 * client's conditions are forwarded, since the gateway has nothing to compare them with.
 */
export function ownFields(request: ClientRequest, { cache, client }: RoutePolicy): string[] {
  return without(forwardFields(request, client), (name) => {
    const of = unkeyed.of(name);
    return (of.isOverride && !cache.key.headers.includes(name)) || poses(of, cache);
  });
}

/** Whether some origins read this name as a field that is in the key (`X_Tenant` as `X-Tenant`). */
function poses({ name, meant }: Unkeyed, { key, userKey }: CachePolicy): boolean {
  return meant !== undefined && !key.headers.includes(name) && (key.headers.includes(meant) || userKey.includes(meant));
}

export function hasConditions({ headers }: Pick<ClientRequest, 'headers'>): boolean {
  for (const name of conditions) if (headers.has(name)) return true;
  return false;
}

/**
 * The fields to send for any other request: end-to-end fields, `Forwarded` and its relatives, `Via`. Overrides that
 * would make it another request than the one that was routed, and whose rules apply, are removed: method overrides of
 * safe methods, and path overrides unless a trusted proxy sent them. `Unstale-Client` is for this gateway: an API that
 * recorded it, or varied by it, would show one client's id to others.
 */
export function forwardFields(request: ClientRequest, { encode }: ClientPolicy): string[] {
  const { trusted } = request;
  const isSafe = safeMethods.has(request.method);
  const asked = uncodedConditions(countedDown(request, withOneCookieLine(request.headers)), request, encode);
  return forwardedFields(asked, request, (name) => {
    if (name === 'unstale-client') return true;
    const of = rerouting.of(name);
    return of.isPosing || (isSafe && of.isMethod) || (!trusted && of.isPath);
  });
}

/** Whether a field would make it another request, by its name. */
interface Rerouting {
  readonly isPosing: boolean;
  readonly isMethod: boolean;
  readonly isPath: boolean;
}

const rerouting = new PerName((name): Rerouting => {
  const meant = disguised(name);
  return {
    isPosing: meant !== undefined && (overrides.has(meant) || addresses.has(meant)),
    isMethod: methodOverrides.has(name),
    isPath: pathOverrides.has(name),
  };
});

/** Joins the cookie lines, so that the origin reads the same cookies as the gateway (RFC 9113 §8.2.3). */
function withOneCookieLine(headers: Fields): FieldLines {
  if (!headers.has('cookie') || headers.all('cookie').length < 2) return headers.lines;
  return [...without(headers.lines, (name) => name === 'cookie'), 'Cookie', headers.get('cookie') as string];
}

/** Decrements `Max-Forwards` (RFC 9110 §7.6.2). A request with 0 never gets here (server/answered-here.ts). */
function countedDown({ method, headers }: ClientRequest, lines: FieldLines): FieldLines {
  const left = method === 'OPTIONS' || method === 'TRACE' ? maxForwards(headers) : undefined;
  if (left === undefined) return lines;
  return [...without(lines, (name) => name === 'max-forwards'), 'Max-Forwards', String(left - 1)];
}

/**
 * The methods that a write names besides its own, in upper case as frameworks read them: by a field, or as `_method` in
 * the query or the body of a POST (Rails, Symfony, Laravel). Its own may be among them.
 */
export function namedMethods({ method, target, headers, namedInBody }: NamingMethods): readonly string[] {
  let named: readonly string[] = namedInBody ?? none;
  for (const name of methodOverrides) {
    const value = headers.get(name);
    if (value !== undefined) named = [...named, ...value.split(',').map(inUpperCase)];
  }
  if (method === 'POST' && /method|%/i.test(target.query)) {
    const inQuery = [...new URLSearchParams(target.query)].filter(([name]) => isMethodField(name));
    named = [...named, ...inQuery.map(([, value]) => inUpperCase(value))];
  }
  return named === none ? none : named.filter((each) => each !== '');
}

export type NamingMethods = Pick<ClientRequest, 'method' | 'target' | 'headers' | 'namedInBody'>;

const none: readonly string[] = [];
const inUpperCase = (text: string): string => text.trim().toUpperCase();

/** Whether frameworks read a method from a form's field of this name. PHP takes `.method` for `_method`, too. */
export function isMethodField(name: string): boolean {
  return name.trimStart().replace(/[ .[]/g, '_').toLowerCase() === '_method';
}
