import { describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../src/config/model.ts';
import { credentialNames } from '../../src/http/credentials.ts';
import { commonIdleCookies } from '../../src/http/idle-cookies.ts';
import { configOf } from './parse.ts';

const origin = 'origin: { url: http://127.0.0.1:4000 }\n';

const least: GatewayConfig = {
  server: {
    listen: { host: '127.0.0.1', port: 8080 },
    trustedProxies: [],
    limits: {
      headerBytes: 32_768,
      resolveBytes: 1_048_576,
      requestBytes: undefined,
      connections: 10_000,
      bodyIdleMs: 20_000,
      minBodyBytesPerSecond: 512,
      perAddress: { connections: 1_000, originShare: 0.75, streams: 1_000 },
    },
    workers: 1,
    front: true,
    drainMs: 8_000,
  },
  admin: { listen: { host: '127.0.0.1', port: 9090 }, token: undefined },
  origins: {
    default: {
      url: 'http://127.0.0.1:4000',
      timeoutMs: 10_000,
      connectTimeoutMs: 2_000,
      connections: 256,
      host: undefined,
      serverErrors: 'unknown',
      misframed: 'bypass',
      headers: {},
      circuit: { failures: 5, firstMs: 1_000, mostMs: 30_000 },
      health: undefined,
      ignoreInPaths: [],
    },
  },
  store: {
    memory: { maxBytes: 268_435_456, maxEntryBytes: 8_388_608, maxVariants: 64, admission: 'all' },
    redis: undefined,
    snapshot: undefined,
  },
  coherence: { mode: 'strict', onPartition: 'reject', leaseMs: 2_000, quarantineMs: 10_000 },
  events: {
    path: '/_unstale/events',
    mercure: false,
    webSocket: '/_unstale/ws',
    auth: undefined,
    cors: undefined,
    coalesceMs: 0,
    jitterMs: 0,
    heartbeatMs: 15_000,
    maxSubscribers: 10_000,
    history: { maxEvents: 10_000, maxBytes: 16_777_216 },
  },
  webhooks: [],
  log: { level: 'info' },
  fallback: {
    origin: 'default',
    cache: {
      off: false,
      ttlMs: undefined,
      errorTtlMs: 10_000,
      force: false,
      staleWhileRevalidateMs: undefined,
      staleIfErrorMs: 0,
      key: { query: undefined, order: 'keep', headers: [] },
      credentials: 'bypass',
      sharedCredentials: [],
      userKey: [],
      credentialHeaders: credentialNames([]),
      credentialParams: [],
      cookies: 'credentials',
      idleCookies: commonIdleCookies,
      setCookie: 'bypass',
      requestDirectives: 'honour',
      targetedFields: [],
    },
    client: { cacheControl: 'no-cache', immutable: true, etag: 'strong', encode: [], tags: 'strip', eventCursor: true },
  },
  routes: [],
  rules: [],
  reads: [],
  writes: [],
};

it('needs an origin and no more', () => expect(configOf(origin)).toEqual(least));

it('takes every setting', () => {
  const config = configOf(`
server:
  listen: "[::1]:1"
  trustedProxies: [10.0.0.0/8, "::1"]
  limits:
    headers: 16KiB
    resolveBody: 2MB
    requestBody: 1GiB
    connections: 5
    bodyIdle: 5s
    minBodyRate: 1KiB
    perAddress: { connections: 2, originShare: 25%, streams: 6 }
  front: false
  drain: 1m
admin: { listen: ":2", token: 0123456789abcdef-._~+/== }
origins:
  main: { url: https://a.example/base/, timeout: 1s, connectTimeout: 100ms, connections: 7, serverErrors: unchanged, misframed: store, headers: { Authorization: Bearer x }, ignoreInPaths: [case], circuit: { failures: 2, probe: { most: 1m } }, health: /up?deep=1 }
  legacy: { url: http://b.example, circuit: off }
store: { memory: { maxSize: 1GiB, maxEntry: 1MiB, maxVariants: 2, admission: frequency } }
coherence: { mode: eventual, settle: 0s }
events: { path: /events, heartbeat: 5s, maxSubscribers: 0, history: 0, historySize: 2MiB }
log: { level: debug }
defaults:
  origin: legacy
  cache:
    cookies: ignore
    setCookie: strip
    requestDirectives: ignore
    targetedFields: [Unstale-Cache-Control, x-cc]
    key: { order: sort }
  client: { cacheControl: origin, etag: origin, encode: [gzip, br], tags: keep }
`);
  expect(config).toEqual({
    server: {
      listen: { host: '::1', port: 1 },
      trustedProxies: ['10.0.0.0/8', '::1'],
      limits: {
        headerBytes: 16_384,
        resolveBytes: 2_000_000,
        requestBytes: 1_073_741_824,
        connections: 5,
        bodyIdleMs: 5_000,
        minBodyBytesPerSecond: 1_024,
        perAddress: { connections: 2, originShare: 0.25, streams: 6 },
      },
      workers: 1,
      front: false,
      drainMs: 60_000,
    },
    admin: { listen: { host: '::', port: 2 }, token: '0123456789abcdef-._~+/==' },
    origins: {
      main: {
        url: 'https://a.example/base',
        timeoutMs: 1_000,
        connectTimeoutMs: 100,
        connections: 7,
        host: 'a.example',
        serverErrors: 'unchanged',
        misframed: 'store',
        headers: { authorization: 'Bearer x' },
        ignoreInPaths: ['case'],
        circuit: { failures: 2, firstMs: 1_000, mostMs: 60_000 },
        health: { path: '/up?deep=1', intervalMs: 5_000, timeoutMs: 2_000 },
      },
      legacy: { ...least.origins.default, url: 'http://b.example', circuit: undefined },
    },
    store: {
      memory: { maxBytes: 1_073_741_824, maxEntryBytes: 1_048_576, maxVariants: 2, admission: 'frequency' },
      redis: undefined,
      snapshot: undefined,
    },
    coherence: { mode: 'eventual', onPartition: 'queue', leaseMs: 2_000, quarantineMs: 0 },
    events: {
      ...least.events,
      path: '/events',
      heartbeatMs: 5_000,
      maxSubscribers: 0,
      history: { maxEvents: 0, maxBytes: 2_097_152 },
    },
    webhooks: [],
    log: { level: 'debug' },
    fallback: {
      origin: 'legacy',
      cache: {
        ...least.fallback.cache,
        key: { query: undefined, order: 'sort', headers: [] },
        cookies: 'ignore',
        idleCookies: [],
        setCookie: 'strip',
        requestDirectives: 'ignore',
        targetedFields: ['unstale-cache-control', 'x-cc'],
      },
      client: {
        cacheControl: 'origin',
        immutable: false,
        etag: 'origin',
        encode: ['gzip', 'br'],
        tags: 'keep',
        eventCursor: true,
      },
    },
    routes: [],
    rules: [],
    reads: [],
    writes: [],
  });
});

describe('values from the environment have the type of their key', () => {
  const env = { PORT: '0', LEVEL: 'warn', MANY: '12', YES: 'true', OFF: 'off', DIGITS: '0123456789012345' };
  const text = `${origin}server: { listen: "127.0.0.1:#{PORT}", limits: { connections: "#{MANY}" } }
admin:
  listen: 127.0.0.1:#{PORT}
  token: #{DIGITS}
store: { memory: { maxVariants: "#{MANY}" } }
log:
  level: #{LEVEL:-info}
routes:
  - match: /a
    cache: { ttl: 1s, force: "#{YES}" }
  - match: /b
    cache: #{OFF}
`.replaceAll('#', '$');

  it('numbers, flags and words as well as texts that look like numbers', () => {
    const config = configOf(text, { env });
    expect(config.server.listen.port).toBe(0);
    expect(config.server.limits.connections).toBe(12);
    expect(config.store.memory.maxVariants).toBe(12);
    // A number would have lost the zero in front.
    expect(config.admin.token).toBe('0123456789012345');
    expect(config.log.level).toBe('warn');
    expect(config.routes.map(({ cache }) => [cache.force, cache.off])).toEqual([
      [true, false],
      [false, true],
    ]);
  });
});

describe('the origin of a route that names none', () => {
  it.each([
    ['origins: { a: { url: http://a } }', 'a'],
    ['origins: { a: { url: http://a }, default: { url: http://b } }', 'default'],
    ['origins: { a: { url: http://a }, default: { url: http://b } }\ndefaults: { origin: a }', 'a'],
    ['origins: { a: { url: http://a }, b: { url: http://b } }\ndefaults: { origin: b }', 'b'],
  ])('%s', (text, name) => {
    const config = configOf(`${text}\nroutes: [{ match: /x }]`);
    expect([config.fallback.origin, config.routes[0]?.origin]).toEqual([name, name]);
  });

  it('and a route may name another', () => {
    const text = 'origins: { a: { url: http://a }, default: { url: http://b } }\nroutes: [{ match: /x, origin: a }]';
    expect(configOf(text).routes[0]?.origin).toBe('a');
  });
});

it('a port that the system chooses is never the other one', () => {
  const text = `${origin}server: { listen: "127.0.0.1:0" }\nadmin: { listen: "127.0.0.1:0" }`;
  expect(configOf(text).admin.listen.port).toBe(0);
});

it.each(['127.0.0.1:9', 'localhost:9', '"[::1]:9"'])('the admin port on %s needs no token', (listen) => {
  expect(configOf(`${origin}admin: { listen: ${listen} }`).admin.token).toBeUndefined();
});

it('two addresses may have one port', () => {
  const text = `${origin}server: { listen: 127.0.0.2:9000 }\nadmin: { listen: 127.0.0.1:9000 }`;
  expect(configOf(text).server.listen.port).toBe(9000);
});

describe('YAML', () => {
  it('anchors and aliases', () => {
    const text = `${origin}routes:\n  - match: /a\n    cache: &short { ttl: 5s }\n  - match: /b\n    cache: *short`;
    expect(configOf(text).routes.map(({ cache }) => cache.ttlMs)).toEqual([5_000, 5_000]);
  });

  it('CRLF, a byte order mark, and off as the word that YAML 1.2 takes it for', () => {
    const text = `\ufeff${origin}routes:\n  - match: /a\n    cache: off\n`.replaceAll('\n', '\r\n');
    expect(configOf(text).routes[0]?.cache.off).toBe(true);
  });

  it('tells positions behind CRLF and a byte order mark as an editor does', () => {
    const text = `\ufeff${origin}routes:\n  - match: /a\n`.replaceAll('\n', '\r\n');
    expect(configOf(text).routes[0]?.source).toEqual({ file: 'gateway.yaml', line: 3, column: 5 });
  });
});

describe('which gateways form one cluster', () => {
  const redis = 'store: { redis: { url: "redis://127.0.0.1:6379" } }';
  const scope = (origins: string): string | undefined => configOf(`${origins}\n${redis}`).store.redis?.scope;
  const one = scope('origin: { url: "http://api.example" }');

  it.each([
    ['another spelling of its URL', 'origin: { url: "HTTP://API.example:80/" }'],
    [
      'an origin that was added',
      'origins: { default: { url: "http://api.example" }, reports: { url: "http://reports.example" } }',
    ],
    ['another name of the only origin', 'origins: { api: { url: "http://api.example" } }'],
  ])('%s changes nothing', (_, origins) => {
    expect(scope(origins)).toBe(one);
  });

  it('gateways before another API are others', () => {
    expect(scope('origin: { url: "http://other.example" }')).not.toBe(one);
  });
});
