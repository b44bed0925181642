import type { Writable } from 'node:stream';
import { asGatewayError } from '../errors.ts';
import type { CacheStatus } from '../http/cache-status.ts';
import { endToEnd } from '../http/connection.ts';
import { formatHttpDate } from '../http/date.ts';
import { Fields } from '../http/fields.ts';
import { currentAgeMs } from '../http/freshness.ts';
import { isErrorStatus } from '../http/stale.ts';
import { freshen, revalidationFields, selectsForFreshening } from '../http/validation.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { keyedQuery } from './cache-key.ts';
import { clientFields } from './client-fields.ts';
import type { Flight } from './collapse.ts';
import type { Decision } from './decide.ts';
import { type FillContext, judge, storedResponse, type Verdict } from './fill.ts';
import { fillFields, forwardFields } from './forward.ts';
import type { OriginResponse, ReadOutcome, Reply } from './ports.ts';
import { pump } from './pump.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { appendCacheStatus, respond } from './respond.ts';
import { serveOnError } from './stand-in.ts';

/**
 * The head of a response that needs an `ETag` of the gateway's own is held back until its body is known, up to this many
 * bytes: beyond it, the first byte is worth more to a client than a validator.
 */
const MAX_HELD_BYTES = 256 * 1024;

type Forward = Decision & { kind: 'forward' };

/**
 * Asks the origin, answers the client while the body arrives, and stores what may be stored. With a `flightKey` others may
 * wait for the result; without a `reply` nobody but them does (a revalidation behind).
 */
export async function fetchAndStore(
  ports: ReadPorts,
  read: Read,
  decision: Forward,
  flightKey: string | undefined,
  reply: Reply | undefined,
): Promise<ReadOutcome> {
  // Invariant 1: noted before anyone is asked for anything.
  const asOf = ports.fence.applied;
  const flight = flightKey === undefined ? undefined : ports.flights.begin(flightKey, asOf);
  const abort = new AbortController();
  // Nobody else waits: an answer for a client that has left is not worth the origin's work.
  if (flight === undefined) reply?.onGone(() => abort.abort());
  const requestedAt = ports.clock.wall();
  let answer: OriginResponse;
  try {
    answer = await askOrigin(read, decision, reply, abort.signal);
  } catch (error) {
    return giveUp(ports, read, decision, flight, reply, error);
  }
  const context: FillContext = { read, asOf, requestedAt, respondedAt: ports.clock.wall() };
  if (answer.status === 304 && decision.stored !== undefined) {
    answer.body.resume();
    if (!selectsForFreshening(decision.stored.headers, answer.headers)) {
      // It is about another response than the one that was asked about (RFC 9111 §4.3.4): asked again without conditions.
      flight?.land({ kind: 'unusable' });
      return fetchAndStore(ports, read, { ...decision, stored: undefined }, flightKey, reply);
    }
    return revalidated(ports, context, decision, decision.stored, answer, flight, reply);
  }
  if (isErrorStatus(answer.status) && decision.stored !== undefined && reply !== undefined) {
    if (serveOnError(ports, read, decision.stored, reply)) {
      answer.body.destroy();
      flight?.land({ kind: 'failed', error: asGatewayError(new Error(`the origin answered ${answer.status}`)) });
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
  }
  const headers = new Fields(endToEnd(answer.headers.lines));
  const verdict = judge(context, answer.status, headers);
  const fill = new Fill(ports, context, decision, { ...answer, headers }, verdict, flight, reply);
  if (flightKey !== undefined && !verdict.store) ports.flights.markUnshared(flightKey);
  return fill.run();
}

function askOrigin(
  read: Read,
  decision: Forward,
  reply: Reply | undefined,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const { request, route } = read;
  const query = keyedQuery(request.target.query, route.policy.cache);
  const validators = decision.stored === undefined ? [] : revalidationFields(decision.stored.headers);
  return route.origin.fetch({
    method: request.method,
    target: query === '' ? request.target.path : `${request.target.path}?${query}`,
    // A response for credentials of its own is the origin's to condition; the gateway has nothing to compare.
    headers: decision.fwd === 'bypass' ? forwardFields(request) : fillFields(request, validators),
    signal,
    onInterim: reply === undefined ? undefined : (status, lines) => reply.interim(status, endToEnd(lines)),
  });
}

function giveUp(
  ports: ReadPorts,
  read: Read,
  decision: Forward,
  flight: Flight | undefined,
  reply: Reply | undefined,
  error: unknown,
): ReadOutcome {
  flight?.land({ kind: 'failed', error });
  if (reply?.gone === true) return { outcome: 'error', detail: 'client gone' };
  ports.failed(error, read);
  if (reply !== undefined) {
    if (decision.stored !== undefined && serveOnError(ports, read, decision.stored, reply)) {
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
    const lines: string[] = [];
    appendCacheStatus(lines, { fwd: decision.fwd, detail: decision.detail });
    reply.fail(asGatewayError(error), lines);
  }
  return { outcome: 'error', detail: asGatewayError(error).code };
}

/** A 304: the stored response, its fields brought up to date, is the answer (RFC 9111 §4.3.3, §4.3.4). */
function revalidated(
  ports: ReadPorts,
  context: FillContext,
  decision: Forward,
  stored: StoredResponse,
  answer: OriginResponse,
  flight: Flight | undefined,
  reply: Reply | undefined,
): ReadOutcome {
  const headers = new Fields(freshen(stored.headers.lines, endToEnd(answer.headers.lines)));
  const verdict = judge(context, stored.status, headers);
  const fresh = verdict.store
    ? storedResponse(context, { status: stored.status, headers, body: stored.body, verdict })
    : { unstorable: verdict.detail };
  const refusal = 'unstorable' in fresh ? fresh.unstorable : ports.store.put(fresh);
  // Replaced where it is the same variant; gone too where the origin now varies by other fields, or forbids storing.
  if (refusal === undefined || 'unstorable' in fresh) ports.store.remove(stored);
  const response = 'unstorable' in fresh ? stored : fresh;
  flight?.land(
    'unstorable' in fresh ? { kind: 'unusable' } : { kind: 'response', response, stored: refusal === undefined },
  );
  if (reply !== undefined) {
    const status = { fwd: decision.fwd, fwdStatus: 304, stored: refusal === undefined, detail: refusal };
    respond(context.read.request, reply, response, status, currentAgeMs(response, ports.clock.wall()));
  }
  return { outcome: 'revalidated', detail: refusal };
}

/** One answer's way to the client and into the store. */
class Fill {
  readonly #ports: ReadPorts;
  readonly #context: FillContext;
  readonly #decision: Forward;
  readonly #answer: OriginResponse;
  readonly #verdict: Verdict;
  readonly #flight: Flight | undefined;
  readonly #reply: Reply | undefined;
  /** The client's stream, once its head has been sent. */
  #sink: Writable | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** The one reader of the body. It leaves the body alone when it stops early, for the rest to be passed on. */
  readonly #body: AsyncIterator<Buffer>;

  constructor(
    ports: ReadPorts,
    context: FillContext,
    decision: Forward,
    answer: OriginResponse,
    verdict: Verdict,
    flight: Flight | undefined,
    reply: Reply | undefined,
  ) {
    this.#ports = ports;
    this.#context = context;
    this.#decision = decision;
    this.#answer = answer;
    this.#verdict = verdict;
    this.#flight = flight;
    this.#reply = reply;
    this.#body = answer.body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  async run(): Promise<ReadOutcome> {
    try {
      if (!this.#verdict.store) return await this.#pass(this.#verdict.detail);
      if (this.#context.read.request.method === 'HEAD') return await this.#pass('head');
      return await this.#collect(this.#verdict);
    } catch (error) {
      this.#flight?.land({ kind: 'failed', error });
      if (this.#reply?.gone !== true) {
        this.#ports.failed(error, this.#context.read);
        this.#reply?.fail(asGatewayError(error));
      }
      return { outcome: 'error', detail: asGatewayError(error).code };
    } finally {
      this.#ports.budget.give(this.#bytes);
    }
  }

  /** Streams the answer through, unstored, at the client's pace. */
  async #pass(detail: string): Promise<ReadOutcome> {
    this.#flight?.land({ kind: 'unusable' });
    const { body } = this.#answer;
    if (this.#reply === undefined) {
      body.destroy();
      return { outcome: 'bypass', detail };
    }
    const sink = this.#start(detail);
    this.#reply.onGone(() => body.destroy());
    if (!this.#reply.gone) {
      for (const chunk of this.#chunks) sink.write(chunk);
      this.#chunks = [];
      await pump(this.#body, sink, this.#reply);
    } else {
      body.destroy();
    }
    return { outcome: this.#decision.fwd === 'bypass' ? 'bypass' : 'miss', detail };
  }

  async #collect(verdict: Verdict & { store: true }): Promise<ReadOutcome> {
    const { headers } = this.#answer;
    const declared = Number(headers.get('content-length') ?? 0);
    if (declared > this.#ports.maxEntryBytes) return this.#pass('too-large');
    const needsEtag = this.#context.read.route.policy.client.etag === 'strong' && !headers.has('etag');
    const holdBytes = needsEtag && declared <= MAX_HELD_BYTES ? MAX_HELD_BYTES : 0;
    for (;;) {
      const next = await this.#body.next();
      if (next.done === true) break;
      const chunk = next.value;
      const tooLarge = this.#bytes + chunk.byteLength > this.#ports.maxEntryBytes;
      if (tooLarge || !this.#ports.budget.take(chunk.byteLength)) {
        if (this.#sink === undefined) this.#chunks.push(chunk);
        else this.#chunks = [chunk];
        return this.#pass(tooLarge ? 'too-large' : 'no-room');
      }
      this.#bytes += chunk.byteLength;
      this.#chunks.push(chunk);
      if (this.#sink !== undefined) {
        this.#sink.write(chunk);
      } else if (this.#reply !== undefined && this.#bytes > holdBytes) {
        const sink = this.#start('streamed');
        for (const held of this.#chunks) sink.write(held);
      }
    }
    return this.#finish(verdict);
  }

  #finish(verdict: Verdict & { store: true }): ReadOutcome {
    const { status, headers } = this.#answer;
    const response = storedResponse(this.#context, { status, headers, body: Buffer.concat(this.#chunks), verdict });
    if ('unstorable' in response) {
      this.#flight?.land({ kind: 'unusable' });
      this.#end(undefined, response.unstorable);
      return { outcome: 'miss', detail: response.unstorable };
    }
    const refusal = this.#ports.store.put(response);
    this.#flight?.land({ kind: 'response', response, stored: refusal === undefined });
    this.#end(response, refusal);
    return { outcome: 'miss', detail: refusal };
  }

  /** The end of a body that was collected: the whole answer at once, if its head was held back until now. */
  #end(response: StoredResponse | undefined, detail: string | undefined): void {
    if (this.#sink !== undefined) {
      this.#sink.end();
    } else if (this.#reply !== undefined && response !== undefined) {
      // The client that asked gets every field, those too that are not stored for others (`private="…"`).
      const own = { ...response, clientHeaders: this.#clientFields(response.etag) };
      respond(this.#context.read.request, this.#reply, own, this.#status(detail), this.#ageMs(response));
    } else if (this.#reply !== undefined) {
      const sink = this.#start(detail);
      for (const chunk of this.#chunks) sink.write(chunk);
      sink.end();
    }
  }

  #ageMs(response: StoredResponse): number | undefined {
    const ageMs = currentAgeMs(response, this.#ports.clock.wall());
    return ageMs >= 1000 || response.headers.has('age') ? ageMs : undefined;
  }

  #status(detail: string | undefined): CacheStatus {
    const stored = this.#verdict.store && detail === undefined;
    return { fwd: this.#decision.fwd, fwdStatus: this.#answer.status, stored, detail: detail ?? this.#decision.detail };
  }

  /** `etag`: of the complete response, where it is known by now. */
  #clientFields(etag: string | undefined): string[] {
    const { policy } = this.#context.read.route;
    return clientFields(this.#answer.headers.lines, {
      policy: policy.client,
      directives: this.#verdict.directives,
      etag,
      date: formatHttpDate(this.#context.respondedAt),
      stripped: policy.cache.setCookie === 'strip' ? ['set-cookie'] : [],
    });
  }

  /** Sends the head of a streamed answer. */
  #start(detail: string | undefined): Writable {
    if (this.#sink !== undefined) return this.#sink;
    const { headers, status } = this.#answer;
    const reply = this.#reply as Reply;
    const lines = this.#clientFields(undefined);
    const length = headers.get('content-length');
    if (length !== undefined) lines.push('Content-Length', length);
    const age = headers.get('age');
    if (age !== undefined) lines.push('Age', age);
    appendCacheStatus(lines, this.#status(detail === 'streamed' ? undefined : detail));
    this.#sink = reply.begin(status, lines);
    return this.#sink;
  }
}
