import type { Duplex, Readable, Writable } from 'node:stream';
import type { Announcement, Position } from '../coherence/record.ts';
import type { Coverage } from '../coherence/tag.ts';
import type { RoutePolicy } from '../config/model.ts';
import type { GatewayError } from '../errors.ts';
import type { FieldLines, Fields } from '../http/fields.ts';
import type { RequestTarget } from '../route/path.ts';
import type { RouteTags } from '../rules/compile.ts';
import type { RuleExplanation } from '../rules/explain.ts';
import type { PathTemplate, Target, Unresolved } from '../rules/types.ts';

/** What the exchanges need of an origin. Implemented by `origin/`, on undici. */
export interface Origin {
  /**
   * Sends one request. Resolves when the head of the final answer has arrived; rejects with an `OriginError`. The body
   * ends, or is destroyed with an `OriginError` (a broken or short body is never a clean end).
   */
  fetch(request: OriginRequest): Promise<OriginResponse>;
  /** What its 5xx say of a write: it may have been applied, or it certainly was not. */
  readonly serverErrors: 'unknown' | 'unchanged';
}

export interface OriginRequest {
  readonly method: string;
  /** Origin-form, canonical: path and query, without the origin's base path. */
  readonly target: string;
  /** End-to-end fields plus what the gateway adds; `Host` included. Hop-by-hop fields are already gone. */
  readonly headers: FieldLines;
  /** Streamed; framing comes from a `Content-Length` in `headers`, else chunked. */
  readonly body?: Readable | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for each 1xx answer but 101 and 100. */
  readonly onInterim?: ((status: number, headers: FieldLines) => void) | undefined;
  /** Asks for another protocol, on a connection of its own. */
  readonly upgrade?: 'websocket' | undefined;
}

export interface OriginResponse {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Readable;
  /** Complete once `body` has ended. */
  readonly trailers: () => FieldLines;
  /** The connection, where the origin has switched to the protocol that it was asked for (101); `body` is empty then. */
  readonly upgraded?: Duplex | undefined;
  /**
   * Once `body` has ended: whether that is certainly where the representation ends. Not so where more bytes followed than the answer
   * has, or under a transfer coding that is not known: it is passed on, and not stored.
   */
  readonly isDelimited: () => boolean;
}

/** A request as a client sent it, framing checked, target canonical. */
export interface ClientRequest {
  readonly method: string;
  readonly target: RequestTarget;
  readonly scheme: 'http' | 'https';
  /** Lower case, with its port where one was given. */
  readonly host: string;
  readonly headers: Fields;
  /** The address of the peer on the socket, and whether its forwarding fields are believed. */
  readonly peer: string;
  readonly trusted: boolean;
}

/** The way back to one client. Exactly one of `send`, `begin` and `fail` is called. */
export interface Reply {
  /** The client has left: nothing more needs to be sent. */
  readonly gone: boolean;
  /** The head has been sent: all that can be said of a failure now is to cut the connection. */
  readonly begun: boolean;
  onGone(listener: () => void): void;
  interim(status: number, lines: FieldLines): void;
  /** A whole response. `lines` hold no framing; the length is the body's, or `headLength` for an answer to HEAD. */
  send(status: number, lines: FieldLines, body: Buffer | undefined, headLength?: number): void;
  /** Starts a streamed response: `Content-Length` from `lines`, else chunked. */
  begin(status: number, lines: FieldLines): Writable;
  /** Answers with problem+json; after `begin`, cuts the connection so that the client sees that it broke. */
  fail(error: GatewayError, lines?: FieldLines): void;
}

/** Where a request is routed, first match wins; what `routes` says, or the fallback. */
export interface Route {
  /** The pattern as written; undefined for the fallback. */
  readonly name: string | undefined;
  readonly policy: RoutePolicy;
  readonly tags: RouteTags | undefined;
  /** Where the representation of what is written at this path lives, if not there. */
  readonly before: PathTemplate | undefined;
  readonly origin: Origin;
}

export interface RouteTable {
  find(resource: string): { readonly route: Route; readonly params: Readonly<Record<string, string>> };
}

/** How a read went, for the log and the metrics. */
export interface ReadOutcome {
  readonly outcome: 'hit' | 'stale' | 'revalidated' | 'miss' | 'collapsed' | 'bypass' | 'error';
  readonly detail: string | undefined;
}

/** What a write has made wrong, and what is said of it. */
export interface Effect {
  readonly coverage: Coverage;
  readonly announcements: readonly Announcement[];
  readonly named: readonly Target[];
  /** As written in logs: `/steps/7`, `tag:step:7`. */
  readonly targets: readonly string[];
  readonly unresolved: readonly (Unresolved & { readonly rule: string })[];
}

/** What became of stored parents that a rule patches. */
export interface PatchReport {
  readonly put: number;
  /** Those that stay invalidated, and why. */
  readonly uncertain: readonly { readonly path: string; readonly reason: string }[];
}

/** What comes of a write, and why: `refused` by the gateway; `unchanged`, `applied` and `indeterminate` as in a `WriteReport`. */
export interface Verdict {
  readonly outcome: 'applied' | 'unchanged' | 'refused' | 'indeterminate';
  readonly reason: string;
}

/** What becomes of what is stored under a target. */
export interface TargetAction {
  readonly target: string;
  readonly action: 'invalidate' | 'refresh' | 'patch';
  /** Why it is not what a rule asks for. */
  readonly why?: string;
}

/** What a write makes wrong, and how that was found. */
export interface Explanation extends Verdict {
  readonly method: string;
  readonly path: string;
  readonly rules: readonly RuleExplanation[];
  /** What any write covers: the written resource, what `Location` names, the origin's groups (RFC 9111 §4.4, RFC 9875). */
  readonly implied: readonly string[];
  /** All targets, of the rules and implied; empty where nothing is recorded. */
  readonly targets: readonly string[];
  /** One for each of `targets`. */
  readonly actions: readonly TargetAction[];
  /** Names of the tags among them. */
  readonly tags: readonly string[];
  readonly events: readonly Announcement[];
}

/** How a write went: one line in the log. */
export interface WriteReport {
  readonly request: ClientRequest;
  readonly rules: readonly string[];
  /** Rules whose pattern matched and that took no part, and why. */
  readonly skipped: readonly { readonly rule: string; readonly why: string }[];
  /**
   * `unchanged` for 4xx, for what never reached the origin, and for what left everything as it was; `indeterminate` for outcomes that are
   * unknown.
   */
  readonly outcome: 'applied' | 'indeterminate' | 'unchanged';
  readonly status: number | undefined;
  readonly effect: Effect | undefined;
  readonly position: Position | undefined;
  readonly removed: number;
  readonly patched: PatchReport | undefined;
  /** How everything was resolved; made only where somebody looks at it. */
  readonly explain: (() => Explanation) | undefined;
  readonly ms: number;
}

/** What a target would remove, or has removed, of this node's memory. */
export interface TargetCount {
  readonly target: string;
  readonly count: number;
  /** Some of them, as paths with queries. */
  readonly samples: readonly string[];
}

export interface DoneInvalidation {
  readonly dryRun: boolean;
  readonly targets: readonly TargetCount[];
  /** All together, each once. */
  readonly removed: number;
  /** Of the record; undefined after a dry run. */
  readonly position: Position | undefined;
}
