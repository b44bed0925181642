import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { credentialNames } from '../http/credentials.ts';
import type { Located } from './lint-routes.ts';
import type {
  ConditionConfig,
  DeclaredReadConfig,
  EventsAuthConfig,
  GatewayConfig,
  OriginConfig,
  RouteConfig,
  RoutePolicy,
  RuleConfig,
  SchemaDocuments,
  SnapshotConfig,
  WriteProtectionConfig,
} from './model.ts';
import { DEFAULT_ORIGIN, defaultOrigin } from './origins.ts';
import { builtInCache, builtInClient, cachePolicy, clientPolicy } from './policy.ts';
import type { DeclaredReadSettings } from './reads-schema.ts';
import type { PolicySettings, RouteSettings } from './route-schema.ts';
import type { RuleSettings } from './rule-schema.ts';
import type { configSchema, originSchema } from './schema.ts';
import { webhookOf } from './webhooks-schema.ts';
import type { WriteSettings } from './writes-schema.ts';

type Settings = z.output<typeof configSchema>;
type OriginSettings = z.output<typeof originSchema>;

/** The parts that included files may have, too. */
interface Parts {
  readonly routes: readonly Located<RouteSettings>[];
  readonly rules: readonly Located<RuleSettings>[];
  readonly writes: readonly Located<WriteSettings>[];
  readonly schemas: ReadonlyMap<WriteSettings, SchemaDocuments>;
}

/**
 * Converts valid settings into the gateway's configuration: units in names, every default applied.
 * @param folder the one that paths of files are relative to
 */
export function assemble(settings: Settings, { routes, rules, writes, schemas }: Parts, folder: string): GatewayConfig {
  const { server, admin, store, coherence, events, log } = settings;
  const origins = originsOf(settings);
  const cache = {
    ...builtInCache,
    credentialHeaders: credentialNames(settings.credentialHeaders),
    credentialParams: settings.credentialParams,
  };
  const client = { ...builtInClient, eventCursor: events.cursor };
  const fallback = policyOf(
    { origin: defaultOrigin(Object.keys(origins)) ?? DEFAULT_ORIGIN, cache, client },
    settings.defaults ?? {},
  );
  return {
    server: {
      listen: server.listen,
      trustedProxies: server.trustedProxies,
      limits: {
        headerBytes: server.limits.headers,
        resolveBytes: server.limits.resolveBody,
        requestBytes: server.limits.requestBody,
        connections: server.limits.connections,
        bodyIdleMs: server.limits.bodyIdle,
        minBodyBytesPerSecond: server.limits.minBodyRate,
        perAddress: server.limits.perAddress,
      },
      workers: server.workers,
      front: server.front,
      drainMs: server.drain,
    },
    admin: { listen: admin.listen, token: admin.token },
    origins,
    store: {
      memory: {
        maxBytes: store.memory.maxSize,
        maxEntryBytes: store.memory.maxEntry,
        maxVariants: store.memory.maxVariants,
        admission: store.memory.admission,
      },
      redis: store.redis && {
        urls: [store.redis.url].flat(),
        prefix: store.redis.prefix,
        scope: store.redis.scope ?? scopeOf(origins, fallback.origin),
        tier: tierOf(store.redis.tier),
      },
      snapshot: store.snapshot && snapshotOf(store.snapshot, folder),
    },
    coherence: {
      mode: coherence.mode,
      onPartition: coherence.onPartition ?? (coherence.mode === 'strict' ? 'reject' : 'queue'),
      leaseMs: coherence.lease,
      quarantineMs: coherence.settle,
    },
    events: {
      path: events.path,
      mercure: events.mercure,
      webSocket: events.webSocket,
      auth: events.auth && authOf(events.auth.jwt, folder),
      cors: events.cors,
      coalesceMs: events.coalesce,
      jitterMs: events.jitter,
      heartbeatMs: events.heartbeat,
      maxSubscribers: events.maxSubscribers,
      history: { maxEvents: events.history, maxBytes: events.historySize },
    },
    webhooks: settings.webhooks.map(webhookOf),
    log: { level: log.level },
    fallback,
    routes: routes.map((route) => routeOf(route, fallback)),
    rules: rules.map(ruleOf),
    reads: settings.reads.map((read) => declaredReadOf(read, fallback)),
    writes: writes.map((write) => protectionOf(write, schemas.get(write.settings))),
  };
}

type JwtSettings = NonNullable<Settings['events']['auth']>['jwt'];

function authOf({ secret, jwks, issuer, audience, claim, cookie }: JwtSettings, folder: string): EventsAuthConfig {
  // Without either, the configuration is not valid (lint-events.ts).
  const keys = jwks ?? { secret: secret ?? '' };
  const resolved = 'file' in keys ? { file: resolve(folder, keys.file) } : keys;
  return { keys: resolved, issuer, audience, claim, cookie };
}

function originsOf({ origin, origins }: Settings): Record<string, OriginConfig> {
  const named = origin === undefined ? (origins ?? {}) : { [DEFAULT_ORIGIN]: origin };
  return Object.fromEntries(
    Object.entries(named).map(([name, { timeout, connectTimeout, host, circuit, health, ...origin }]) => [
      name,
      {
        ...{ ...origin, host: hostFor(origin.url, host), timeoutMs: timeout, connectTimeoutMs: connectTimeout },
        ...{ circuit: circuitOf(circuit), health: healthOf(health) },
      },
    ]),
  );
}

function circuitOf(circuit: OriginSettings['circuit']): OriginConfig['circuit'] {
  if (circuit === 'off') return undefined;
  return { failures: circuit.failures, firstMs: circuit.probe.first, mostMs: circuit.probe.most };
}

function healthOf(health: OriginSettings['health']): OriginConfig['health'] {
  return health && { path: health.path, intervalMs: health.interval, timeoutMs: health.timeout };
}

/**
 * An origin behind TLS is often one of many at its address, which its name and certificate tell apart. One on the same
 * network often builds links from the `Host` that it gets.
 */
function hostFor(url: string, host: string | undefined): string | undefined {
  const { protocol, host: own } = new URL(url);
  const chosen = host ?? (protocol === 'https:' ? 'origin' : 'client');
  if (chosen === 'client') return undefined;
  return chosen === 'origin' ? own : chosen;
}

function policyOf(under: RoutePolicy, settings: PolicySettings): RoutePolicy {
  return {
    origin: settings.origin ?? under.origin,
    cache: cachePolicy(under.cache, settings.cache),
    client: clientPolicy(under.client, settings.client),
  };
}

function routeOf({ settings, document, path }: Located<RouteSettings>, fallback: RoutePolicy): RouteConfig {
  return {
    ...policyOf(fallback, settings),
    match: settings.match,
    tags: settings.tags ?? [],
    before: settings.before,
    source: document.positionOf(path),
  };
}

function declaredReadOf(read: DeclaredReadSettings, fallback: RoutePolicy): DeclaredReadConfig {
  const { methods, pattern } = 'on' in read ? read.on : read;
  const cache = 'on' in read && read.cache !== undefined ? cachePolicy(fallback.cache, read.cache) : undefined;
  return {
    name: `${methods.join('|')} ${pattern}`,
    methods,
    pattern,
    cache: cache?.off === true ? undefined : cache,
    maxBodyBytes: 'on' in read ? read.maxBody : 0,
  };
}

function ruleOf({ settings, document, path }: Located<RuleSettings>): RuleConfig {
  const { name, on, when, onlyIfChanged, event, unresolved, before } = settings;
  return {
    name,
    methods: on.methods,
    pattern: on.pattern,
    when: when === undefined ? undefined : conditionOf(when),
    lookup: settings.lookup ?? {},
    invalidate: (settings.invalidate ?? []).map((target, i) => {
      const source = document.positionOf([...path, 'invalidate', i]);
      if (typeof target === 'string') return { path: target, cascade: false, source };
      return { ...target, source };
    }),
    refresh: (settings.refresh ?? []).map((written, i) => ({
      path: written,
      source: document.positionOf([...path, 'refresh', i]),
    })),
    patch: (settings.patch ?? []).map((patch, i) => ({ ...patch, source: document.positionOf([...path, 'patch', i]) })),
    onlyIfChanged: onlyIfChangedOf(onlyIfChanged),
    quarantineMs: settings.settle,
    event:
      typeof event === 'string'
        ? { type: event, payload: {} }
        : event && { type: event.type, payload: event.payload ?? {} },
    unresolved,
    before,
    source: document.positionOf(path),
  };
}

function conditionOf(when: NonNullable<RuleSettings['when']>): ConditionConfig {
  return {
    status: when.status ?? [],
    present: when.present ?? [],
    absent: when.absent ?? [],
    equals: Object.entries(when.equals ?? {}).map(([source, values]) => ({ source, values })),
    changed: when.changed ?? [],
  };
}

function onlyIfChangedOf(setting: RuleSettings['onlyIfChanged']): RuleConfig['onlyIfChanged'] {
  if (setting === undefined || setting === false) return undefined;
  return setting === true ? { ignoring: [] } : setting;
}

function protectionOf(
  { settings, document, path }: Located<WriteSettings>,
  documents: SchemaDocuments = {},
): WriteProtectionConfig {
  const { on, merge, preserve, precondition, unchanged, validate, idempotency } = settings;
  const preserved = Array.isArray(preserve) ? { paths: preserve, onPatch: 'refuse' as const } : preserve;
  const needsCurrent = merge || preserve !== undefined || unchanged === 'skip';
  return {
    name: `${on.methods.join('|')} ${on.pattern}`,
    ...on,
    ...{ merge, unchanged },
    preserve: preserved ?? { paths: [], onPatch: 'refuse' },
    precondition: precondition ?? (needsCurrent ? 'honour' : 'off'),
    validate: validate && {
      kind: 'schema' in validate ? 'schema' : 'openapi',
      documents,
      mode: validate.mode,
    },
    idempotency: idempotency && { required: idempotency.key === 'required', keepMs: idempotency.keep },
    source: document.positionOf(path),
  };
}

/**
 * Gateways whose default origin has the same URL are nodes of one, unless they say otherwise; those before others never
 * meet. Not of all origins, so that one that is added, as a new configuration is deployed, does not make two of them.
 */
function scopeOf(origins: GatewayConfig['origins'], fallback: string): string {
  // A configuration without an origin for requests that match no route is not valid (lint-settings.ts).
  const { url } = origins[fallback] as OriginConfig;
  return createHash('sha256').update(url).digest('hex').slice(0, 16);
}

function snapshotOf(
  { path, maxSize, ...settings }: NonNullable<Settings['store']['snapshot']>,
  folder: string,
): SnapshotConfig {
  return { ...settings, path: resolve(folder, path), maxBytes: maxSize, key: settings.key };
}

type TierSettings = NonNullable<Settings['store']['redis']>['tier'];

function tierOf(tier: TierSettings): NonNullable<GatewayConfig['store']['redis']>['tier'] {
  if (tier === 'off') return undefined;
  const { ttl, maxSize, maxEntry, compressAbove, timeout } = tier;
  return {
    ttlMs: ttl,
    maxBytes: maxSize,
    maxEntryBytes: maxEntry,
    compressAboveBytes: compressAbove,
    timeoutMs: timeout,
  };
}
