/** The configuration after loading: every default applied, every unit parsed. Sizes in bytes, times in milliseconds. */
export interface GatewayConfig {
  server: {
    listen: Address;
    /** Peers whose `Forwarded` and `X-Forwarded-*` are trusted; from others they are replaced. */
    trustedProxies: readonly string[];
    limits: ServerLimits;
    /** Processes that share the port. */
    workers: number;
    /** Hits are answered on the socket where that is possible. */
    front: boolean;
    /** How long a stopping gateway waits for requests in flight. */
    drainMs: number;
  };
  admin: { listen: Address; token: string | undefined };
  /** By name; the single `origin:` of a configuration is called `default`. */
  origins: Readonly<Record<string, OriginConfig>>;
  store: {
    memory: { maxBytes: number; maxEntryBytes: number; maxVariants: number; admission: 'all' | 'frequency' };
    /** Gateways with the same `scope` form one cluster. */
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
    /** Undefined: nothing is saved or loaded. */
    snapshot: SnapshotConfig | undefined;
  };
  coherence: {
    mode: 'strict' | 'eventual';
    onPartition: 'reject' | 'queue';
    /** How long a node may serve from memory without contact to the others. */
    leaseMs: number;
    /** After an indeterminate write, how long nothing that it may have changed is stored. */
    quarantineMs: number;
  };
  events: {
    path: string;
    /** Whether `/.well-known/mercure` is another path of it. */
    mercure: boolean;
    /** Undefined: no WebSocket. */
    webSocket: string | undefined;
    /** Undefined: anyone may see all events. */
    auth: EventsAuthConfig | undefined;
    cors: EventsCorsConfig | undefined;
    /** Events that name the same paths within this time become one. 0: none do. */
    coalesceMs: number;
    /** Told to clients: they spread what they fetch again over this time. 0: not told. */
    jitterMs: number;
    heartbeatMs: number;
    maxSubscribers: number;
    history: { maxEvents: number; maxBytes: number };
  };
  /** In the order of the file. */
  webhooks: readonly WebhookConfig[];
  log: { level: LogLevel };
  /** The policy of a request that matches no route. */
  fallback: RoutePolicy;
  /** First match wins. */
  routes: readonly RouteConfig[];
  /** All matching rules apply. */
  rules: readonly RuleConfig[];
  /** Requests of unsafe methods that only read. First match wins. */
  reads: readonly DeclaredReadConfig[];
  /** Writes that are protected. First match wins. */
  writes: readonly WriteProtectionConfig[];
}

/** The memory tier in a file, across restarts. */
export interface SnapshotConfig {
  /** An absolute folder. */
  path: string;
  load: 'off' | 'revalidate' | 'trust';
  /** `stop`: as the gateway stops. A number: also after each such interval, in milliseconds. */
  save: 'off' | 'stop' | number;
  maxBytes: number;
  /** In base64url. Secret. */
  key: string | undefined;
}

/** How the tokens of subscribers are verified. */
export interface EventsAuthConfig {
  keys: { readonly secret: string } | { readonly url: string } | { readonly file: string };
  issuer: string | undefined;
  audience: string | undefined;
  /** The claim that says what may be seen. */
  claim: string;
  /** The cookie that may carry the token. */
  cookie: string;
}

export interface EventsCorsConfig {
  /** Origins of pages, or `*`. */
  origins: readonly string[];
  credentials: boolean;
}

/** An endpoint that is sent what has changed. */
export interface WebhookConfig {
  /** Unique, and without secrets. */
  name: string;
  /** `https:`, or `http:` where that was allowed. Secret: its path or query may be a token. */
  url: string;
  /** `whsec_…`: each signs. Secret. */
  secrets: readonly string[];
  /** As a subscriber's filter: patterns as written, and tags. */
  match: readonly string[];
  tags: readonly string[];
  /** Types of events; empty: all. */
  events: readonly string[];
  /** Addresses and blocks that may be connected to although they are not public. */
  allow: readonly string[];
  /** For one attempt. */
  timeoutMs: number;
}

export interface DeclaredReadConfig {
  /** As written, `POST /graphql`: its name in logs. */
  name: string;
  methods: readonly string[];
  pattern: string;
  /** undefined: passed through. */
  cache: CachePolicy | undefined;
  /** A request with a longer body passes through. */
  maxBodyBytes: number;
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface Address {
  host: string;
  port: number;
}

export interface ServerLimits {
  /** All header fields of a request in total. */
  headerBytes: number;
  /** Longer request and response bodies of writes are passed through and not read for ids. */
  resolveBytes: number;
  /** A longer request body is refused with 413; `undefined`: no limit. */
  requestBytes: number | undefined;
  connections: number;
  /** How long a body may stand still because of its client, in either direction. */
  bodyIdleMs: number;
  /** What a client must send or read at least, on the average, once `bodyIdleMs` have passed. */
  minBodyBytesPerSecond: number;
  perAddress: {
    connections: number;
    /** Between 0 and 1: of each origin's connections, for all requests of the address. */
    originShare: number;
    /** Event streams, and as many WebSockets. */
    streams: number;
  };
}

export interface OriginConfig {
  /** `http:` or `https:`, optionally with a base path. */
  url: string;
  /** The `Host` that it gets, in lower case; undefined: the client's. */
  host: string | undefined;
  /** For the response head, and for each pause within the body. */
  timeoutMs: number;
  connectTimeoutMs: number;
  connections: number;
  /** What a 5xx says about a write: it may have been applied, or it certainly was not. */
  serverErrors: 'unknown' | 'unchanged';
  /**
   * Answers that more bytes follow than they say, or with an unknown transfer coding: passed on, or stored as far as
   * they say.
   */
  misframed: 'bypass' | 'store';
  /**
   * Sent with the gateway's own reads (`before`, lookups), in place of the writer's credentials. Lower case. Secret.
   */
  headers: Readonly<Record<string, string>>;
  /** When it is taken to be down, and how often it is asked whether it still is. Undefined: never. */
  circuit: { failures: number; firstMs: number; mostMs: number } | undefined;
  /** Where it is asked how it is. Undefined: nowhere. */
  health: { path: string; intervalMs: number; timeoutMs: number } | undefined;
  /** What this origin makes no difference of in paths: routes match whatever stands there. */
  ignoreInPaths: readonly ('case' | 'parameters' | 'extension')[];
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
  /** What an error is kept for at most, where the origin does not say so itself. */
  errorTtlMs: number;
  /** With a `ttl`: also overrides the origin's prohibitions (`no-store`, `private`, `no-cache`). */
  force: boolean;
  /** undefined: as the origin's directive says (RFC 5861). */
  staleWhileRevalidateMs: number | undefined;
  staleIfErrorMs: number | undefined;
  /** `query`: the parameters in the key, undefined for all. `headers`: in addition to `Vary`, lower case. */
  key: { query: readonly string[] | undefined; order: 'keep' | 'sort'; headers: readonly string[] };
  credentials: 'bypass' | 'perUser' | 'shared';
  /** Under `bypass`: fields, in lower case, that do not keep a response from being shared. */
  sharedCredentials: readonly string[];
  /**
   * For `perUser`: `authorization`, `cookie`, any header name, `cookie:NAME`, or `query:NAME` of `credentialParams`.
   */
  userKey: readonly string[];
  /** What carries credentials, the same on all routes: header fields in lower case, and query parameters. */
  credentialHeaders: ReadonlySet<string>;
  credentialParams: readonly string[];
  /** `ignore`: responses do not depend on cookies; reads are answered and forwarded as if there were none. */
  cookies: 'credentials' | 'ignore';
  /** Cookies that say nothing: reads are answered and forwarded without them. `_ga_*`: all that begin so. */
  idleCookies: readonly string[];
  setCookie: 'bypass' | 'store' | 'strip';
  requestDirectives: 'honour' | 'ignore';
  /** Targeted fields (RFC 9213) that take precedence over `CDN-Cache-Control`. Lower case. */
  targetedFields: readonly string[];
}

export interface ClientPolicy {
  /** A literal `Cache-Control` value, or `origin` to pass on what the origin sent. */
  cacheControl: string;
  /** An origin's `Cache-Control` with `immutable` reaches clients as it is: the configuration does not say another. */
  immutable: boolean;
  etag: 'strong' | 'origin';
  /** Codings for serving stored bodies, preferred first. Empty: as the origin coded them. */
  encode: readonly ContentCoding[];
  /** Whether clients get the fields that carry tags. */
  tags: 'strip' | 'keep';
  /** Whether answers to reads carry `Unstale-Event-Cursor`. The same on all routes. */
  eventCursor: boolean;
}

export type ContentCoding = 'br' | 'gzip';

export interface RouteConfig extends RoutePolicy {
  /** The pattern as written, `/steps/:stepId`: the route's name in logs and tags. */
  match: string;
  /** Tag templates: `step:{stepId}`, `accommodation:{response.accommodations[*].id}`. */
  tags: readonly string[];
  /**
   * Where to read the representation of a resource written at `match`, if not at the same path: a path template with
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
  /** Name → path template of a read from the origin after the write, to follow the parent. */
  lookup: Readonly<Record<string, string>>;
  invalidate: readonly TargetConfig[];
  /** Path templates: invalidated, and fetched again at once if they were stored. */
  refresh: readonly { path: string; source: SourcePosition }[];
  /** Stored parents that are updated in place instead of being invalidated, where that is certain to be correct. */
  patch: readonly PatchConfig[];
  /** A write that changes only these members invalidates nothing and sends no event. */
  onlyIfChanged: { readonly ignoring: readonly string[] } | undefined;
  /** How long after the write nothing that the rule covers is stored: the origin may still serve the old state. */
  quarantineMs: number | undefined;
  event: EventConfig | undefined;
  unresolved: 'widen' | 'ignore' | 'reject';
  /** Whether `before` may be read from the origin if it is not stored. */
  before: 'read' | 'stored' | 'off';
  source: SourcePosition;
}

/** The texts of a schema's files, by their paths from the first one, whose path is empty. */
export type SchemaDocuments = Readonly<Record<string, string>>;

/** How writes of some resources are kept from destroying what others have written. */
export interface WriteProtectionConfig {
  /** As written, `PUT|PATCH /settings`: its name in logs. */
  name: string;
  /** `['*']` for any unsafe method. Upper case. */
  methods: readonly string[];
  pattern: string;
  /** Members that the body of a PUT leaves out keep their current values. */
  merge: boolean;
  /** Members by the names that lead to them, through objects only. */
  preserve: { readonly paths: readonly (readonly string[])[]; readonly onPatch: 'refuse' | 'drop' };
  precondition: 'required' | 'honour' | 'off';
  /** What happens to a body that changes nothing. */
  unchanged: 'send' | 'skip';
  validate:
    | { readonly kind: 'schema' | 'openapi'; readonly documents: SchemaDocuments; readonly mode: 'enforce' | 'log' }
    | undefined;
  idempotency: { readonly required: boolean; readonly keepMs: number } | undefined;
  source: SourcePosition;
}

/**
 * All parts must hold. A part that cannot be evaluated (an unreadable body) holds, except under `unresolved: ignore`.
 */
export interface ConditionConfig {
  /** Codes and classes, `['200', '2xx']`; any of them. Empty: any status. */
  status: readonly string[];
  /** Sources (`response.stepId`) that must have a value other than null. */
  present: readonly string[];
  absent: readonly string[];
  /** Source → values, one of which it must have; compared as text. */
  equals: readonly { source: string; values: readonly string[] }[];
  /** JSONPaths without `$` (`stepId`): one must differ between `before` and `response`. Empty: no condition. */
  changed: readonly string[];
}

export interface EventConfig {
  type: string;
  /** Member → source; a source that can select several values gives an array. */
  payload: Readonly<Record<string, string>>;
}

/** A target as written: a path template, or a tag template. `cascade`: also what embeds it. */
export type TargetConfig =
  | { path: string; cascade: boolean; source: SourcePosition }
  | { tag: string; cascade: boolean; source: SourcePosition };

export interface PatchConfig {
  /** Path template of the parents. Those that only `before` names lose the element. */
  path: string;
  /** JSON Pointer (RFC 6901) in the parent: to the array with the element, or to the element itself. */
  at: string;
  /** The member that identifies an element of an array. */
  key: string;
  /** Source of the new representation: `response`, `request`, or one with a path below (`response.accommodation`). */
  with: string;
  /** Where to add a new element; `never` invalidates the parent instead. */
  add: 'end' | 'start' | 'never';
  source: SourcePosition;
}

export interface SourcePosition {
  file: string;
  line: number;
  column: number;
}
