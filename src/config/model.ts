/** The configuration after loading: every default applied, every unit parsed. Sizes in bytes, times in milliseconds. */
export interface GatewayConfig {
  server: {
    listen: Address;
    /** Where clients' `Forwarded`/`X-Forwarded-*` are believed; from anyone else they are replaced. */
    trustedProxies: readonly string[];
    limits: ServerLimits;
    /** Processes that share the port. */
    workers: number;
    /** How long a stopping gateway waits for exchanges in flight. */
    drainMs: number;
  };
  admin: { listen: Address; token: string | undefined };
  /** By name; the single `origin:` of a configuration is called `default`. */
  origins: Readonly<Record<string, OriginConfig>>;
  store: {
    memory: { maxBytes: number; maxEntryBytes: number; maxVariants: number };
    /** `scope`: gateways with the same are nodes of one. */
    redis:
      | {
          urls: readonly string[];
          prefix: string;
          scope: string;
          /** Responses that the nodes share; undefined: none. */
          tier:
            | {
                ttlMs: number;
                /** Of all nodes together. */
                maxBytes: number;
                maxEntryBytes: number;
                compressAboveBytes: number;
                timeoutMs: number;
              }
            | undefined;
        }
      | undefined;
  };
  coherence: {
    mode: 'strict' | 'eventual';
    onPartition: 'reject' | 'queue';
    /** How long a node may serve from memory without hearing from the others. */
    leaseMs: number;
    /** After a write of unknown outcome, how long what it may have touched is passed through and not stored. */
    settleMs: number;
  };
  events: {
    path: string;
    heartbeatMs: number;
    maxSubscribers: number;
    history: { maxEvents: number; maxBytes: number };
  };
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
  /** How long a body may stand still because of its client, in either direction. */
  bodyIdleMs: number;
  /** What a client must send or read at least, on the average, once `bodyIdleMs` have passed. */
  minBodyBytesPerSecond: number;
  perAddress: {
    connections: number;
    /** Between 0 and 1: of an origin's connections, for bodies that wait for their client while other requests wait for one. */
    originShare: number;
    /** Event streams, and as many WebSockets. */
    streams: number;
  };
}

export interface OriginConfig {
  /** `http:` or `https:`, an origin with an optional base path. */
  url: string;
  /** For the head of an answer, and for each silence inside a body. */
  timeoutMs: number;
  connectTimeoutMs: number;
  connections: number;
  /** What an answer of 5xx to a write says: it may have been applied, or it certainly was not. */
  serverErrors: 'unknown' | 'unchanged';
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
  key: { query: readonly string[] | undefined; order: 'keep' | 'sort'; headers: readonly string[] };
  credentials: 'bypass' | 'perUser' | 'shared';
  /** For `perUser`: `authorization`, `cookie`, any header name, or `cookie:NAME`. */
  userKey: readonly string[];
  /** `ignore`: cookies say nothing about the response; reads are answered, and forwarded, as if there were none. */
  cookies: 'credentials' | 'ignore';
  setCookie: 'bypass' | 'store' | 'strip';
  requestDirectives: 'honour' | 'ignore';
  /** RFC 9213 fields that are looked for before `CDN-Cache-Control`. Lower case. */
  targetedFields: readonly string[];
}

export interface ClientPolicy {
  /** A literal `Cache-Control` value, or `origin` to leave what the origin sent. */
  cacheControl: string;
  etag: 'strong' | 'origin';
  /** Content codings in which stored bodies are served, the most wanted first. Empty: as the origin coded them. */
  encode: readonly ContentCoding[];
  /** Whether the fields that carry tags reach clients. */
  tags: 'strip' | 'keep';
}

export type ContentCoding = 'br' | 'gzip';

export interface RouteConfig extends RoutePolicy {
  /** The pattern as written, `/steps/:stepId`: the route's name in logs and tags. */
  match: string;
  /** Tag templates: `step:{stepId}`, `accommodation:{response.accommodations[*].id}`. */
  tags: readonly string[];
  /**
   * Where the representation of a resource that is written at `match` lives, if not at the same path: a path template over
   * the write's `params`, `query`, `requestHeader` and `request`.
   */
  before: string | undefined;
  source: SourcePosition;
}

export interface RuleConfig {
  name: string;
  /** `['*']` for any unsafe method. Upper case. */
  methods: readonly string[];
  pattern: string;
  when: ConditionConfig | undefined;
  /** Root name → path template of what is read from the origin, once the write is done, to climb further. */
  lookup: Readonly<Record<string, string>>;
  invalidate: readonly TargetConfig[];
  /** Path templates: invalidated, and what was stored of them is fetched again at once. */
  refresh: readonly { path: string; source: SourcePosition }[];
  /** Stored parents that take the changed representation in place of being invalidated, wherever that is certain. */
  patch: readonly PatchConfig[];
  /** A write that leaves the representation as it was, but for these members, records and announces nothing. */
  onlyIfChanged: { readonly ignoring: readonly string[] } | undefined;
  /** For so long after the write, what it hits is passed through and not stored: the origin may still serve it as it was. */
  settleMs: number | undefined;
  event: EventConfig | undefined;
  unresolved: 'widen' | 'ignore' | 'reject';
  /** Whether a representation may be read from the origin for `before` where none is stored. */
  before: 'read' | 'stored' | 'off';
  source: SourcePosition;
}

/** All that is said must hold. What cannot be known (a body that could not be read) holds, but under `unresolved: ignore`. */
export interface ConditionConfig {
  /** Codes and classes, `['200', '2xx']`; any of them. Empty: any status. */
  status: readonly string[];
  /** Sources (`response.stepId`) that must give a value that is not null. */
  present: readonly string[];
  absent: readonly string[];
  /** Source → the values of which it must have one, compared as text. */
  equals: readonly { source: string; values: readonly string[] }[];
  /** JSONPaths below `before` and `response`, the leading `$` left out (`stepId`): any of them must differ. Empty: no condition. */
  changed: readonly string[];
}

export interface EventConfig {
  type: string;
  /** Member → source; a source that can select many gives an array. */
  payload: Readonly<Record<string, string>>;
}

/** A target as written: a path template (with or without a query), or a tag template. `cascade`: also what embeds what it hits. */
export type TargetConfig =
  | { path: string; cascade: boolean; source: SourcePosition }
  | { tag: string; cascade: boolean; source: SourcePosition };

export interface PatchConfig {
  /** Path template of the parents. Those that only `before` names lose the element. */
  path: string;
  /** JSON Pointer (RFC 6901) in the parent: to an array that holds the element, or to the representation itself. */
  at: string;
  /** The member that tells the elements of an array apart. */
  key: string;
  /** Source of the new representation: `response`, `request`, or one with a path below (`response.accommodation`). */
  with: string;
  /** Where an element goes that the array does not hold yet; `never` invalidates the parent instead. */
  add: 'end' | 'start' | 'never';
  source: SourcePosition;
}

export interface SourcePosition {
  file: string;
  line: number;
  column: number;
}
