/**
 * - `connecting`: no stream has been confirmed yet.
 * - `live`: the gateway has confirmed the subscription. Whatever changes from now on is told.
 * - `retrying`: the stream is lost and is opened again soon. What is missed meanwhile is told afterwards.
 * - `offline`: as `retrying`, and the browser says that there is no network.
 * - `stopped`: closed, or refused. It does not start again.
 */
export type State = 'connecting' | 'live' | 'retrying' | 'offline' | 'stopped';

/** Something has changed. What is fetched from now on is current. */
export interface UnstaleEvent {
  /** Position in the gateway's log. Comparable with others that begin with the same epoch. */
  readonly id: string;
  /** `invalidate`, or the name that a rule gives its event. */
  readonly type: string;
  /** Canonical paths, or patterns: `/steps/7`, `/steps/*`. */
  readonly paths: readonly string[];
  /** A `*` is a wildcard. */
  readonly tags: readonly string[];
  readonly cause: { readonly method: string; readonly path: string; readonly rule: string | null };
  /** What the rule's event declares. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly at: string;
  /** Time over which clients spread what they fetch again (`events.jitter`). */
  readonly refetchWithinMs?: number;
  /** It says how something stands, as `origin.down` does, and has no position: `id` is that of the event before it. */
  readonly isStatus?: true;
}

/** Events may have been missed: fetch again what is shown. */
export interface Resync {
  readonly type: 'resync';
  /** Events after this one are told. Undefined if the gateway has not said where its log stands. */
  readonly id: string | undefined;
  /** Everything: code that looks only at paths and tags is right, too. */
  readonly paths: readonly ['/**'];
  readonly tags: readonly ['*'];
  /**
   * - `gap`: the gateway no longer has what was missed
   * - `overflow`: the reader of the iterator was too slow
   * - `unreadable`: there was an event that could not be read
   */
  readonly reason: 'gap' | 'overflow' | 'unreadable';
  /** No write is known as its cause. */
  readonly cause?: undefined;
  /** As that of events. */
  readonly refetchWithinMs?: number;
}

export interface StateChange {
  readonly state: State;
  readonly previous: State;
  /** Why it is `retrying`, `offline` or `stopped`. */
  readonly reason: Reason | undefined;
}

export interface Reason {
  /**
   * - `closed`: by `close()`
   * - `refused`: 401 or 403, also with a new token
   * - `rejected`: the gateway does not take the request, and will not: a wrong filter, a wrong method
   * - `unavailable`: a status that passes, or no event stream
   * - `network`: no answer · `ended`: the stream ended · `silent`: no heartbeat came
   * - `auth`: `auth()` failed
   * - `handover`: another tab takes the stream over · `away`: the page was left, or frozen
   */
  readonly code:
    | 'closed'
    | 'refused'
    | 'rejected'
    | 'unavailable'
    | 'network'
    | 'ended'
    | 'silent'
    | 'auth'
    | 'handover'
    | 'away';
  readonly message: string;
  readonly status?: number;
}

/** Something is wrong, and the stream goes on. */
export interface Warning {
  /**
   * - `unreadable`: an event that could not be read; a resync follows · `listener`: a listener threw
   * - `unshared`: the tabs of this origin cannot share a stream · `auth`: `auth()` failed
   * - `user`: `auth()` gave the token of another user, or with other claims, and the tab has left those that share a
   *   stream with the one before; a resync follows. If it is the same user, set `scope`
   * - `echo`: the stream that tabs share is for all of them, so `clientId` has no effect, and this tab is told of its
   *   own writes. With `shared: false`, it has a stream of its own
   */
  readonly code: 'unreadable' | 'listener' | 'unshared' | 'auth' | 'user' | 'echo';
  readonly message: string;
  /** Of the event that it is about. */
  readonly id?: string;
  readonly error?: unknown;
}

export interface Listeners {
  event: UnstaleEvent;
  resync: Resync;
  state: StateChange;
  warning: Warning;
}

export interface ConnectOptions {
  /** The gateway's event path. Absolute outside of browsers. Default: `/_unstale/events`. */
  readonly url?: string;
  /** Path patterns: `/steps/:id`, `/steps/7`, `/steps/**`. With neither patterns nor tags, all events are told. */
  readonly match?: readonly string[];
  readonly tags?: readonly string[];
  /**
   * Returns the bearer token. Asked before each request, and once more (`refused`) after a 401 or 403. The token is
   * sent in the `Authorization` field, never in the URL.
   */
  readonly auth?: (why: 'connect' | 'refused') => Token | Promise<Token>;
  /**
   * Names this client, so that the gateway does not tell it of its own writes: send the same in their `Unstale-Client`.
   * Tabs that share a stream are told of all writes, since the others have to hear of them.
   */
  readonly clientId?: string;
  /** Resumes after this event, or after the `Unstale-Event-Cursor` of a response. */
  readonly lastEventId?: string;
  /** For cookies of another origin: `include`. Default: `same-origin`. */
  readonly credentials?: 'omit' | 'same-origin' | 'include';
  /** Whether the tabs of an origin share one stream. Default: true, where the browser can. */
  readonly shared?: boolean;
  /**
   * Whose stream it is, if tabs of several users are open: only tabs of the same scope share. Default: by the token.
   */
  readonly scope?: string;
  /** Events that an iterator holds for a slow reader. Default: 1,000. */
  readonly bufferSize?: number;
}

export type Token = string | null | undefined;

/** A live connection. Iterating gives events and resyncs in their order. */
export interface Live extends AsyncIterable<UnstaleEvent | Resync> {
  readonly state: State;
  /** The newest event that was told, or the position that the gateway confirmed. */
  readonly lastEventId: string | undefined;
  readonly clientId: string | undefined;
  /** Returns what removes the listener. A listener that throws is a warning. */
  on<K extends keyof Listeners>(name: K, listener: (value: Listeners[K]) => void): () => void;
  /** Ends it for good. Iterators end. */
  close(): void;
}
