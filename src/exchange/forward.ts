import type { RoutePolicy } from '../config/model.ts';
import { forwardedFields } from '../http/connection.ts';
import type { FieldLines } from '../http/fields.ts';
import type { ClientRequest } from './ports.ts';

/**
 * Fields by which frameworks and servers find another method, path, host, scheme or client than the request's own. They are in
 * no key, so a read that may be stored is forwarded without them (cache poisoning by unkeyed input), `X-Forwarded-*` too
 * but for what this gateway says of the host and the scheme, which are keyed. A route that keys one keeps it.
 */
const overrides = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-rewrite-url',
  'x-envoy-original-path',
  'x-http-destinationurl',
  'x-http-host-override',
  'x-http-path-override',
  'x-host',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  'client-ip',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'forwarded',
]);
const keyedForwarding = new Set(['x-forwarded-host', 'x-forwarded-proto']);

function isUnkeyed(name: string): boolean {
  return overrides.has(name) || (name.startsWith('x-forwarded-') && !keyedForwarding.has(name));
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
  const lines = without(forwardFields(request), (name) => {
    if (conditions.has(name) || (asOne && name === 'accept-encoding')) return true;
    return isUnkeyed(name) && !cache.key.headers.includes(name);
  });
  if (asOne) lines.push('Accept-Encoding', 'identity');
  return [...lines, ...asked];
}

/** What is sent to the origin for anything else: end-to-end fields, `Forwarded` and its kin, `Via`. */
export function forwardFields(request: ClientRequest): string[] {
  // Trailers of uploads are dropped (RFC 9110 §6.5.1), so nothing may announce them.
  const lines = request.headers.has('trailer')
    ? without(request.headers.lines, (name) => name === 'trailer')
    : request.headers.lines;
  return forwardedFields(lines, {
    peer: request.peer,
    trusted: request.trusted,
    scheme: request.scheme,
    host: request.host,
  });
}

export function without(lines: FieldLines, dropped: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    if (!dropped((lines[i] as string).toLowerCase())) kept.push(lines[i] as string, lines[i + 1] as string);
  }
  return kept;
}
