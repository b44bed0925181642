import { describe, expect, test } from 'vitest';
import { warnings } from '../../src/config/warnings.ts';
import { configOf, problemsOf, warningsOf } from './parse.ts';

/* What `check` warns of. Each row is a configuration and the warnings about it, with their codes. */

const origin = 'origin: { url: http://x, ignoreInPaths: [] }\n';
const routes = (...lines: string[]): string => `routes:\n${lines.map((line) => `  - ${line}\n`).join('')}`;
const rules = (...targets: string[]): string =>
  `rules:\n  - name: r\n    on: PUT /inns/:id\n    invalidate:\n${targets.map((target) => `      - ${target}\n`).join('')}`;
const found = (yaml: string): string[] =>
  warningsOf(origin + yaml).map(({ line, column, code, message }) => `${line}:${column} ${code}: ${message}`);

const rows: [string, string, string[]][] = [
  ['a snapshot that is revalidated', 'store: { snapshot: { path: s, load: revalidate, save: stop } }\n', []],
  [
    'a snapshot that is trusted',
    'store: { snapshot: { path: s, load: trust } }\n',
    [
      '2:37 snapshot-trusted: trust presumes that every write goes through this gateway with this folder, also between its runs',
    ],
  ],
  [
    'a snapshot that several workers cannot trust',
    'store: { snapshot: { path: s, load: trust } }\nserver: { workers: 2 }\n',
    ['2:37 snapshot-not-trusted: several workers without store.redis cannot trust a snapshot: it is revalidated'],
  ],
  [
    'a snapshot that nodes cannot trust',
    'store: { redis: { url: redis://127.0.0.1 }, snapshot: { path: s, load: trust } }\ncoherence: { mode: eventual }\n',
    ['2:72 snapshot-not-trusted: with onPartition: queue, a snapshot cannot be trusted: it is revalidated'],
  ],
  [
    'a snapshot of single users without a key',
    `store: { snapshot: { path: s, save: stop } }\n${routes('{ match: /cart, cache: { ttl: 1m, credentials: perUser, userKey: [authorization, "cookie:s"] } }')}`,
    [
      '2:31 snapshot-without-key: without a key, responses of single users are not saved: /cart has credentials: perUser',
    ],
  ],
  [
    'a snapshot of single users with one',
    `store: { snapshot: { path: s, save: stop, key: ${'k'.repeat(44)} } }\n${routes('{ match: /cart, cache: { ttl: 1m, credentials: perUser, userKey: [authorization, "cookie:s"] } }')}`,
    [],
  ],
  [
    'a target that no route is for',
    routes('match: /steps/:id') + rules('/step/{response.stepId}', '/steps/{response.stepId}'),
    ['8:9 target-without-route: no route matches /step/*, and no rule matches writes to it'],
  ],
  ['any path, where nothing is said of any', rules('/step/{response.stepId}'), []],
  [
    'a pattern that takes a part of what a route is for',
    routes('match: /steps/:id/**') + rules('/steps/*/thumbnail', '/steps/**'),
    [],
  ],
  [
    'a refresh and a patch that no route is for',
    `${routes('match: /steps/:id')}rules:\n  - { name: r, on: PUT /inns/:id, refresh: [/a], patch: [{ path: /b, at: /c }] }\n`,
    [
      '5:45 target-without-route: no route matches /a, and no rule matches writes to it',
      '5:66 target-without-route: no route matches /b, and no rule matches writes to it',
    ],
  ],
  [
    'a tag that no route carries',
    routes('{ match: /steps/:id, tags: ["step:{id}", "inn:{response.inns[*].id}"] }') +
      rules('tag: stp:{response.stepId}', 'tag: inn:{id}', 'tag: step:*'),
    ['8:14 tag-without-route: no route declares the tag stp:{response.stepId}'],
  ],
  [
    'a tag that no rule invalidates',
    routes('{ match: /steps/:id, tags: ["step:{id}", "inn:{response.inns[*].id}"] }') +
      rules('tag: inn:{id}', '/steps/{response.stepId}'),
    ['3:33 tag-never-invalidated: no rule invalidates the tag step:{id}'],
  ],
  [
    'unless a cascade goes by it',
    `${routes('{ match: /steps/:id, tags: ["step:{id}"] }')}rules:\n  - { name: r, on: PUT /a, invalidate: [{ path: "/steps/*", cascade: true }] }\n`,
    [],
  ],
  [
    'a tag that no rule invalidates and no cascade reaches, although some rule cascades',
    routes(
      '{ match: /inns/:id, tags: ["inn:{id}"] }',
      '{ match: /steps/:id, tags: ["step:{id}", "inn:{response.inns[*].id}"] }',
      '{ match: /users/:id, tags: ["user:{id}"] }',
    ) + rules('{ path: "/inns/{id}", cascade: true }'),
    ['5:33 tag-never-invalidated: no rule invalidates the tag user:{id}'],
  ],
  [
    'a cascade that ends at a route without a name, while another carries it',
    routes(
      '{ match: /inns/:id, tags: ["inn:{id}"] }',
      '{ match: /steps/:id, tags: ["inn:{response.inns[*].id}"] }',
      '{ match: /trips/:id, tags: ["trip:{id}", "step:{response.steps[*].id}"] }',
    ) + rules('{ path: "/inns/{id}", cascade: true }', 'tag: "step:{id}"', 'tag: "trip:*"'),
    [
      '4:32 cascade-dead-end: the cascade stops at /steps/:id: no tag identifies it. /trips/:id carries step:{response.steps[*].id}, which identifies no route',
      '4:33 element-tags-alone: nothing invalidates /steps/:id when an element is added: inn:{response.inns[*].id} names those that it lists',
    ],
  ],
  [
    'a cascade that goes on to the top, which needs no name',
    routes(
      '{ match: /inns/:id, tags: ["inn:{id}"] }',
      '{ match: /steps/:id, tags: ["step:{id}", "inn:{response.inns[*].id}"] }',
      '{ match: /trips/:id, tags: ["step:{response.steps[*].id}"] }',
      '{ match: /users/:id, tags: ["user:{id}"] }',
      '{ match: /reports/:id, tags: ["user:{response.author}"] }',
    ) + rules('{ path: "/inns/{id}", cascade: true }', 'tag: "user:*"'),
    [
      '5:33 element-tags-alone: nothing invalidates /trips/:id when an element is added: step:{response.steps[*].id} names those that it lists',
    ],
  ],
  [
    'two routes without a name that embed what is written',
    routes(
      '{ match: /steps/:id, tags: ["inn:{response.inns[*].id}"] }',
      '{ match: /lists, tags: ["inn:{response[*].id}"] }',
    ) + rules('{ tag: "inn:{id}", cascade: true }'),
    [
      '3:33 element-tags-alone: nothing invalidates /steps/:id when an element is added: inn:{response.inns[*].id} names those that it lists',
      '4:29 element-tags-alone: nothing invalidates /lists when an element is added: inn:{response[*].id} names those that it lists',
    ],
  ],
  [
    'a cascade from a route without a name, whatever its exceptions have',
    routes(
      '{ match: /inns/best, tags: [best] }',
      '{ match: /inns/:id }',
      '{ match: /steps/:id, tags: ["inn:{response.inns[*].id}"] }',
    ) + rules('{ path: "/inns/{id}", cascade: true }', 'tag: "inn:*"', 'tag: best'),
    [
      '5:33 element-tags-alone: nothing invalidates /steps/:id when an element is added: inn:{response.inns[*].id} names those that it lists',
      '10:40 cascade-dead-end: the cascade has no effect: no tag identifies /inns/:id',
    ],
  ],
  [
    'a cascade from no route at all',
    rules('{ path: "/inns/{id}", cascade: true }'),
    ['6:40 cascade-dead-end: the cascade has no effect: no route matches /inns/*'],
  ],
  [
    'a tenant in the path, which does not cover everything',
    rules('/{requestHeader.x-tenant}/orders', '/*/orders/**'),
    [],
  ],
  [
    'a parameter of the path, which always has a value',
    `rules:\n  - on: PUT /:tenant/orders/:id\n    invalidate: ["/{tenant}/**", "/{tenant, response.tenant}/**"]\n`,
    ['4:34 widens-to-everything: /{tenant, response.tenant}/** falls back to /*/**, which covers everything'],
  ],
  [
    'a rule whose writes are declared as reads, and one of which some are',
    `reads: [POST|PUT /a/*]\nrules:\n  - { on: POST /a/:id, invalidate: [/b] }\n  - { on: POST|PATCH /a/:id, invalidate: [/c] }\n`,
    ['4:11 rule-never-applies: this rule never applies: reads says that POST|PUT /a/* only reads'],
  ],
  [
    'what covers everything',
    routes('{ match: /steps/:id, tags: ["step:{id}"] }') +
      rules('/**', '/{response.kind}/{response.id}', 'tag: "*"', 'tag: step:*'),
    [
      '8:9 widens-to-everything: /** covers everything',
      '9:9 widens-to-everything: /{response.kind}/{response.id} falls back to /*/*, which covers everything',
      '10:14 widens-to-everything: * covers everything',
    ],
  ],
  [
    'one user’s data that is kept for all',
    routes(
      '{ match: /users/me, cache: { ttl: 60s } }',
      '{ match: /dashboard/:id, cache: { credentials: shared } }',
      '{ match: /cart, cache: off }',
      '{ match: /inbox, cache: { ttl: 1s, credentials: perUser, userKey: [authorization, "cookie:sid"] } }',
      '{ match: /profile }',
      '{ match: /feed, cache: { credentials: { shared: [authorization] } } }',
    ),
    [
      '3:14 per-user-data-shared: /users/me looks like data of one user, but its responses are shared',
      '4:14 per-user-data-shared: /dashboard/:id looks like data of one user, but its responses are shared',
      '8:14 per-user-data-shared: /feed looks like data of one user, but its responses are shared',
    ],
  ],
  [
    'a userKey that leaves out what a request may carry',
    routes(
      '{ match: /a, cache: { credentials: perUser, userKey: [authorization] } }',
      '{ match: /b, cache: { credentials: perUser, userKey: ["cookie:sid"] } }',
      '{ match: /c, cache: { credentials: perUser, userKey: [x-user] } }',
      '{ match: /d, cache: { credentials: perUser, userKey: [authorization], cookies: ignore } }',
      '{ match: /e, cache: { credentials: perUser, userKey: [authorization, cookie] } }',
    ),
    [
      '3:49 user-key-incomplete: userKey names no cookie: requests that differ in their cookies alone share a response',
      '4:49 user-key-incomplete: userKey leaves out Authorization: responses to requests with it are not stored',
      '5:49 user-key-incomplete: userKey names no cookie: requests that differ in their cookies alone share a response',
    ],
  ],
  [
    'a userKey that clients can write',
    `defaults: { cache: { credentials: perUser, userKey: [authorization, "cookie:uid"] } }\n${routes(
      '{ match: /a, cache: { credentials: perUser, userKey: [authorization, "cookie:sid", "cookie:user_id"] } }',
      '{ match: /b, cache: { credentials: perUser, userKey: [authorization, "cookie:user_session"] } }',
    )}`,
    [
      '2:69 user-key-written-by-clients: clients can write uid themselves, and get the responses of whomever they name',
      '4:88 user-key-written-by-clients: clients can write user_id themselves, and get the responses of whomever they name',
    ],
  ],
  [
    'a Set-Cookie that is stored for all',
    routes(
      '{ match: /a, cache: { ttl: 1s, setCookie: store } }',
      '{ match: /b, cache: { credentials: perUser, userKey: [authorization, cookie], setCookie: store } }',
      '{ match: /c, cache: { ttl: 1s, setCookie: strip } }',
    ),
    ['3:47 cookie-stored: the Set-Cookie for one client is stored, and sent to all: they could get its session'],
  ],
  [
    'a userKey that leaves out what the configuration says to carry credentials',
    `credentialHeaders: [x-acme]\ncredentialParams: [key]\n${routes(
      '{ match: /a, cache: { credentials: perUser, userKey: [authorization, cookie] } }',
      '{ match: /b, cache: { credentials: perUser, userKey: [authorization, cookie, x-acme, "query:key"] } }',
    )}`,
    ['5:49 user-key-incomplete: userKey leaves out x-acme, query:key: responses to requests with it are not stored'],
  ],
  [
    'credentials in a key',
    `credentialParams: [key]\n${routes(
      '{ match: /a, cache: { key: { headers: [x-tenant, X-API-Key], query: [lang, key] } } }',
      '{ match: /b, cache: { credentials: shared, key: { headers: [api_key] } } }',
    )}`,
    [
      '4:54 credential-in-key: x-api-key carries credentials: in the key, operators can read them, and responses to requests with them are not stored',
      '4:80 credential-in-key: key carries credentials: in the key, operators can read them, and responses to requests with them are not stored',
      '5:65 credential-in-key: api_key carries credentials: in the key, operators can read them',
    ],
  ],
  [
    'a userKey of the defaults, once',
    `defaults: { cache: { credentials: perUser, userKey: ["cookie:sid"] } }\n${routes('match: /a', '{ match: /b, cache: { ttl: 1s } }')}`,
    ['2:44 user-key-incomplete: userKey leaves out Authorization: responses to requests with it are not stored'],
  ],
  [
    'routes that overlap',
    routes(
      '{ match: /a/:x, cache: { ttl: 1s } }',
      '{ match: "/:y/b", cache: { ttl: 2s } }',
      '{ match: "/:z/c", cache: { ttl: 1s } }',
    ),
    ['4:14 routes-overlap: /:y/b and /a/:x (gateway.yaml:3:14) overlap with different policies'],
  ],
  [
    'the exception before the rule',
    routes(
      '{ match: /users/new, cache: off }',
      '{ match: /users/:id, cache: { ttl: 1s } }',
      '{ match: /**, cache: off }',
    ),
    [],
  ],
  [
    'refresh of what is quarantined',
    `${routes('match: /a')}rules:\n  - { name: r, on: PUT /a, settle: 1s, refresh: [/a] }\n`,
    ['5:28 settle-defeats: nothing is stored during settle, so refresh and patch have no effect'],
  ],
];
test.each([
  ['redis://127.0.0.1:6379', 0],
  ['redis://localhost', 0],
  ['redis://[::1]:6379', 0],
  ['rediss://redis.example', 0],
  ['unix:/run/redis.sock', 0],
  ['redis://redis.example', 1],
  ['redis://:secret@10.0.0.1:6379', 1],
])('a Redis at %s', (url, count) => {
  const said = warningsOf(`${origin}store: { redis: { url: "${url}" } }\n`);
  expect(said.map(({ code }) => code)).toEqual(Array(count).fill('redis-without-tls'));
  expect(JSON.stringify(said)).not.toContain('secret');
});

test('of the nodes of a Redis Cluster one is named', () => {
  const said = warningsOf(
    `${origin}store: { redis: { url: ["redis://127.0.0.1", "redis://a.example", "redis://b.example"] } }\n`,
  );
  expect(said.map(({ message }) => message)).toEqual([
    'stored responses and the password cross the network to a.example in the clear',
  ]);
});

describe('another spelling of what is not cached for all', () => {
  const said = (yaml: string): string[] =>
    warningsOf(yaml).map(({ line, column, code, message }) => `${line}:${column} ${code}: ${message}`);
  const off = routes('{ match: /users/me, cache: off }', '{ match: /inns/:id, cache: { ttl: 1s } }');
  const warning = '/Users/me and /users/me;x.css are other paths, and are cached';
  const rest = ': an origin may take them for this one';

  test.each<[string, string, string[]]>([
    ['is cached as the origin says', `origin: { url: http://x }\n${off}`, [`3:14 other-spellings: ${warning}${rest}`]],
    [
      'is cached as another route says',
      `origin: { url: http://x }\ndefaults: { cache: off }\n${routes('{ match: /a/b, cache: off }', '{ match: "/*/b", cache: { ttl: 1s } }')}`,
      [`4:14 other-spellings: /A/b and /a/b;x.css are other paths, and are cached as /*/b (gateway.yaml:5:14)${rest}`],
    ],
    ['is not', `origin: { url: http://x }\ndefaults: { cache: off }\n${off}`, []],
    ['is not, by what the origin ignores', `origin: { url: http://x, ignoreInPaths: [case] }\n${off}`, []],
    ['is another', `origins: { default: { url: http://x, ignoreInPaths: [] } }\n${off}`, []],
    ['there is none of', `origin: { url: http://x }\n${routes('{ match: "/:id", cache: off }')}`, []],
  ])('%s', (_, yaml, expected) => expect(said(yaml)).toEqual(expected));
});

test.each(rows)('%s', (_, yaml, said) => expect(found(yaml)).toEqual(said));

describe('a comment silences', () => {
  const overlap = (comment: string, above = ''): string =>
    `routes:\n  - { match: /a/:x, cache: { ttl: 1s } }\n${above}  - { match: "/:y/b", cache: { ttl: 2s } }${comment}\n`;
  const silent: [string, string][] = [
    ['on its line', overlap(' # unstale-ignore routes-overlap')],
    ['above it', overlap('', '  # unstale-ignore routes-overlap\n')],
    [
      'further above, over blank lines and other comments',
      overlap('', '  # unstale-ignore routes-overlap\n\n  # why\n'),
    ],
    ['several codes', overlap(' # unstale-ignore short-token, routes-overlap')],
  ];
  test.each(silent)('%s', (_, yaml) => expect(found(yaml)).toEqual([]));

  test('that code, and nothing else', () => {
    expect(found(overlap(' # unstale-ignore short-token'))).toHaveLength(1);
  });
  test('nothing, by a code that there is not', () => {
    expect(found(overlap(' # unstale-ignore route-overlap'))).toEqual([
      '4:14 routes-overlap: /:y/b and /a/:x (gateway.yaml:3:14) overlap with different policies',
      '4:61 unknown-ignore: unknown warning code "route-overlap"',
    ]);
  });
  test('no error', () => {
    const problems = problemsOf(
      `${origin}routes:\n  - { match: a } # unstale-ignore ${Object.keys(warnings).join(' ')}\n`,
    );
    expect(problems.map(({ severity }) => severity)).toEqual(['error']);
  });
});

test('a configuration with warnings is used', () => {
  expect(configOf(`${origin}${routes('match: /a')}${rules('/b')}`).rules).toHaveLength(1);
});

test('an event that shows what the gateway reads with its own credentials', () => {
  const text = (headers: string): string =>
    `origin: { url: http://y, headers: ${headers} }\nrules:\n  - on: PUT /a/:id\n    invalidate: [/b]\n    event: { type: c, payload: { id: id, owner: before.owner } }\n`;
  const codes = (headers: string) => warningsOf(text(headers)).map(({ line, code }) => `${line} ${code}`);
  expect(codes('{ authorization: x }')).toEqual(['5 own-reads-announced']);
  expect(codes('{}')).toEqual([]);
});
