import { endToEnd } from '../http/connection.ts';
import { targetText } from '../route/path.ts';
import type { ClientRequest, OriginRequest, OriginResponse, Reply, Route } from './ports.ts';

export interface AskOptions extends Pick<OriginRequest, 'headers' | 'body' | 'signal' | 'upgrade'> {
  /** The query to send, where it is not the client's own. */
  readonly query?: string;
  /** Is sent the 1xx answers. */
  readonly reply?: Pick<Reply, 'interim'> | undefined;
}

/**
 * Sends a request to the origin of its route. Whatever goes to an origin goes this way: reads, writes, what the gateway
 * reads for a write, what passes through, and handshakes.
 */
export function askOrigin(
  { request, route }: { readonly request: ClientRequest; readonly route: Pick<Route, 'origin'> },
  { query, reply, ...sent }: AskOptions,
): Promise<OriginResponse> {
  const { method, target } = request;
  return route.origin.fetch({
    ...sent,
    method,
    target: targetText(query === undefined ? target : { path: target.path, query }),
    onInterim: reply && ((status, lines) => reply.interim(status, endToEnd(lines))),
  });
}

/** Aborts when the client leaves: an answer that nobody waits for is not worth the origin's work. */
export function abortWhenGone(reply: Pick<Reply, 'onGone'> | undefined): AbortSignal {
  const abort = new AbortController();
  reply?.onGone(() => abort.abort());
  return abort.signal;
}
