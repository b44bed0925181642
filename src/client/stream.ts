import { eventOf, hintIn } from './event.ts';
import type { Filter } from './filter.ts';
import { closed, type Link, type LinkAction, type LinkInput, newLink, stepLink } from './link.ts';
import type { Platform } from './platform.ts';
import { resyncOf } from './resync.ts';
import { type Block, sseParser } from './sse-parser.ts';
import type { ConnectOptions, Reason, Resync, State, UnstaleEvent, Warning } from './types.ts';

/** What a stream, or the tab that has it, tells. */
export interface Sink {
  event(event: UnstaleEvent): void;
  resync(resync: Resync): void;
  /** All events up to this one have been told. */
  position(id: string): void;
  state(state: State, reason: Reason | undefined): void;
  warning(warning: Warning): void;
}

export interface StreamOptions extends Filter, Pick<ConnectOptions, 'auth' | 'credentials'> {
  readonly url: string;
  readonly clientId: string | undefined;
  readonly lastEventId: string | undefined;
}

/** Statuses of 400 to 499 that pass. 404: while a gateway is deployed, its path may be missing. */
const PASSING = [404, 408, 425, 429];
/** Limit on what is shown of an error's text. */
const MAX_DETAIL = 300;

/** One stream over `fetch`, opened again until it is closed. It resumes after the last id. */
export class Stream {
  readonly #options: StreamOptions;
  readonly #platform: Platform;
  readonly #sink: Sink;
  #link: Link = newLink;
  #attempt: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  lastEventId: string | undefined;

  constructor(options: StreamOptions, platform: Platform, sink: Sink) {
    this.#options = options;
    this.#platform = platform;
    this.#sink = sink;
    this.lastEventId = options.lastEventId;
  }

  get link(): Link {
    return this.#link;
  }

  start(): void {
    this.#put({ is: 'start' });
  }

  /** Closes the connection until it is started again. */
  pause(): void {
    this.#put({ is: 'pause' });
  }

  wake(network: boolean): void {
    this.#put({ is: 'wake', network });
  }

  /** Looks at the time: the timers of a hidden page are held back. */
  check(): void {
    this.#put({ is: 'timer' });
  }

  close(): void {
    this.#put({ is: 'stop', reason: closed });
  }

  #put(input: LinkInput): void {
    const { now, random, online } = this.#platform;
    const before = this.#link;
    const [link, actions] = stepLink(before, input, { now: now(), random: random(), online: online() });
    this.#link = link;
    for (const action of actions) this.#act(action);
    if (link.state !== before.state) this.#sink.state(link.state, link.reason);
  }

  #act(action: LinkAction): void {
    if (action.do === 'abort') {
      this.#attempt?.abort();
      this.#attempt = undefined;
    } else if (action.do === 'open') {
      void this.#open(action.why);
    } else {
      this.#cancelTimer?.();
      this.#cancelTimer =
        action.do === 'timer' ? this.#platform.after(action.ms, () => this.#put({ is: 'timer' })) : undefined;
    }
  }

  async #open(why: 'connect' | 'refused'): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    /** What an attempt says that was given up is not heard. */
    const put = (input: LinkInput): void => {
      if (this.#attempt === attempt) this.#put(input);
    };
    const { auth } = this.#options;
    let token: string | null | undefined;
    try {
      // Later, so that what it throws comes after the other actions of this step.
      token = await Promise.resolve().then(() => auth?.(why));
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.#sink.warning({ code: 'auth', message: 'auth() failed', error });
      put({ is: 'failed', reason: { code: 'auth', message: String(error) } });
      return;
    }
    try {
      const response = await this.#platform.fetch(this.#url(), {
        headers: { accept: 'text/event-stream', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        credentials: this.#options.credentials ?? 'same-origin',
        cache: 'no-store',
        signal: attempt.signal,
      });
      const refusal = await refusalOf(response, auth !== undefined);
      if (refusal !== undefined) put(refusal);
      else await this.#read(response, attempt, put);
    } catch (error) {
      put({ is: 'failed', reason: { code: 'network', message: String(error) } });
    }
  }

  async #read(response: Response, attempt: AbortController, put: (input: LinkInput) => void): Promise<void> {
    const decoder = new TextDecoder();
    const feed = sseParser({
      block: (block) => this.#attempt === attempt && this.#block(block),
      comment: (text) => text === '' && put({ is: 'heartbeat' }),
      retry: (ms) => put({ is: 'retry', ms }),
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done || this.#attempt !== attempt) break;
      // Without an id it could not resume, and would miss what comes while it is cut off. So it is not live yet.
      if (this.lastEventId !== undefined) put({ is: 'heard' });
      feed(decoder.decode(value, { stream: true }));
    }
    put({ is: 'failed', reason: { code: 'ended', message: 'the stream ended' } });
  }

  #block({ id, type, data }: Block): void {
    const isFirst = this.lastEventId === undefined && id !== undefined;
    this.lastEventId = id ?? this.lastEventId;
    if (isFirst) this.#put({ is: 'heard' });
    const last = this.lastEventId;
    if (data === undefined) {
      if (id !== undefined) this.#sink.position(id);
    } else if (type === 'resync') {
      this.#sink.resync({ ...resyncOf(last, 'gap'), ...hintIn(data) });
    } else {
      const event = eventOf(last, type, data);
      if (event !== undefined) {
        this.#sink.event(id === undefined ? { ...event, isStatus: true } : event);
        return;
      }
      this.#sink.warning({
        code: 'unreadable',
        message: `the event ${last} cannot be read`,
        ...(last && { id: last }),
      });
      // It may have been about anything.
      this.#sink.resync(resyncOf(last, 'unreadable'));
    }
  }

  /** The id and the client are no secrets; as parameters, they need no preflight from another origin. */
  #url(): string {
    const { url, match, tags, clientId } = this.#options;
    const query = new URLSearchParams();
    for (const pattern of match) query.append('match', pattern);
    for (const tag of tags) query.append('tag', tag);
    if (clientId !== undefined) query.set('client', clientId);
    if (this.lastEventId !== undefined) query.set('lastEventId', this.lastEventId);
    const text = query.toString();
    return text === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${text}`;
  }
}

async function refusalOf(response: Response, hasAuth: boolean): Promise<LinkInput | undefined> {
  const { status } = response;
  const type = response.headers.get('content-type') ?? '';
  if (status === 200 && /^text\/event-stream\b/i.test(type)) return undefined;
  const message = status < 400 ? `no event stream, but ${status} ${type}` : detailOf(status, await response.text());
  if (status === 401 || status === 403) {
    return { is: 'failed', reason: { code: hasAuth ? 'refused' : 'rejected', message, status } };
  }
  const final = status === 204 || (status >= 400 && status < 500 && !PASSING.includes(status));
  return {
    is: 'failed',
    reason: { code: final ? 'rejected' : 'unavailable', message, status },
    // 0 without the field, and for a date.
    afterMs: Number(response.headers.get('retry-after')) * 1_000 || 0,
  };
}

/** What the gateway says in `application/problem+json`, or what another says in its own words. */
function detailOf(status: number, text: string): string {
  let detail: unknown = text;
  try {
    const { title, detail: more } = JSON.parse(text) as { title?: unknown; detail?: unknown };
    detail = more ?? title;
  } catch {
    // It is a text.
  }
  return `${status} ${detail}`.slice(0, MAX_DETAIL);
}
