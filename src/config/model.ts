/** The configuration after loading: every default applied, every unit parsed. Sizes in bytes, times in milliseconds. */
export interface GatewayConfig {
  server: {
    listen: Address;
    /** Where clients' `Forwarded`/`X-Forwarded-*` are believed; from anyone else they are replaced. */
    trustedProxies: readonly string[];
    limits: ServerLimits;
    /** How long a stopping gateway waits for exchanges in flight. */
    drainMs: number;
  };
  admin: { listen: Address; token: string | undefined };
  /** By name; the single `origin:` of a configuration is called `default`. */
  origins: Readonly<Record<string, OriginConfig>>;
  store: {
    memory: { maxBytes: number; maxEntryBytes: number; maxVariants: number };
    redis: { url: string; prefix: string } | undefined;
  };
  coherence: {
    mode: 'strict' | 'eventual';
    onPartition: 'reject' | 'queue';
    /** After a write of unknown outcome, how long what it may have touched is passed through and not stored. */
    settleMs: number;
  };
  events: { path: string; heartbeatMs: number; maxSubscribers: number; history: number };
  log: { level: LogLevel };
  /** The policy of a request that matches no route. */
  fallback: RoutePolicy;
  /** First match wins. */
  routes: readonly RouteConfig[];
  /** All that match apply. */
  rules: readonly RuleConfig[];
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface Address {
  host: string;
  port: number;
}

export interface ServerLimits {
  /** Request head, all header fields together. */
  headerBytes: number;
  /** Bodies (of writes and of their answers) longer than this stream through and are not read for ids. */
  resolveBytes: number;
  /** A request body longer than this is refused with 413; `undefined` is no limit. */
  requestBytes: number | undefined;
  connections: number;
}

export interface OriginConfig {
  /** `http:` or `https:`, an origin with an optional base path. */
  url: string;
  /** For the head of an answer, and for each silence inside a body. */
  timeoutMs: number;
  connectTimeoutMs: number;
  connections: number;
}

export interface RoutePolicy {
  /** Name of the origin in `origins`. */
  origin: string;
  cache: CachePolicy;
  client: ClientPolicy;
}

export interface CachePolicy {
  /** `cache: off`: passed through, never stored. */
  off: boolean;
  /** Replaces the origin's freshness lifetime; undefined: the origin's own (RFC 9111 §4.2.1). */
  ttlMs: number | undefined;
  /** With a `ttl`: also overrides the origin's prohibitions (`no-store`, `private`, `no-cache`). */
  force: boolean;
  /** undefined: what the origin's own directive says (RFC 5861). */
  staleWhileRevalidateMs: number | undefined;
  staleIfErrorMs: number | undefined;
  /** `query`: the parameters in the key, undefined for all; `headers`: keyed beside `Vary`, lower case. */
  key: { query: readonly string[] | undefined; headers: readonly string[] };
  credentials: 'bypass' | 'perUser' | 'shared';
  /** For `perUser`: `authorization`, `cookie`, any header name, or `cookie:NAME`. */
  userKey: readonly string[];
  setCookie: 'bypass' | 'store' | 'strip';
  requestDirectives: 'honour' | 'ignore';
}

export interface ClientPolicy {
  /** A literal `Cache-Control` value, or `origin` to leave what the origin sent. */
  cacheControl: string;
  etag: 'strong' | 'origin';
}

export interface RouteConfig extends RoutePolicy {
  /** The pattern as written, `/steps/:stepId`: the route's name in logs and tags. */
  match: string;
  /** Tag templates: `step:{stepId}`, `accommodation:{response.accommodations[*].id}`. */
  tags: readonly string[];
  source: SourcePosition;
}

export interface RuleConfig {
  name: string;
  /** `['*']` for any unsafe method. Upper case. */
  methods: readonly string[];
  pattern: string;
  invalidate: readonly TargetConfig[];
  event: string | undefined;
  unresolved: 'widen' | 'ignore' | 'reject';
  /** Whether a representation may be read from the origin for `before` where none is stored. */
  before: 'read' | 'stored' | 'off';
  source: SourcePosition;
}

/** A target as written: a path template (with or without a query), or a tag template. */
export type TargetConfig = { path: string; source: SourcePosition } | { tag: string; source: SourcePosition };

export interface SourcePosition {
  file: string;
  line: number;
  column: number;
}
