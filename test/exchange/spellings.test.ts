import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { ask, begin, gateway, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';

/* An origin that takes several paths for the same: what is written under one spelling is fresh under each. */

useScriptedRig();

const rules = `
routes:
  - { match: "/items/:id", cache: { ttl: 60s }, tags: ["item:{id}"] }
  - { match: "/Lists/:id", cache: { ttl: 60s } }
  - { match: "/full/:id", cache: { ttl: 60s }, tags: ["Full:{response.items[*]}"] }
  - { match: "/Else/:id", cache: { ttl: 60s } }
  - { match: "/kept/:id", cache: { ttl: 60s, key: { query: [x] } } }
  - { match: "/baskets/:id", cache: { ttl: 60s }, tags: ["In:{response.item}"] }
  - { match: "/previews/:id", cache: { ttl: 60s }, tags: ["file:{id}"] }
  - { match: "/items/:id/comments", cache: { ttl: 60s }, tags: ["item:{id}"] }
  - { match: "/pages/:id.json", cache: { ttl: 60s, key: { query: [x] } } }
  - { match: "/docs/:id.json", cache: { ttl: 60s }, tags: ["doc:{id}"] }
  - { match: "/shelves/:id", cache: { ttl: 60s }, tags: ["doc:{response.item}"] }
  - { match: "/leaves/:id.json", cache: { ttl: 60s } }
  - { match: "/leaves/:id.xml", cache: { ttl: 60s, key: { query: [y] } } }
  - { match: "/leaves/:id", cache: { ttl: 60s, key: { query: [x] } }, tags: ["leaf:{id}"] }
  - { match: "/books/:id", cache: { ttl: 60s }, tags: ["leaf:{response.item}"] }
defaults: { cache: { ttl: 60s } }
rules:
  - { name: item, on: "PUT /items/:id", invalidate: ["/Lists/{request.list}", "/plain/{id}"], event: item.changed }
  - { name: moved, on: "PUT /moved/:id", invalidate: ["/ITEMS/{id}.json"] }
  - { name: wild, on: "PUT /wild/:id", invalidate: ["/Trips/{id}/steps/{response.step}"] }
  - { name: days, on: "PUT /days/:id", invalidate: ["/trips/{id}/days"] }
  - { name: named, on: "PUT /named/:id.json", invalidate: ["/notes/{id}.json"] }
  - { name: else, on: "PUT /else/:id", invalidate: ["/Lists/7"] }
  - { name: keeps, on: "PUT /keeps/:id", invalidate: ["/Kept/{id}?x=1&y=2"] }
  - { name: below, on: "PUT /below/:id", invalidate: ["/Trips/{id}/**"] }
  - { name: asked, on: "PUT /asked/:id", invalidate: ["/found?Item={id}"] }
  - { name: sought, on: "PUT /sought/:id", invalidate: ["/Found?Item={id}&a=1"] }
  - { name: tagged, on: "PUT /tagged/:id", invalidate: [{ tag: "In:{id}" }] }
  - { name: files, on: "PUT /files/:id", invalidate: [{ tag: "file:{id}" }] }
  - { name: talked, on: "PUT /talked/:id", invalidate: [{ tag: "item:{id}" }] }
  - { name: turned, on: "PUT /turned/:id", invalidate: ["/pages/{id}.json?x=1&y=2"] }
  - { name: doc, on: "PUT /doc/:id", invalidate: [{ path: "/docs/{id}.json", cascade: true }] }
  - { name: paper, on: "PUT /paper/:id", invalidate: [{ path: "/DOCS/{id}.json", cascade: true }] }
  - { name: leafed, on: "PUT /leafed/:id", invalidate: ["/leaves/{id}.json?x=1&y=2"] }
  - { name: leaf, on: "PUT /leaf/:id", invalidate: [{ path: "/leaves/{id}.json", cascade: true }] }
  - { name: pair, on: "PUT /two/:a-x-:b", invalidate: ["/pairs/{a}/{b}"] }
  - { name: tails, on: "PUT /tails/:id", invalidate: ["/Tails/{response.none}.json"] }
  - { name: some, on: "PUT /some/:id", invalidate: [{ tag: "In:{response.step}:{id}" }] }
`;

/** What a basket has in it, as its database spells it. */
const items: Readonly<Record<string, string>> = {
  '/baskets/1': 'B',
  '/baskets/2': 'x:B',
  '/shelves/1': 'b',
  '/books/1': 'b',
};

/** One counter for all spellings. */
const same = (url: string): string => (url.split('?')[0] ?? '').toLowerCase().replace(/;[^/]*|\.[a-z]+$/g, '');
async function start(ignored: string): Promise<void> {
  await begin(`origin: { url: ${origin.url}, ignoreInPaths: [${ignored}] }\n${rules}`);
  scriptApi();
}

function scriptApi(): void {
  let writes = 0;
  const any = (): boolean => true;
  origin.on(any, (request, response) => {
    if (request.method === 'PUT') writes += 1;
    response.setHeader('Content-Type', 'application/json');
    if (request.url === '/plain/3') response.setHeader('Cache-Groups', '"In:B"');
    if (request.url?.includes('utm=') === true) response.setHeader('No-Vary-Search', 'params=("utm")');
    response.end(JSON.stringify({ path: same(request.url ?? ''), writes, item: items[request.url ?? ''] }));
  });
}

const every = 'case, parameters, extension';
test.each([
  // What is ignored, what is read, what is written.
  ['case', '/items/1', '/ITEMS/1'],
  ['case', '/items/1', '/Items/1/'],
  ['case', '/items/b', '/items/B'],
  ['case', '/other/1', '/OTHER/1'],
  ['case', '/OTHER/1', '/other/1'],
  ['case', '/OTHER/1', '/Other/1'],
  ['case', '/Other/caf%C3%89', '/other/caf%C3%A9'],
  ['parameters', '/items/1', '/items/1;x=2'],
  ['parameters', '/items/1', '/items;a/1'],
  ['parameters', '/other/1;x=2', '/other/1'],
  ['extension', '/items/1', '/items/1.json'],
  ['extension', '/items/1.json', '/items/1'],
  ['extension', '/items/1.json', '/items/1.xml'],
  ['extension', '/other/1.json', '/other/1'],
  [every, '/items/1', '/ITEMS;a/1.Json'],
  // By a rule that names another path.
  ['case', '/Lists/7', '/ITEMS/1'],
  ['extension', '/Lists/7', '/items/1.json'],
  ['case', '/plain/1', '/ITEMS/1'],
  [every, '/items/1', '/moved/1'],
  [every, '/Lists/7', '/items/1'],
  ['case', '/items/1?page=2', '/ITEMS/1'],
  // A placeholder without a value is a wildcard, which finds every spelling of what it finds.
  ['case', '/trips/b/steps/1', '/wild/B'],
  ['case', '/Trips/B/Steps/1', '/wild/b'],
  ['case', '/TRIPS/caf%C3%89/steps/1', '/wild/caf%C3%A9'],
  ['case', '/Trips/b/steps/1', '/below/B'],
  ['parameters', '/Trips/b;x/steps/1', '/wild/b'],
  ['extension', '/Trips/b/steps/1.json', '/wild/b'],
  [every, '/trips/B;x/steps/1.json', '/below/b'],
  // Ids of paths in queries and tags.
  ['case', '/found?Item=b', '/asked/B'],
  ['case', '/found?Item=B', '/asked/b'],
  ['case', '/Found?Item=caf%C3%A9', '/asked/caf%C3%89'],
  ['case', '/baskets/1', '/tagged/B'],
  ['case', '/baskets/1', '/tagged/b'],
  ['case', '/baskets/2', '/some/b'],
  ['case', '/plain/3', '/tagged/b'],
  ['case', '/Found?a=1&item=b', '/sought/B'],
  // What is ignored is no part of an id.
  ['extension', '/Trips/B/steps/1', '/wild/B.json'],
  ['extension', '/trips/B/days', '/days/B.json'],
  ['extension', '/found?Item=B', '/asked/B.json'],
  ['extension', '/baskets/1', '/tagged/B.json'],
  ['parameters', '/found?Item=B', '/asked/B;x=2'],
  ['parameters', '/baskets/1', '/tagged/B;x=2'],
  [every, '/baskets/1', '/TAGGED/b;x.json'],
  // A rule may name it all the same.
  ['extension', '/notes/1.json', '/named/1.json'],
  ['extension', '/notes/1.json', '/named/1'],
  ['extension', '/notes/1.json', '/named/1.xml'],
  ['case', '/notes/1.json', '/NAMED/1.JSON'],
  ['case', '/notes/B.json', '/NAMED/B.JSON'],
  ['case', '/pairs/1/2', '/TWO/1-X-2'],
  ['case', '/tails/B.json', '/tails/1'],
  // An id may have a dot of its own.
  ['extension', '/found?Item=B.json', '/asked/B.json'],
  // It is no part of an id in a path that is read either, and a route may name it.
  ['extension', '/previews/a.json', '/files/a.json'],
  ['extension', '/previews/a.json', '/files/a'],
  ['parameters', '/items/1;x=2/comments', '/talked/1;x=2'],
  ['parameters', '/items/1;x=2/comments', '/talked/1'],
  ['extension', '/pages/b.json?x=1&y=2', '/turned/b'],
  ['extension', '/shelves/1', '/doc/b'],
  ['extension', '/shelves/1', '/doc/b.json'],
  ['case', '/shelves/1', '/paper/b'],
  // A route of another extension stands before the one that a spelling is read by.
  ['extension', '/leaves/b?x=1&y=2', '/leafed/b'],
  ['extension', '/leaves/b.xml?x=1&y=2', '/leafed/b'],
  ['extension', '/books/1', '/leaf/b'],
  // Rules and routes that spell the same path in different ways.
  ['case', '/Lists/7', '/Else/1'],
  ['case', '/Lists/7', '/else/1'],
  ['case', '/Lists/7', '/ELSE/1'],
  // A query of which only a part is in the key.
  ['case', '/kept/b?x=1&y=2', '/keeps/B'],
  // One that stands for several queries.
  ['case', '/FOUND?a=1&item=b&utm=1', '/sought/B'],
  // Letters that differ in one case alone.
  ['case', '/plain/%CE%BF%CE%B4%CE%BF%CF%83', '/items/%CE%9F%CE%94%CE%9F%CE%A3'],
  ['case', '/plain/stra%C3%9Fe', '/items/STRASSE'],
  ['case', '/plain/stra%E1%BA%9Ee', '/items/STRASSE'],
] as const)('ignoring %s, %s is fresh after a write at %s', async (ignored, read, written) => {
  await start(ignored);
  await ask(read);
  const before = await ask(read);
  expect(isHit(before)).toBe(true);
  const answer = await ask(written, { method: 'PUT', body: { list: 7 } });
  expect(answer.status).toBe(200);
  const after = await ask(read);
  expect([JSON.parse(before.text).writes, JSON.parse(after.text).writes]).toEqual([0, 1]);
});

test.each([
  ['', '/items/1', '/ITEMS/1'],
  ['case', '/items/1', '/items/1.json'],
  ['extension', '/items/1', '/ITEMS/1.json'],
  ['extension', '/Lists/7', '/ITEMS/1.json'],
  [every, '/items/1', '/items/2'],
  ['', '/Trips/b/steps/1', '/wild/B'],
  ['', '/found?Item=b', '/asked/B'],
  ['', '/baskets/1', '/tagged/b'],
  ['', '/baskets/2', '/some/b'],
  ['case', '/trips/c/steps/1', '/wild/B'],
  ['case', '/found?Item=c', '/asked/B'],
  ['case', '/baskets/1', '/tagged/c'],
])('ignoring %s, %s stays stored after a write at %s, another path', async (ignored, read, written) => {
  await start(ignored);
  await ask(read);
  expect(isHit(await ask(read))).toBe(true);
  await ask(written, { method: 'PUT', body: { list: 7 } });
  expect(isHit(await ask(read))).toBe(true);
});

test.each(['/exact/b', '/exact/b/1', '/exact/found?item=b'])(
  'where one origin ignores case, the id of a write finds %s of an origin that does not',
  async (read) => {
    await begin(`
origins:
  default: { url: ${origin.url}, ignoreInPaths: [case] }
  exact: { url: ${origin.url} }
routes:
  - { match: "/exact/**", origin: exact, cache: { ttl: 60s } }
rules:
  - name: item
    on: PUT /items/:id
    invalidate: ["/exact/{id}", "/exact/{id}/{response.none}", "/exact/found?item={id}"]
`);
    scriptApi();
    await ask(read);
    expect(isHit(await ask(read))).toBe(true);
    await ask('/items/B', { method: 'PUT', body: {} });
    expect(JSON.parse((await ask(read)).text).writes).toBe(1);
  },
);

test('where two origins ignore different things, a wildcard finds what is stored of each', async () => {
  await begin(`
origins:
  default: { url: ${origin.url}, ignoreInPaths: [case] }
  other: { url: ${origin.url}, ignoreInPaths: [case, extension] }
routes:
  - { match: "/b/**", origin: other, cache: { ttl: 60s } }
defaults: { cache: { ttl: 60s } }
rules:
  - { name: item, on: "PUT /items/:id", invalidate: ["/{response.none}/X.json"] }
`);
  scriptApi();
  for (const read of ['/a/x.json', '/b/x.xml']) {
    await ask(read);
    expect(isHit(await ask(read))).toBe(true);
  }
  await ask('/items/1', { method: 'PUT', body: {} });
  for (const read of ['/a/x.json', '/b/x.xml']) expect(JSON.parse((await ask(read)).text).writes).toBe(1);
});

test('a response may have as many tags as without', async () => {
  await start('case');
  const groups = Array.from({ length: 900 }, (_, i) => `"G${i}"`).join(', ');
  const items = Array.from({ length: 900 }, (_, i) => `B${i}`);
  origin.on('GET /full/1', (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Groups': groups });
    response.end(JSON.stringify({ items }));
  });
  await ask('/full/1');
  expect(isHit(await ask('/full/1'))).toBe(true);
});

describe.each([
  ['no route or rule names', ''],
  ['a route spells in another way', 'routes: [{ match: "/Settings", cache: { ttl: 60s } }]'],
])('a protected resource that %s', (_, routes) => {
  test.each(['/settings', '/Settings', '/SETTINGS'])('is protected as %s', async (path) => {
    await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [case] }
${routes}
writes: [{ on: "PUT /settings", precondition: required }]
`);
    scriptApi();
    expect((await ask(path, { method: 'PUT', body: {} })).status).toBe(428);
  });
});

test.each([
  ['match=/items/b', '/ITEMS/B'],
  ['match=/plain/b', '/items/B'],
  ['match=/found', '/asked/B'],
  ['match=/found', '/sought/B'],
  ['match=/trips/b/*/*', '/wild/B'],
  ['tag=in:b', '/tagged/B'],
  ['tag=in:x:b', '/some/B'],
])('who follows %s, in lower case, hears of a write at %s', async (filter, written) => {
  await start('case');
  const stream = await sseClient(`${gateway.url}/_unstale/events?${filter}`);
  await ask(written, { method: 'PUT', body: { list: 7 } });
  expect((await stream.next()).type).toMatch(/^(?:item.changed|invalidate)$/);
  stream.close();
});

test('where one origin ignores case and another does not, nobody is told of what another may be called', async () => {
  await begin(`
origins:
  default: { url: ${origin.url}, ignoreInPaths: [case] }
  exact: { url: ${origin.url} }
routes: [{ match: "/exact/**", origin: exact, cache: { ttl: 60s } }]
`);
  scriptApi();
  const stream = await sseClient(`${gateway.url}/_unstale/events?match=/exact/*`);
  await ask('/exact/B', { method: 'PUT', body: {} });
  expect(JSON.parse((await stream.next()).data).paths).toEqual(['/exact/B']);
  stream.close();
});

test('events name the path as the configuration spells it, beside the one that was written', async () => {
  await start(every);
  const stream = await sseClient(`${gateway.url}/_unstale/events?match=/items/:id`);
  await ask('/ITEMS/1.json', { method: 'PUT', body: { list: 7 } });
  const event = await stream.next();
  expect(event.type).toBe('item.changed');
  expect(JSON.parse(event.data).paths).toEqual(expect.arrayContaining(['/ITEMS/1.json', '/items/1']));
  stream.close();
});

describe('events have the folded form of what may be seen, and of nothing else', () => {
  const pathsTold = async (yaml: string, query: string, written: string, headers = {}): Promise<unknown> => {
    await begin(`origin: { url: ${origin.url}, ignoreInPaths: [case] }\n${yaml}`);
    origin.on(
      () => true,
      (_, response) => void response.setHeader('Content-Type', 'application/json').end('{"secret":"S3cret","a":1}'),
    );
    const stream = await sseClient(`${gateway.url}/_unstale/events${query}`, headers);
    await ask(written, { method: 'PUT', body: {} });
    const { paths, payload } = JSON.parse((await stream.next()).data);
    stream.close();
    return { paths, payload };
  };

  test('not of a path, or a pattern, that is kept from subscribers', async () => {
    const yaml = `
routes: [{ match: "/Private/**", cache: off }]
rules:
  - name: r
    on: PUT /items/:id
    invalidate: ["/Private/{response.secret}/{response.none}", "/Private/{response.secret}"]
`;
    expect(await pathsTold(yaml, '', '/items/1')).toEqual({ paths: ['/items/1'], payload: undefined });
  });

  test('which a grant of the other form covers, with the payload', async () => {
    const secret = 'a secret that is long enough for HMAC';
    const token = await new SignJWT({ unstale: { match: ['/Items/*'], tags: ['In:*'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret));
    const yaml = `
routes: [{ match: "/Items/:id", cache: { ttl: 60s } }]
rules:
  - name: r
    on: PUT /Items/:id
    invalidate: [{ tag: "In:{id}" }]
    event: { type: changed, payload: { a: response.a } }
events: { auth: { jwt: { secret: "${secret}" } } }
`;
    const told = await pathsTold(yaml, '', '/Items/B', { authorization: `Bearer ${token}` });
    expect(told).toEqual({ paths: ['/Items/B', '/items/b'], payload: { a: 1 } });
  });
});

test('a resource whose write needs a tag gets one under every spelling', async () => {
  await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [case] }
writes: [{ on: "PUT /settings", precondition: required }]
`);
  scriptApi();
  for (const path of ['/settings', '/Settings']) expect((await ask(path)).headers.etag).toBeDefined();
});

test.each([
  // What a route keeps from being shared is not shared under a spelling that another one matches.
  ['extension', '/me.json', '/me', false],
  ['extension', '/me.json', '/me.css', false],
  ['extension', '/users/:id.json', '/users/7', false],
  // Both are spelled as their routes spell them.
  ['extension', '/pages/:id.json', '/pages/7', true],
])('ignoring %s, with a route %s that is off, %s is stored: %j', async (ignored, match, path, isStored) => {
  await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [${ignored}] }
routes:
  - { match: "${match}", cache: off }
  - { match: "/pages/:id", cache: { ttl: 60s } }
defaults: { cache: { ttl: 60s } }
`);
  scriptApi();
  await ask(path);
  expect(isHit(await ask(path))).toBe(isStored);
});

test.each([
  // A route of the same shape stands before the one that is off.
  ['extension', '/pages/:id.json', '/pages/me', '/pages/me'],
  ['extension', '/pages/:id.json', '/pages/me', '/pages/me.xml'],
  // Which extension it is makes no other route of it, and which case makes none either.
  ['case, extension', '/else/:id', '/Pages/:id.:ext', '/pages/7.json'],
])('ignoring %s, behind %s, what %s keeps from being stored is not stored as %s', async (ignored, first, off, path) => {
  await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [${ignored}] }
routes:
  - { match: "${first}", cache: { ttl: 60s } }
  - { match: "${off}", cache: off }
  - { match: "/pages/:id", cache: { ttl: 60s } }
`);
  scriptApi();
  await ask(path);
  expect(isHit(await ask(path))).toBe(false);
});
