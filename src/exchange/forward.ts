import { forwardedFields } from '../http/connection.ts';
import type { FieldLines } from '../http/fields.ts';
import type { ClientRequest } from './ports.ts';

/**
 * Fields that some frameworks let change the method or the path that they route by. They are in no key, so a read that
 * may be stored is forwarded without them (cache poisoning by unkeyed input).
 */
const overrides = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
  'x-original-host',
]);

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

/** What is sent to the origin for a read whose answer may be stored. `validators`: a stored response's conditions. */
export function fillFields(request: ClientRequest, validators: FieldLines, encode: readonly string[]): string[] {
  // A route that makes the codings itself wants the octets as they are, once for all clients.
  const asOne = encode.length > 0;
  const left = (name: string): boolean =>
    overrides.has(name) || conditions.has(name) || (asOne && name === 'accept-encoding');
  const lines = [...without(forwardFields(request), left), ...validators];
  if (asOne) lines.push('Accept-Encoding', 'identity');
  return lines;
}

/** What is sent to the origin for anything else: end-to-end fields, `Forwarded` and its kin, `Via`. */
export function forwardFields(request: ClientRequest): string[] {
  return forwardedFields(request.headers.lines, {
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
