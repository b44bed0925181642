import type { CachePolicy } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { withoutCredentials } from '../exchange/credentials.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { maxForwards } from '../http/connection.ts';
import { isCredential } from '../http/credentials.ts';
import { headText, without } from '../http/fields.ts';
import { targetText } from '../route/path.ts';
import type { NodeReply } from './node-reply.ts';

/**
 * Answers what is asked of this server and not of an origin: `OPTIONS *` (RFC 9110 §9.3.7), and an OPTIONS or TRACE
 * that may go no further (§7.6.2). False for everything else.
 */
export function answeredHere(
  request: ClientRequest,
  reply: NodeReply,
  { hasBody, cache }: { hasBody: boolean; cache: CachePolicy },
): boolean {
  const { method, target } = request;
  if (method !== 'OPTIONS' && method !== 'TRACE') return false;
  // §9.3.8: the body of a TRACE has no meaning.
  if (method === 'TRACE' && hasBody) {
    reply.refuse(new GatewayError('badRequest', 'a TRACE has no body'));
    return true;
  }
  if (target.path !== '*' && maxForwards(request.headers) !== 0) return false;
  if (method === 'OPTIONS') reply.send(204, [], undefined);
  else reply.send(200, ['Content-Type', 'message/http'], traceOf(request, cache));
  return true;
}

/** The request without its credentials: others may see the answer (RFC 9110 §9.3.8). */
function traceOf({ method, target, headers }: ClientRequest, cache: CachePolicy): Buffer {
  const { path, query } = target;
  const start = `${method} ${targetText({ path, query: withoutCredentials(query, cache) })} HTTP/1.1\r\n`;
  const isSecret = (name: string): boolean => name.startsWith('proxy-') || isCredential(name, cache.credentialHeaders);
  const shown = without(headers.lines, isSecret);
  return Buffer.from(`${start}${headText(shown)}\r\n`, 'latin1');
}
