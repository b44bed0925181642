import { endToEnd } from '../http/connection.ts';
import { targetText } from '../route/path.ts';
import type { ClientRequest, OriginRequest, OriginResponse, Reply, Route } from './ports.ts';

export interface AskOptions extends Pick<OriginRequest, 'headers' | 'body' | 'signal' | 'upgrade'> {
  /** Replaces the client's query. */
  readonly query?: string;
  /** Receives the 1xx responses. */
  readonly reply?: Pick<Reply, 'interim'> | undefined;
}

/**
 * Sends a request to the origin of its route. Every request to an origin is sent here: reads, writes, the gateway's own
 * reads for a write, requests that pass through, and handshakes.
 */
export function askOrigin(
  { request, route }: { readonly request: ClientRequest; readonly route: Pick<Route, 'origin'> },
  { query, reply, ...sent }: AskOptions,
): Promise<OriginResponse> {
  const { method, target, content } = request;
  return route.origin.fetch({
    ...sent,
    ...(content === undefined
      ? { method }
      : { method: content.method, body: content.body, headers: [...sent.headers, ...content.lines] }),
    target: targetText(query === undefined ? target : { path: target.path, query }),
    onInterim: reply && ((status, lines) => reply.interim(status, endToEnd(lines))),
  });
}

/** Aborts when the client disconnects, so that the origin does not work on an answer that nobody waits for. */
export function abortWhenGone(reply: Pick<Reply, 'onGone'> | undefined): AbortSignal {
  const abort = new AbortController();
  reply?.onGone(() => abort.abort());
  return abort.signal;
}
