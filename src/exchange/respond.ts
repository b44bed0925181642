import { type CacheStatus, formatCacheStatus } from '../http/cache-status.ts';
import { evaluatePreconditions } from '../http/validation.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { without } from './forward.ts';
import type { ClientRequest, Reply } from './ports.ts';

/** Fields that describe a body, left out of a 304 (RFC 9110 §15.4.5). */
const ofBody = new Set(['content-length', 'content-type', 'content-encoding', 'content-language', 'content-range']);

/** Answers from a complete response: 304 where the client's copy is current, headers alone for HEAD. */
export function respond(
  request: ClientRequest,
  reply: Reply,
  stored: StoredResponse,
  status: CacheStatus,
  ageMs: number | undefined,
): void {
  const lines = [...stored.clientHeaders];
  if (ageMs !== undefined) lines.push('Age', String(Math.floor(Math.max(0, ageMs) / 1000)));
  appendCacheStatus(lines, status);
  if (evaluatePreconditions(request.headers, stored, request.method) === 'not-modified') {
    reply.send(
      304,
      without(lines, (name) => ofBody.has(name)),
      undefined,
    );
  } else if (request.method === 'HEAD') {
    reply.send(stored.status, lines, undefined, stored.body.byteLength);
  } else {
    reply.send(stored.status, lines, stored.body);
  }
}

/** Adds the gateway's member behind those of caches nearer the origin (RFC 9211 §2). */
export function appendCacheStatus(lines: string[], status: CacheStatus): void {
  lines.push('Cache-Status', formatCacheStatus(status));
}
