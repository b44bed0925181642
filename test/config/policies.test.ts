import { describe, expect, it } from 'vitest';
import { credentialNames } from '../../src/http/credentials.ts';
import { commonIdleCookies } from '../../src/http/idle-cookies.ts';
import { configOf, problemsOf } from './parse.ts';

const origin = 'origin: { url: http://x }\n';

/** What clients get if nothing is configured. */
const least = { encode: [], tags: 'strip', eventCursor: true };

describe('a route overrides defaults, and defaults override what is built in', () => {
  const config = configOf(`${origin}
defaults:
  cache: { ttl: 1h, staleIfError: 1m, key: { query: [lang], headers: [X-Tenant] }, userKey: ["cookie:SID", Authorization] }
  client: { cacheControl: "max-age=5" }
routes:
  - match: /plain
  - match: /own
    cache: { ttl: 1s, force: true, staleWhileRevalidate: 2s, key: { headers: [] }, setCookie: store }
    client: { etag: origin }
  - match: /mine
    cache: { credentials: perUser }
  - match: /off
    cache: off
  - match: /empty
    cache: {}
`);
  const under = config.fallback.cache;
  const route = (match: string) => config.routes.find((found) => found.match === match);

  it('built in, and defaults over it', () => {
    expect(under).toEqual({
      off: false,
      ttlMs: 3_600_000,
      errorTtlMs: 10_000,
      force: false,
      staleWhileRevalidateMs: undefined,
      staleIfErrorMs: 60_000,
      key: { query: ['lang'], order: 'keep', headers: ['x-tenant'] },
      credentials: 'bypass',
      sharedCredentials: [],
      userKey: ['cookie:SID', 'authorization'],
      credentialHeaders: credentialNames([]),
      credentialParams: [],
      cookies: 'credentials',
      idleCookies: commonIdleCookies,
      setCookie: 'bypass',
      requestDirectives: 'honour',
      targetedFields: [],
    });
    expect(config.fallback.client).toEqual({ ...least, cacheControl: 'max-age=5', immutable: false, etag: 'strong' });
  });

  it('a route that says nothing, or nothing in particular', () => {
    expect(route('/plain')).toMatchObject(config.fallback);
    expect(route('/empty')).toMatchObject(config.fallback);
  });

  it('a route that says something keeps the rest', () => {
    expect(route('/own')?.cache).toEqual({
      ...under,
      ttlMs: 1_000,
      force: true,
      staleWhileRevalidateMs: 2_000,
      key: { query: ['lang'], order: 'keep', headers: [] },
      setCookie: 'store',
    });
    expect(route('/own')?.client).toEqual({ ...least, cacheControl: 'max-age=5', immutable: false, etag: 'origin' });
    expect(route('/mine')?.cache).toEqual({ ...under, credentials: 'perUser' });
    expect(route('/off')?.cache).toEqual({ ...under, off: true });
  });
});

it('cache: off for all, but for a route that says how', () => {
  const config = configOf(
    `${origin}defaults: { cache: off }\nroutes: [{ match: /a }, { match: /b, cache: { ttl: 1s } }]`,
  );
  expect([config.fallback, ...config.routes].map(({ cache }) => cache.off)).toEqual([true, true, false]);
});

it('what a route says of credentials replaces all that defaults say of them', () => {
  const config = configOf(
    `${origin}defaults: { cache: { credentials: { shared: [X-API-Key] } } }
routes:
  - { match: /a }
  - { match: /b, cache: { credentials: bypass } }
  - { match: /c, cache: { credentials: { shared: [Authorization] } } }
  - { match: /d, cache: { credentials: shared } }`,
  );
  const said = [config.fallback, ...config.routes].map(({ cache }) => [cache.credentials, cache.sharedCredentials]);
  expect(said).toEqual([
    ['bypass', ['x-api-key']],
    ['bypass', ['x-api-key']],
    ['bypass', []],
    ['bypass', ['authorization']],
    ['shared', []],
  ]);
});

/** What a rule of the plainest kind does not say. */
const none = { when: undefined, lookup: {}, refresh: [], patch: [], onlyIfChanged: undefined, quarantineMs: undefined };

it('keeps the order and the place of routes and rules', () => {
  const config = configOf(`${origin}routes:
  - match: /a/:x
    tags: ["a:{x}", "b:{response.b[*].id}"]
  - match: /a/*/b
rules:
  - name: r
    on: PUT|M-SEARCH /a/:x
    invalidate:
      - /a/{x, before.x}?y={response.y}
      - /b/**
      - tag: a:{x}
    event: a.changed
    unresolved: reject
    before: stored
  - { name: s, on: "* /**", invalidate: [/c] }
`);
  const at = (line: number, column: number) => ({ file: 'gateway.yaml', line, column });
  expect(config.routes.map(({ match, tags, source }) => ({ match, tags, source }))).toEqual([
    { match: '/a/:x', tags: ['a:{x}', 'b:{response.b[*].id}'], source: at(3, 5) },
    { match: '/a/*/b', tags: [], source: at(5, 5) },
  ]);
  expect(config.rules).toEqual([
    {
      name: 'r',
      methods: ['PUT', 'M-SEARCH'],
      pattern: '/a/:x',
      invalidate: [
        { path: '/a/{x, before.x}?y={response.y}', cascade: false, source: at(10, 9) },
        { path: '/b/**', cascade: false, source: at(11, 9) },
        { tag: 'a:{x}', cascade: false, source: at(12, 9) },
      ],
      ...none,
      event: { type: 'a.changed', payload: {} },
      unresolved: 'reject',
      before: 'stored',
      source: at(7, 5),
    },
    {
      name: 's',
      methods: ['*'],
      pattern: '/**',
      invalidate: [{ path: '/c', cascade: false, source: at(16, 42) }],
      ...none,
      event: undefined,
      unresolved: 'widen',
      before: 'read',
      source: at(16, 5),
    },
  ]);
});

it('names a rule without a name after what it is on, differently from all others', () => {
  const rule = (on: string, name = '') => `  - { ${name}on: "${on}", invalidate: ["/${on.length}"] }\n`;
  const written = [
    rule('PUT|PATCH /inns/:id'),
    rule('PUT|PATCH /inns/:id/**'),
    rule('* /inns/*/rooms'),
    rule('POST /inns/:id', 'name: POST-files-name.ext, '),
    rule('POST /files/:name.:ext'),
    rule('POST /'),
    rule('PUT /a-b/:c'),
    rule('PUT /a/b/:c'),
  ];
  expect(configOf(`${origin}rules:\n${written.join('')}`).rules.map(({ name }) => name)).toEqual([
    'PUT-PATCH-inns-id',
    'PUT-PATCH-inns-id-all',
    'any-inns-any-rooms',
    'POST-files-name.ext',
    'POST-files-name.ext-2',
    'POST',
    'PUT-a-b-c',
    'PUT-a-b-c-2',
  ]);
});

it('takes a port alone for one of the loopback interface', () => {
  const { server, admin } = configOf(`${origin}server: { listen: 8080 }\nadmin: { listen: "9091" }\n`);
  expect(server.listen).toEqual({ host: '127.0.0.1', port: 8080 });
  expect(admin.listen).toEqual({ host: '127.0.0.1', port: 9091 });
});

describe('whether the first of two routes leaves anything to the second', () => {
  const isReached = (first: string, second: string): boolean => {
    const text = `${origin}routes: [{ match: "${first}" }, { match: "${second}" }]`;
    try {
      return configOf(text).routes.length === 2;
    } catch {
      return problemsOf(text).some(({ message }) => !message.startsWith('no request can reach this route'));
    }
  };
  it.each([
    ['/a', '/a', false],
    ['/a/', '/a', false],
    ['/a/:x', '/a/:y', false],
    ['/a/:x', '/a/*', false],
    ['/a/*', '/a/b', false],
    ['/:x/b', '/a/b', false],
    ['/a/**', '/a', false],
    ['/a/**', '/a/b/c', false],
    ['/a/**', '/a/*/**', false],
    ['/**', '/', false],
    ['/a/**', '/a/**', false],
    ['/a/%7Eb', '/a/~b', false],
    ['/a', '/b', true],
    ['/a/b', '/a/:x', true],
    ['/a/:x', '/a/:x/b', true],
    ['/a/:x/b', '/a/:x', true],
    ['/a/:x', '/a/**', true],
    ['/a/*/**', '/a/**', true],
    ['/a/:x/c', '/a/b/:y', true],
    ['/A', '/a', true],
  ])('%s, then %s: reached %s', (first, second, reached) => expect(isReached(first, second)).toBe(reached));
});

describe('rules that look alike and are not', () => {
  it.each([
    ['another method', '{ name: s, on: DELETE /a/:id, invalidate: ["/b/{id}"] }'],
    ['another path', '{ name: s, on: PUT /a/:id/c, invalidate: ["/b/{id}"] }'],
    ['other targets', '{ name: s, on: PUT /a/:id, invalidate: ["/b/{id}", /b] }'],
    ['a tag of the same text', '{ name: s, on: PUT /a/:id, invalidate: [{ tag: "/b/{id}" }] }'],
  ])('%s', (_, second) => {
    const text = `${origin}rules:\n  - { name: r, on: PUT /a/:id, invalidate: ["/b/{id}"] }\n  - ${second}`;
    expect(configOf(text).rules).toHaveLength(2);
  });
});
