import type { Duplex, Readable, Writable } from 'node:stream';
import type { Announcement, Position } from '../coherence/record.ts';
import type { Coverage } from '../coherence/tag.ts';
import type { RoutePolicy } from '../config/model.ts';
import type { GatewayError } from '../errors.ts';
import type { Content } from '../http/content.ts';
import type { FieldLines, Fields } from '../http/fields.ts';
import type { AskedAs } from '../http/mapped.ts';
import type { RequestTarget } from '../route/path.ts';
import type { PathDifference } from '../route/spelling.ts';
import type { RouteTags } from '../rules/compile.ts';
import type { RuleExplanation } from '../rules/explanation.ts';
import type { Difference } from '../rules/json-diff.ts';
import type { PathTemplate, Target, Unresolved } from '../rules/types.ts';
import type { OriginShares, Place } from './origin-shares.ts';

/** The origin as the exchanges see it. Implemented by `origin/` on undici. */
export interface Origin {
  /**
   * Sends one request. Resolves when the head of the final answer has arrived; rejects with an `OriginError`. The body
   * either ends or is destroyed with an `OriginError`: a broken or short body never ends cleanly.
   */
  fetch(request: OriginRequest): Promise<OriginResponse>;
  /** As what it is asked, if not by the client's `Host`. */
  readonly askedAs?: AskedAs | undefined;
  /** What a 5xx means for a write: it may have been applied (`unknown`), or it was not (`unchanged`). */
  readonly serverErrors: 'unknown' | 'unchanged';
  /** Sent with the gateway's own reads, in place of the writer's credentials. Secret. */
  readonly ownFields?: FieldLines | undefined;
  /** Absent if every request is sent, however the earlier ones ended. */
  readonly circuit?: OriginCircuit | undefined;
}

/** Whether requests are sent to an origin, or refused because it is down. */
export interface OriginCircuit {
  /** Every request is sent. */
  readonly isClosed: boolean;
  /** The next request asks first whether the origin is up again. */
  readonly isDue: boolean;
  /**
   * Whether a request may be sent now. Undefined: it may. Otherwise resolves once the origin is known to be up again,
   * which it is asked if that is due; rejects with an `OriginError` (`originDown`) if it is not.
   * `fetch` does the same. Whoever must know before that, as a write before it is noted, calls this.
   * @param request what the origin may be asked for by then
   */
  admit(request: { readonly target: string; readonly host: string }): Promise<void> | undefined;
}

/** An origin went down, or came up again. */
export interface OriginChange {
  readonly origin: string;
  readonly is: 'down' | 'up';
  /** Wall clock: when it went down. */
  readonly since: number;
  /** What its last answer was, or why there was none. */
  readonly reason: string;
}

/** How an origin stands, for operators. */
export interface OriginStanding {
  /** `half-open`: a probe is under way. */
  readonly is: 'closed' | 'open' | 'half-open';
  /** Wall clock: when it went down. Undefined if it is up. */
  readonly since: number | undefined;
  readonly reason: string;
  /** How often it went down, and came up again. */
  readonly downs: number;
  readonly ups: number;
  /** Requests that were not sent to it. */
  readonly refused: number;
}

/** As it arrives, or whole; undefined: there is none. */
export type RequestBody = Readable | Buffer | undefined;

export interface OriginRequest {
  readonly method: string;
  /** Canonical origin-form: path and query, without the origin's base path. */
  readonly target: string;
  /** End-to-end fields and those that the gateway adds, including `Host`. Hop-by-hop fields are already removed. */
  readonly headers: FieldLines;
  /** Streamed. Framed by a `Content-Length` in `headers`, otherwise chunked. */
  readonly body?: RequestBody;
  readonly signal?: GiveUpSignal | undefined;
  /** Called for each 1xx response except 100 and 101. */
  readonly onInterim?: ((status: number, headers: FieldLines) => void) | undefined;
  /** Asked just before the first byte is sent. False: it must not be, and the request fails as one that was not. */
  readonly maySend?: (() => boolean) | undefined;
  /** It may change something, so it may take long. */
  readonly writes?: boolean | undefined;
  /** The answer has the entity tag that the origin gives, not one of the gateway's own. */
  readonly asOriginTags?: boolean | undefined;
  /** Asks to switch to this protocol, on a separate connection. */
  readonly upgrade?: 'websocket' | undefined;
  /** Given back as soon as the request neither holds a connection nor waits for one, however it has ended. */
  readonly place?: Place | undefined;
}

export interface OriginResponse {
  readonly status: number;
  readonly headers: Fields;
  readonly body: AnswerBody;
  /** Complete once `body` has ended. */
  readonly trailers: () => FieldLines;
  /** The connection after a 101, when the origin has switched protocols. `body` is empty then. */
  readonly upgraded?: Duplex | undefined;
  /**
   * Valid once `body` has ended: whether the representation certainly ends there. False if more bytes followed than the
   * answer declares, or if the transfer coding is unknown. Such an answer is passed on but not stored.
   */
  readonly isDelimited: () => boolean;
}

/**
 * Tells when nobody needs the answer any more. An `AbortSignal` is one; making one for each request costs too much.
 */
export interface GiveUpSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options: { once: true }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The body of an answer. It either ends or fails with an `OriginError`: a broken or short one never ends cleanly. */
export interface AnswerBody {
  /** All of it, if it has arrived before anybody asked for the stream, as nearly all small bodies have. */
  whole(): Buffer | undefined;
  /** The same stream each time. */
  stream(): Readable;
  /** Nobody needs the rest. */
  destroy(): void;
}

/** A client's request, with its framing checked and its target made canonical. */
export interface ClientRequest {
  readonly method: string;
  readonly target: RequestTarget;
  readonly scheme: 'http' | 'https';
  /** In lower case, with the port if one was given. */
  readonly host: string;
  readonly headers: Fields;
  /** The address of the peer on the socket, and whether its forwarding fields are believed. */
  readonly peer: string;
  readonly trusted: boolean;
  /** Of a read that is cached by its body (`reads`): what is sent in place of a GET, and what the key has of it. */
  readonly content?: RequestContent | undefined;
  /** What tells the gateway that got it from others in `Via`, so that the request is known if it comes back. */
  readonly gateway?: string | undefined;
  readonly client: Client;
  /** The methods that its body names in place of its own: known only where `writes` names its path. */
  readonly namedInBody?: readonly string[] | undefined;
}

export interface RequestContent {
  readonly method: string;
  readonly body: Buffer;
  /** The fields that describe the body. */
  readonly lines: FieldLines;
  readonly key: string;
}

/** Who sent a request, as far as limits for one client are concerned. */
export interface Client {
  /**
   * The address that the client counts as: the one that a trusted proxy forwards, else the peer's; for IPv6, its /64
   * block. All clients of a proxy that forwards no address count as one.
   */
  readonly address: string;
  /** The address is that of a trusted proxy, which names no client. */
  readonly isProxy: boolean;
}

/** The reply to one client. Callers use exactly one of `send`, `begin` and `fail`; `fail` may also follow `begin`. */
export interface Reply {
  /** The client has disconnected: nothing more needs to be sent. */
  readonly gone: boolean;
  /** The head has been sent: a failure can now only be signalled by closing the connection. */
  readonly begun: boolean;
  onGone(listener: () => void): void;
  interim(status: number, lines: FieldLines): void;
  /**
   * Sends a whole response. `lines` has no framing; the length is the body's, or `headLength` for an answer to HEAD.
   */
  send(status: number, lines: FieldLines, body: Content | undefined, headLength?: number): void;
  /** Starts a streamed response. Framed by a `Content-Length` in `lines`, otherwise chunked. */
  begin(status: number, lines: FieldLines): Writable;
  /** Answers with problem+json. After `begin`, closes the connection so that the client notices the failure. */
  fail(error: GatewayError, lines?: FieldLines): void;
}

/** A hit that is written at once, without a `Reply`. */
export interface FastHit {
  readonly route: Route;
  /** Canonical. */
  readonly path: string;
  /** 304 if the client's copy is current. */
  readonly status: number;
  /** The header lines that do not depend on the time, each with its CRLF. */
  readonly head: string;
  readonly content: Content;
  /** In seconds. */
  readonly age: number;
  /** Remaining freshness in seconds. */
  readonly ttl: number;
  /** Up to where it is known to be current. Undefined: not told. */
  readonly cursor: string | undefined;
  /** For the caller, of this form of a stored response. Undefined: it was not asked for before. */
  readonly kept: KeptTail | undefined;
}

/** A body up to this size is written as one text with its head, and kept as a part of it; a larger one as it is. */
export const KEPT_BODY_BYTES = 4 * 1024;

/** What the caller keeps of an answer. */
export interface KeptTail {
  /** All that comes behind the lines that depend on the time, and the body. */
  tail: string | undefined;
}

type Params = Readonly<Record<string, string>>;

/** A route of the configuration, or the fallback. The first match wins. */
export interface Route {
  /** The pattern as written; undefined for the fallback. */
  readonly name: string | undefined;
  readonly policy: RoutePolicy;
  readonly tags: RouteTags | undefined;
  /** The path of the written resource's representation, if it differs from the path that is written to. */
  readonly before: PathTemplate | undefined;
  readonly origin: Origin;
  /** What one client address may hold of the origin's connections; undefined: as many as there are. */
  readonly shares: OriginShares | undefined;
  /**
   * `params` as they are in the resource's plain spelling, if that differs. Rules make targets of these, so responses
   * carry tags of them as well. Undefined if its origin ignores nothing that a param could have.
   */
  readonly plainParams: ((resource: string, params: Params) => Params | undefined) | undefined;
  /** What makes no difference to the tags of its responses. */
  readonly ignoredInTags: readonly PathDifference[];
}

export interface RouteTable {
  find(resource: string): { readonly route: Route; readonly params: Params };
}

/** The outcome of a read, for the log and the metrics. */
export interface ReadOutcome {
  readonly outcome: 'hit' | 'stale' | 'revalidated' | 'miss' | 'collapsed' | 'bypass' | 'error';
  readonly detail: string | undefined;
  /** Why what was stored could not answer, however young: `no-cache`, `no-lifetime`. */
  readonly unusable?: string | undefined;
}

/** What a write invalidates, and the events that announce it. */
export interface Effect {
  readonly coverage: Coverage;
  readonly announcements: readonly Announcement[];
  readonly named: readonly Target[];
  /** As written in logs: `/steps/7`, `tag:step:7`. */
  readonly targets: readonly string[];
  readonly unresolved: readonly (Unresolved & { readonly rule: string })[];
}

/** The result of patching stored parents. */
export interface PatchReport {
  readonly put: number;
  /** Parents that stay invalidated, and why. */
  readonly uncertain: readonly { readonly path: string; readonly reason: string }[];
}

/** The outcome of a write and its reason. `refused` is by the gateway; for the others see `WriteReport`. */
export interface Verdict {
  readonly outcome: 'applied' | 'unchanged' | 'refused' | 'indeterminate';
  readonly reason: string;
}

/** What happens to the responses stored under a target. */
export interface TargetAction {
  readonly target: string;
  readonly action: 'invalidate' | 'refresh' | 'patch';
  /** Why the action differs from the one that a rule asks for. */
  readonly why?: string;
}

/** What an entry of `writes` makes of a write. */
export interface ProtectionExplanation {
  /** The entry as written, and where it is. */
  readonly entry: string;
  readonly at: string;
  /** `unchanged`: answered without the API. `forwarded`: to the API, as `becomes`. */
  readonly outcome: 'forwarded' | 'unchanged' | 'refused';
  readonly reason: string;
  /** What its key means, and what is wrong with its body. */
  readonly notes: readonly string[];
  /** The body that the API gets; undefined if it gets none. */
  readonly becomes: string | undefined;
  /** How the resource would differ from the current representation; undefined if that is not known. */
  readonly differences: readonly Difference[] | undefined;
}

/** What a write invalidates, and how that was determined. */
export interface Explanation extends Verdict {
  readonly method: string;
  readonly path: string;
  readonly rules: readonly RuleExplanation[];
  /** Targets of every write: the written resource, `Location`, the origin's cache groups (RFC 9111 §4.4, RFC 9875). */
  readonly implied: readonly string[];
  /** All targets, from the rules and implied; empty if nothing is recorded. */
  readonly targets: readonly string[];
  /** One action for each of `targets`. */
  readonly actions: readonly TargetAction[];
  /** Names of the tags among the targets. */
  readonly tags: readonly string[];
  readonly events: readonly Announcement[];
  /** Of a write under an entry of `writes`, where it is only proposed. */
  readonly protection?: ProtectionExplanation | undefined;
}

/** The outcome of a write: one line in the log. */
export interface WriteReport {
  readonly request: ClientRequest;
  readonly rules: readonly string[];
  /** Rules whose pattern matched but that were not applied, and why. */
  readonly skipped: readonly { readonly rule: string; readonly why: string }[];
  /**
   * `unchanged`: a 4xx, a write that never reached the origin, or one that changed nothing. `indeterminate`: it is
   * unknown whether the origin applied it.
   */
  readonly outcome: 'applied' | 'indeterminate' | 'unchanged';
  readonly status: number | undefined;
  readonly effect: Effect | undefined;
  readonly position: Position | undefined;
  readonly removed: number;
  readonly patched: PatchReport | undefined;
  readonly ms: number;
}

/** How many responses in this node's memory a target covers. */
export interface TargetCount {
  readonly target: string;
  readonly count: number;
  /** A few of the covered responses, as paths with queries. */
  readonly samples: readonly string[];
}

export interface DoneInvalidation {
  readonly dryRun: boolean;
  readonly targets: readonly TargetCount[];
  /** Responses covered by any target, each counted once. */
  readonly removed: number;
  /** The record's position; undefined after a dry run. */
  readonly position: Position | undefined;
}
