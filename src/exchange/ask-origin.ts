import { endToEnd } from '../http/connection.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { type AskedAs, mappedLines, withHost } from '../http/mapped.ts';
import { targetText } from '../route/path.ts';
import { type Place, Waiting } from './origin-shares.ts';
import type { ClientRequest, GiveUpSignal, Origin, OriginRequest, OriginResponse, Reply, Route } from './ports.ts';

export interface AskOptions
  extends Pick<
    OriginRequest,
    'headers' | 'body' | 'signal' | 'upgrade' | 'place' | 'maySend' | 'writes' | 'asOriginTags'
  > {
  /** Replaces the client's query. */
  readonly query?: string;
  /** Receives the 1xx responses. */
  readonly reply?: Pick<Reply, 'interim'> | undefined;
}

interface Asking {
  readonly request: ClientRequest;
  readonly route: Pick<Route, 'origin' | 'shares'>;
}

/**
 * Sends a request to the origin of its route. Every request to an origin is sent here: reads, writes, the gateway's own
 * reads for a write, requests that pass through, and handshakes.
 */
export function askOrigin(
  { request, route }: Pick<Asking, 'request'> & { readonly route: Pick<Route, 'origin'> },
  { query, reply, headers, body, signal, upgrade, place, maySend, writes, asOriginTags }: AskOptions,
): Promise<OriginResponse> {
  const { target, content } = request;
  const asked: OriginRequest = {
    method: (content ?? request).method,
    target: targetText(query === undefined ? target : { path: target.path, query }),
    headers: content === undefined ? headers : [...headers, ...content.lines],
    body: content === undefined ? body : content.body,
    signal,
    upgrade,
    place,
    maySend,
    writes,
    asOriginTags,
    onInterim: reply && ((status, lines) => reply.interim(status, endToEnd(lines))),
  };
  const { askedAs } = route.origin;
  return askedAs === undefined ? route.origin.fetch(asked) : askAs(askedAs, { request, route }, asked);
}

/** Asks an origin by its own name. Nothing after this step sees that name. */
async function askAs(
  askedAs: AskedAs,
  { request, route }: { readonly request: ClientRequest; readonly route: Pick<Route, 'origin'> },
  { onInterim, ...asked }: OriginRequest,
): Promise<OriginResponse> {
  const seen = (lines: FieldLines): FieldLines => mappedLines(lines, askedAs, request) ?? lines;
  const answer = await route.origin.fetch({
    ...asked,
    headers: withHost(asked.headers, askedAs.host),
    onInterim: onInterim && ((status, lines) => onInterim(status, seen(lines))),
  });
  const lines = seen(answer.headers.lines);
  return lines === answer.headers.lines ? answer : { ...answer, headers: new Fields(lines) };
}

/**
 * A place for a request that a client sent, in what its address may hold of the origin's connections. Undefined if it
 * needs none. Whoever takes one passes it to `askOrigin`, or gives it back.
 */
export function enterShare({ request, route }: Asking): Place | Waiting | undefined {
  const { client } = request;
  // A trusted proxy that forwards no address stands for all clients: a share of it would protect none from another.
  return route.shares === undefined || client.isProxy ? undefined : route.shares.enter(client.address);
}

/** Waits for such a place, until the client leaves. */
export function awaitShare(
  asking: Asking,
  reply: Pick<Reply, 'onGone'>,
): Promise<Place | undefined> | Place | undefined {
  const entered = enterShare(asking);
  if (!(entered instanceof Waiting)) return entered;
  reply.onGone(() => void entered.giveUp());
  return entered.turn;
}

/**
 * Before a write is noted, and before any byte of it is sent: refuses it if its origin is down. Undefined if it is not.
 * @throws OriginError originDown
 */
export function refuseIfDown(
  { host }: ClientRequest,
  { origin: { circuit } }: Pick<Route, 'origin'>,
): Promise<void> | undefined {
  // Not its own target: an API may do at that URL what it does for a write, whatever the method is.
  return circuit === undefined || circuit.isClosed ? undefined : circuit.admit({ target: '/', host });
}

/** Whether the origin is down, and it is not yet time to find out whether it still is. */
export function refusesAll({ circuit }: Origin): boolean {
  return circuit !== undefined && !circuit.isClosed && !circuit.isDue;
}

/** Tells when the client disconnects, so that the origin does not work on an answer that nobody waits for. */
export function whenGone(reply: Pick<Reply, 'onGone'> | undefined): GiveUpSignal | undefined {
  return reply && new Departure(reply);
}

/** As an `AbortSignal`, without what that costs each request. */
class Departure implements GiveUpSignal {
  aborted = false;
  readonly reason = undefined;
  #listeners: readonly (() => void)[] = [];

  constructor(reply: Pick<Reply, 'onGone'>) {
    reply.onGone(() => this.#gone());
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = [...this.#listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  #gone(): void {
    this.aborted = true;
    for (const listener of this.#listeners) listener();
  }
}
