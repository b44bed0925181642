import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';
import { ask, begin, cacheStatus, gateway, isHitAt, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* What a route's policy makes of an origin's answers, over the wire. */

useScriptedRig();
const says =
  (headers: Record<string, string | string[]>, body = 'body') =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, headers).end(body);
  };

describe('is stored and reused', () => {
  test.each([
    ['nothing said', {}, {}, false],
    ['max-age', {}, { 'Cache-Control': 'max-age=60' }, true],
    ['no-store', {}, { 'Cache-Control': 'no-store, max-age=60' }, false],
    ['private', {}, { 'Cache-Control': 'private, max-age=60' }, false],
    ['a cookie set', {}, { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'a=b' }, false],
    ['a cookie set, stored', { setCookie: 'store' }, { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'a=b' }, true],
    ['a cookie set, stripped', { setCookie: 'strip' }, { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'a=b' }, true],
    ['a ttl', { ttl: '60s' }, {}, true],
    ['a ttl against max-age=0', { ttl: '60s' }, { 'Cache-Control': 'max-age=0' }, true],
    ['a ttl against no-store', { ttl: '60s' }, { 'Cache-Control': 'no-store' }, false],
    ['a ttl against private', { ttl: '60s' }, { 'Cache-Control': 'private' }, false],
    ['a forced ttl against no-store', { ttl: '60s', force: true }, { 'Cache-Control': 'no-store' }, true],
    [
      'a forced ttl against no-cache, private',
      { ttl: '60s', force: true },
      { 'Cache-Control': 'no-cache, private' },
      true,
    ],
    ['a forced ttl against Vary: *', { ttl: '60s', force: true }, { Vary: '*' }, false],
    ['a ttl of nothing', { ttl: '0s' }, { 'Cache-Control': 'max-age=60' }, false],
  ])('%s', async (_what, cache, headers, expected) => {
    await begin(`defaults: { cache: ${JSON.stringify(cache)} }`);
    origin.on('GET /a', says(headers));
    const first = await ask('/a');
    expect(first.text).toBe('body');
    expect(await isHitAt('/a')).toBe(expected);
    if ('setCookie' in cache && cache.setCookie === 'strip') expect(first.headers['set-cookie']).toBeUndefined();
    if (JSON.stringify(headers).includes('no-store')) expect(first.headers['cache-control']).toContain('no-store');
    if (JSON.stringify(headers).includes('private')) expect(first.headers['cache-control']).toContain('private');
  });
});

describe('requests with credentials', () => {
  const ada = { headers: { authorization: 'Bearer ada' } };
  const grace = { headers: { cookie: 'session=grace' } };
  const echo = (cacheControl: string) => (request: IncomingMessage, response: ServerResponse) => {
    const who = request.headers.authorization ?? request.headers.cookie ?? 'nobody';
    response.writeHead(200, { 'Cache-Control': cacheControl }).end(who);
  };

  test('are neither stored for others nor answered from what others stored', async () => {
    await begin('');
    origin.on('GET /a', echo('max-age=60'));
    for (const [options, who] of [
      [{}, 'nobody'],
      [ada, 'Bearer ada'],
      [grace, 'session=grace'],
      [{}, 'nobody'],
      [ada, 'Bearer ada'],
    ] as const) {
      expect((await ask('/a', options)).text).toBe(who);
    }
    expect(cacheStatus(await ask('/a', ada))).toContain('detail=credentials');
    expect(await isHitAt('/a')).toBe(true);
  });

  test('share what the origin explicitly lets be shared', async () => {
    await begin('');
    origin.on('GET /a', echo('public, max-age=60'));
    await ask('/a', ada);
    expect((await ask('/a', grace)).text).toBe('Bearer ada');
  });

  test('have a response each where the key holds them', async () => {
    await begin('defaults: { cache: { ttl: 60s, credentials: perUser, userKey: [authorization, "cookie:session"] } }');
    origin.on('GET /a', echo('max-age=60'));
    await ask('/a', ada);
    await ask('/a', grace);
    expect((await ask('/a', ada)).text).toBe('Bearer ada');
    expect(await isHitAt('/a', grace)).toBe(true);
    expect(await isHitAt('/a', { headers: { cookie: 'theme=dark; session=grace' } })).toBe(true);
    expect(await isHitAt('/a', { headers: { cookie: 'session=other' } })).toBe(false);
    expect(JSON.stringify(gateway.logs)).not.toMatch(/ada|grace/);
  });

  test('share a response that the route says is the same for all', async () => {
    await begin('defaults: { cache: { ttl: 60s, credentials: shared } }');
    origin.on('GET /a', echo('max-age=60'));
    await ask('/a', ada);
    expect(await isHitAt('/a', grace)).toBe(true);
  });
});

describe('keys', () => {
  test('a parameter that is not in the key does not reach the origin', async () => {
    await begin('routes: [{ match: /a, cache: { ttl: 60s, key: { query: [lang, page] } } }]');
    origin.on('GET /a', (request, response) => void response.end(request.url));
    expect((await ask('/a?utm=evil&page=2&lang=de')).text).toBe('/a?lang=de&page=2');
    expect(await isHitAt('/a?lang=de&page=2&utm=other')).toBe(true);
    expect(await isHitAt('/a?lang=fr&page=2')).toBe(false);
  });

  test('a header in the key separates; one that is not, and could change the answer, does not reach the origin', async () => {
    await begin('routes: [{ match: /a, cache: { ttl: 60s, key: { headers: [X-Tenant] } } }]');
    origin.on('GET /a', (request, response) => {
      response.end(
        `${request.headers['x-tenant']} ${request.headers['x-http-method-override']} ${request.headers['x-original-url']}`,
      );
    });
    const evil = { 'x-tenant': 'one', 'x-http-method-override': 'DELETE', 'x-original-url': '/admin' };
    expect((await ask('/a', { headers: evil })).text).toBe('one undefined undefined');
    expect(await isHitAt('/a', { headers: { 'x-tenant': 'one' } })).toBe(true);
    expect(await isHitAt('/a', { headers: { 'x-tenant': 'two' } })).toBe(false);
  });

  test('parameters in another order are the same query where the route says so', async () => {
    await begin(
      'routes: [{ match: /a, cache: { ttl: 60s, key: { order: sort } } }]\ndefaults: { cache: { ttl: 60s } }',
    );
    origin.on('GET /a', (request, response) => void response.end(request.url));
    origin.on('GET /b', (request, response) => void response.end(request.url));
    expect((await ask('/a?b=2&a=1&b=1&')).text).toBe('/a?a=1&b=2&b=1');
    expect(await isHitAt('/a?a=1&b=2&b=1')).toBe(true);
    expect(await isHitAt('/a?a=1&b=1&b=2')).toBe(false);
    await ask('/b?b=2&a=1');
    expect(await isHitAt('/b?a=1&b=2')).toBe(false);
  });

  test('cookies that say nothing about the response neither separate nor reach the origin', async () => {
    await begin('routes: [{ match: /a, cache: { ttl: 60s, cookies: ignore } }]');
    origin.on('GET /a', (request, response) => {
      response.writeHead(200, { Vary: 'Cookie' }).end(`${request.headers.cookie}`);
    });
    expect((await ask('/a', { headers: { cookie: 'tracker=1' } })).text).toBe('undefined');
    expect(await isHitAt('/a', { headers: { cookie: 'tracker=2' } })).toBe(true);
    expect(await isHitAt('/a')).toBe(true);
    expect(await isHitAt('/a', { headers: { cookie: 'tracker=2', authorization: 'Bearer x' } })).toBe(false);
  });

  test('a scheme is believed of a trusted proxy, and separates', async () => {
    for (const [trusted, hit] of [
      ['["127.0.0.1"]', false],
      ['[]', true],
    ] as const) {
      await begin(`server: { listen: "127.0.0.1:0", trustedProxies: ${trusted} }\ndefaults: { cache: { ttl: 60s } }`);
      origin.on('GET /a', says({}));
      await ask('/a');
      expect(await isHitAt('/a', { headers: { 'x-forwarded-proto': 'https' } })).toBe(hit);
      await gateway.stop();
    }
  });

  test('hosts are kept apart', async () => {
    await begin('defaults: { cache: { ttl: 60s } }');
    origin.on('GET /a', (request, response) => void response.end(request.headers.host));
    expect((await ask('/a', { headers: { host: 'one.example' } })).text).toBe('one.example');
    expect((await ask('/a', { headers: { host: 'two.example' } })).text).toBe('two.example');
  });
});

describe('without any rule, RFC 9111 §4.4', () => {
  test.each([
    ['its own resource, in every query', '/items/1', '/items/1?x=1', {}, true],
    ['what Location names', '/items', '/items/2', { Location: '/items/2' }, true],
    ['what Content-Location names', '/items', '/items/2', { 'Content-Location': '/items/2' }, true],
    ['a relative Location', '/items/', '/items/2', { Location: '2' }, true],
    ['nothing on another host', '/items', '/items/2', { Location: 'http://other.example/items/2' }, false],
    ['nothing else', '/items', '/items/2', {}, false],
  ])('a write invalidates %s', async (_what, written, read, headers, invalidated) => {
    await begin('defaults: { cache: { ttl: 60s } }');
    origin.on(({ method }) => method === 'GET', says({}));
    origin.on(`POST ${written}`, says(headers));
    await ask(read);
    await ask(written, { method: 'POST', body: 'x' });
    expect(await isHitAt(read)).toBe(!invalidated);
  });
});

describe('fields for caches', () => {
  const targeted = (headers: Record<string, string>, cache: string): Promise<void> => {
    origin.on('GET /a', says({ 'Cache-Control': 'no-store', ...headers }));
    return begin(`defaults: { cache: { ${cache} }, client: { cacheControl: origin } }`);
  };

  test.each([
    ['one that is listed decides', { 'X-Mine': 'max-age=60', 'CDN-Cache-Control': 'no-store' }, true],
    ['in the order of the list', { 'X-Second': 'no-store', 'X-Mine': 'max-age=60' }, true],
    ['an invalid one is left out', { 'X-Mine': 'max-age="60"', 'X-Second': 'max-age=60' }, true],
    ['one that is not listed says nothing', { 'X-Other': 'max-age=60' }, false],
  ])('%s', async (_what, headers, expected) => {
    await targeted(headers, 'targetedFields: [X-Mine, X-Second]');
    const first = await ask('/a');
    for (const [name, value] of Object.entries(headers)) expect(first.headers[name.toLowerCase()]).toBe(value);
    expect(await isHitAt('/a')).toBe(expected);
  });

  const tagged = { 'Cache-Control': 'max-age=60', 'Surrogate-Key': 'a b', 'Cache-Tag': 'c', 'Cache-Groups': '"d"' };
  test.each([
    ['are stripped', '', false],
    ['reach clients where a route says so', 'tags: keep', true],
  ])('those with tags %s', async (_what, client, kept) => {
    await begin(`defaults: { client: { ${client} } }`);
    origin.on('GET /a', says(tagged));
    for (const answer of [await ask('/a'), await ask('/a')]) {
      const names = ['surrogate-key', 'cache-tag', 'cache-groups'];
      expect(names.map((name) => answer.headers[name] !== undefined)).toEqual(names.map(() => kept));
    }
    expect(await isHitAt('/a')).toBe(true);
  });
});

test.each([
  ['may have been applied', '', false],
  ['was rolled back, where the origin is said to do so', ', serverErrors: unchanged', true],
])('a write that is answered 500 %s', async (_what, setting, hit) => {
  await begin(`origin: { url: "${origin.url}"${setting} }\ndefaults: { cache: { ttl: 60s } }`);
  origin.on('GET /a', says({}));
  origin.on('PUT /a', (_request, response) => void response.writeHead(500).end());
  await ask('/a');
  await ask('/a', { method: 'PUT', body: 'x' });
  expect(await isHitAt('/a')).toBe(hit);
});

test('fills under way hold no more than their share of the memory together', async () => {
  await begin('store: { memory: { maxSize: 1MiB, maxEntry: 512KiB } }\ndefaults: { cache: { ttl: 60s } }');
  const ends = gate();
  origin.on(
    ({ method }) => method === 'GET',
    async (_request, response) => {
      response.write('x'.repeat(200_000));
      await ends.pass();
      response.end();
    },
  );
  const all = ['/a', '/b', '/c'].map((path) => ask(path));
  await ends.arrived(3);
  ends.release();
  const statuses = (await Promise.all(all)).map(cacheStatus);
  expect(statuses.filter((status) => status.includes('no-room')).length).toBeGreaterThan(0);
  for (const answer of await Promise.all(all)) expect(answer.body.byteLength).toBe(200_000);
});

test('an answer that has arrived whole is not stored while other fills hold the memory', async () => {
  await begin('store: { memory: { maxSize: 1MiB, maxEntry: 512KiB } }\ndefaults: { cache: { ttl: 60s } }');
  const ends = gate();
  origin.on('GET /large', async (_request, response) => {
    response.write('x'.repeat(256_000));
    await ends.pass();
    response.end();
  });
  origin.on('GET /small', (_request, response) => void response.end('x'.repeat(10_000)));
  const client = await rawClient(gateway.url);
  client.write('GET /large HTTP/1.1\r\nHost: h\r\n\r\n');
  await until(() => client.pending.byteLength > 256_000, 'what the gateway holds of the large answer');
  const small = await ask('/small');
  expect([cacheStatus(small), small.body.byteLength]).toEqual([expect.stringContaining('no-room'), 10_000]);
  ends.release();
  expect((await client.answer()).status).toBe(200);
  await client.close();
  expect(cacheStatus(await ask('/small'))).toContain('stored');
});

test('an answer larger than an entry may be is passed on the same, in one piece or in two', async () => {
  await begin('store: { memory: { maxEntry: 1KiB } }\ndefaults: { cache: { ttl: 60s } }');
  const between = gate();
  const half = 'x'.repeat(1_000);
  const fields = { 'Content-Length': '2000', Date: new Date().toUTCString() };
  origin.on('GET /whole', (_request, response) => void response.writeHead(200, fields).end(half + half));
  origin.on('GET /halves', async (_request, response) => {
    response.writeHead(200, fields).write(half);
    await between.pass();
    response.end(half);
  });
  const client = await rawClient(gateway.url);
  const answerTo = async (path: string): Promise<[number, unknown, string]> => {
    client.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
    if (path === '/halves') await until(() => client.pending.byteLength > 1_000, 'the first half');
    between.release();
    const { status, headers, body } = await client.answer();
    return [status, headers, body.toString()];
  };
  const halves = await answerTo('/halves');
  expect(await answerTo('/whole')).toEqual(halves);
  expect(JSON.stringify(halves)).toContain('detail=too-large');
  await client.close();
});

test.each(['private', 'no-cache'])(
  'a field that %s="…" names goes to the client that asked, and to no other',
  async (name) => {
    await begin('');
    const headers = { 'Cache-Control': `max-age=60, ${name}="X-Own"`, 'X-Own': 'ada', 'X-Common': 'all' };
    origin.on('GET /a', says(headers));
    const [first, second] = [await ask('/a'), await ask('/a')];
    expect([first.headers['x-own'], first.headers['x-common']]).toEqual(['ada', 'all']);
    expect([second.headers['x-own'], second.headers['x-common']]).toEqual([undefined, 'all']);
    expect(cacheStatus(second)).toContain('; hit');
  },
);
