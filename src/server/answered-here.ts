import { GatewayError } from '../errors.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { maxForwards } from '../http/connection.ts';
import { headText, without } from '../http/fields.ts';
import { targetText } from '../route/path.ts';
import type { NodeReply } from './node-reply.ts';

/** Fields that a TRACE does not show, since others may see the answer (RFC 9110 §9.3.8). */
const secret = /^(?:cookie|authorization|proxy-.*)$/i;

/**
 * Answers what is asked of this server and not of an origin: `OPTIONS *` (RFC 9110 §9.3.7), and an OPTIONS or TRACE
 * that may go no further (§7.6.2). False for everything else.
 */
export function answeredHere(request: ClientRequest, reply: NodeReply, hasBody: boolean): boolean {
  const { method, target } = request;
  if (method !== 'OPTIONS' && method !== 'TRACE') return false;
  // §9.3.8: the body of a TRACE has no meaning.
  if (method === 'TRACE' && hasBody) {
    reply.refuse(new GatewayError('badRequest', 'a TRACE has no body'));
    return true;
  }
  if (target.path !== '*' && maxForwards(request.headers) !== 0) return false;
  if (method === 'OPTIONS') reply.send(204, [], undefined);
  else reply.send(200, ['Content-Type', 'message/http'], traceOf(request));
  return true;
}

function traceOf({ method, target, headers }: ClientRequest): Buffer {
  const start = `${method} ${targetText(target)} HTTP/1.1\r\n`;
  const shown = without(headers.lines, (name) => secret.test(name));
  return Buffer.from(`${start}${headText(shown)}\r\n`, 'latin1');
}
