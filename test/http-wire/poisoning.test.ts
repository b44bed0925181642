import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { rawExchange } from '../support/raw-client.ts';
import { onRequestHead, rawOrigin } from '../support/raw-origin.ts';
import { relayTo } from '../support/relay.ts';
import { type Answer, get } from '../support/request.ts';
import { gate } from '../support/scripted-origin.ts';
import { ask, begin, cacheStatus, every, gateway, isHitAt, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* One client must not be able to change what others get: poisoning, deception, denial by cached errors, floods. */

useScriptedRig();
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => {
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

describe('fields that are in no key', () => {
  test.each([
    'X-Forwarded-Host',
    'X-Forwarded-Scheme',
    'X-Forwarded-Port',
    'X-Forwarded-Prefix',
    'X-Forwarded-Server',
    'X-Forwarded-Ssl',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Path',
    'Forwarded',
    'X-Host',
    'X-Original-Host',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'X-Real-IP',
    'True-Client-IP',
    'Client-IP',
    'Front-End-Https',
    'X-Url-Scheme',
    'X-Scheme',
    'x-FORWARDED-anything',
    'X-Forwarded',
    'X-Original-Forwarded-For',
    'X-Backend-Host',
    'X-Script-Name',
    'Base-Url',
    'Proxy',
    'X_Forwarded_For',
    'X_Forwarded-Host',
    'X_Real_IP',
    'X_Original_URL',
    'X_HTTP_Method_Override',
    'X.Forwarded.Host',
    'Accept_Language',
    'If_None_Match',
    'Content_Length',
    'Transfer_Encoding',
  ])('%s does not reach an origin whose answer is stored', async (name) => {
    await begin();
    every((request, response) => void response.end(JSON.stringify(request.rawHeaders)));
    const poisoned = await ask('/a', { headers: { [name]: 'evil.example' } });
    expect(poisoned.text).not.toContain('evil');
    // Nor does the client's true address, which an origin might answer by.
    expect(poisoned.text).not.toMatch(/127\.0\.0\.1"/);
    const next = await ask('/a');
    expect([cacheStatus(next).includes('; hit'), next.text]).toEqual([true, poisoned.text]);
  });

  test.each(['GET', 'PUT'])(
    '%s: what stands for a field of the gateway to CGI reaches no origin at all',
    async (method) => {
      await begin('routes: [{ match: /**, cache: off }]');
      every((request, response) => void response.end(JSON.stringify(request.headers)));
      const posing = [
        'x_forwarded_for',
        'X_HTTP_METHOD_OVERRIDE',
        'content_length',
        'x.real.ip',
        'cookie.',
        'max_forwards',
      ];
      const headers = Object.fromEntries(['api_key', ...posing].map((name) => [name, 'evil']));
      const { text } = await ask('/a', { method, headers });
      const reached = Object.keys(JSON.parse(text) as object).filter(
        (name) => /[^a-z-]/.test(name) || name === 'cookie.',
      );
      // One that stands for nothing known is the API's own.
      expect(reached).toEqual(['api_key', 'cookie.']);
    },
  );

  test('nor what stands for a field that the route keys', async () => {
    await begin('defaults: { cache: { ttl: 60s, key: { headers: [X-Tenant] } } }');
    every((request, response) => void response.end(JSON.stringify(request.headers)));
    expect((await ask('/a', { headers: { x_tenant: 'evil' } })).text).not.toContain('evil');
  });

  test('the host reaches the origin as it is keyed', async () => {
    await begin();
    every((request, response) => void response.end(request.headers.host));
    const hosts = ['API.Example', 'api.example'].map((host) => `GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    for (const bytes of hosts) {
      const [answer] = await rawExchange(gateway.url, bytes);
      expect(answer?.body.toString()).toBe('api.example');
    }
    expect(origin.seen.length).toBe(1);
  });

  test('the host that a trusted proxy itself asks for is part of the key, as is the one that it names', async () => {
    await begin('server: { listen: "127.0.0.1:0", trustedProxies: [127.0.0.1] }\ndefaults: { cache: { ttl: 60s } }');
    every((request, response) => void response.end(request.headers.host));
    for (const host of ['one.example', 'two.example']) {
      const bytes = `GET /a HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: api.example\r\n\r\n`;
      expect((await rawExchange(gateway.url, bytes))[0]?.body.toString()).toBe(host);
    }
  });

  test('one that the route keys does, and separates', async () => {
    await begin('defaults: { cache: { ttl: 60s, key: { headers: [X-Scheme] } } }');
    every((request, response) => void response.end(String(request.headers['x-scheme'])));
    expect((await ask('/a', { headers: { 'x-scheme': 'one' } })).text).toBe('one');
    expect((await ask('/a', { headers: { 'x-scheme': 'two' } })).text).toBe('two');
  });

  test('a field that Connection names reaches neither the origin nor the store', async () => {
    await begin();
    every((request, response) => {
      response.writeHead(200, { Connection: 'X-Hop', 'X-Hop': 'secret', 'X-End': 'yes' });
      response.end(String(request.headers['x-mine']));
    });
    const first = await ask('/a', { headers: { connection: 'close, X-Mine', 'x-mine': 'evil' } });
    expect([first.text, first.headers['x-hop'], first.headers['x-end']]).toEqual(['undefined', undefined, 'yes']);
    expect((await ask('/a')).headers['x-hop']).toBeUndefined();
  });

  test.each(['host', 'cookie', 'authorization', 'content-type', 'cache-control'])(
    'Connection cannot take %s away',
    async (name) => {
      await begin('routes: [{ match: /**, cache: off }]');
      every((request, response) => void response.end(String(request.headers[name])));
      const value = name === 'host' ? 'gateway.example' : 'kept';
      const bytes = `GET /a HTTP/1.1\r\nHost: gateway.example\r\n${name === 'host' ? '' : `${name}: ${value}\r\n`}Connection: close, ${name}\r\n\r\n`;
      expect((await rawExchange(gateway.url, bytes))[0]?.body.toString()).toBe(value);
    },
  );

  test('a field that Connection names selects no variant', async () => {
    await begin();
    every((request, response) => {
      response.writeHead(200, { Vary: 'Accept-Language' }).end(request.headers['accept-language'] ?? 'default');
    });
    const poison = { connection: 'close, accept-language', 'accept-language': 'de' };
    expect((await ask('/a', { headers: poison })).text).toBe('default');
    expect((await ask('/a', { headers: { 'accept-language': 'de' } })).text).toBe('de');
  });

  test("what an origin's Connection names cannot be what caches go by", async () => {
    await begin('');
    every((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'no-store', Connection: 'close, cache-control, vary', Vary: '*' });
      response.end('x');
    });
    await ask('/a');
    expect(await isHitAt('/a')).toBe(false);
  });

  test('a GET with a body is answered for its sender alone', async () => {
    await begin();
    every((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => void response.end(`for ${body}`));
    });
    origin.on('GET /a', (_request, response, { body }) => void response.end(`for ${body}`));
    const fat = 'GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nevil';
    expect((await rawExchange(gateway.url, fat))[0]?.body.toString()).toBe('for evil');
    expect((await ask('/a')).text).toBe('for ');
    expect((await rawExchange(gateway.url, fat))[0]?.body.toString()).toBe('for evil');
  });
});

describe('cache deception: a path that an origin takes for another', () => {
  test.each([
    '/users/me/x.css',
    '/users/me;x.css',
    '/users/me%3bx.css',
    '/users/me%2fx.css',
    '/users/me?x.css',
    '/users/me/',
  ])('%s is not stored for others', async (path) => {
    await begin('routes: [{ match: /users/me, cache: off }]');
    every((request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`page of ${request.headers.cookie}`);
    });
    expect((await ask(path, { headers: { cookie: 'session=ada' } })).text).toBe('page of session=ada');
    expect((await ask(path)).text).toBe('page of undefined');
  });

  test.each([
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/%61', '/a'],
    ['/a/%2e%2e/b', '/b'],
    ['/a//b', '/a//b'],
    ['/a%2fb', '/a%2Fb'],
  ])('%s is routed, keyed and forwarded as %s', async (sent, canonical) => {
    await begin();
    every((request, response) => void response.end(request.url));
    const bytes = `GET ${sent} HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`;
    expect((await rawExchange(gateway.url, bytes))[0]?.body.toString()).toBe(canonical);
    expect(await isHitAt(canonical)).toBe(true);
  });
});

describe('denial by a cached error', () => {
  test.each([
    ['400 to an odd field', 400, { 'X-Odd': '\u0001'.replace('\u0001', '%00%0d') }],
    ['413 to a long one', 413, { 'X-Long': 'x'.repeat(8_000) }],
    ['405 to another method', 405, { 'X-HTTP-Method-Override': 'DELETE' }],
    ['403 to an agent', 403, { 'User-Agent': 'scanner' }],
  ])('%s is not stored for others', async (_what, code, headers) => {
    await begin();
    every((request, response) => {
      const provoked = Object.entries(headers).some(([name, value]) => request.headers[name.toLowerCase()] === value);
      response.writeHead(provoked ? code : 200).end(provoked ? 'error' : 'page');
    });
    await ask('/a', { headers });
    const next = await ask('/a');
    expect([next.status, next.text]).toEqual([200, 'page']);
  });

  test('an error that says itself how long it is good for is stored', async () => {
    await begin('');
    every((_request, response) => void response.writeHead(404, { 'Cache-Control': 'max-age=60' }).end('none'));
    await ask('/a');
    expect(await isHitAt('/a')).toBe(true);
  });
});

describe('floods', () => {
  test('of variants: a bound for each key, and other keys stay', async () => {
    await begin('store: { memory: { maxVariants: 4 } }\ndefaults: { cache: { ttl: 60s } }');
    every((request, response) => {
      response.setHeader('Vary', 'X-V');
      response.end(String(request.headers['x-v']));
    });
    await ask('/other');
    for (let i = 0; i < 20; i++) await ask('/a', { headers: { 'x-v': String(i) } });
    const metrics = (await get(`${gateway.adminUrl}/metrics`)).text;
    expect(/^unstale_stored_responses (\d+)$/m.exec(metrics)?.[1]).toBe('5');
    expect(await isHitAt('/other')).toBe(true);
    expect(await isHitAt('/a', { headers: { 'x-v': '19' } })).toBe(true);
    expect(await isHitAt('/a', { headers: { 'x-v': '0' } })).toBe(false);
  });

  test.each<[string, Record<string, string | string[]>]>([
    ['too many tags', { 'Surrogate-Key': Array.from({ length: 1_200 }, (_each, i) => `t${i}`).join(' ') }],
    ['a tag too long', { 'Cache-Tag': `short,${'x'.repeat(2_000)}` }],
    ['tags that cannot be read', { 'Cache-Groups': '"a", b c' }],
  ])('of tags: a response with %s is served and not stored', async (_what, headers) => {
    await begin();
    every((_request, response) => void response.writeHead(200, headers).end('x'));
    expect((await ask('/a')).text).toBe('x');
    expect(cacheStatus(await ask('/a'))).toContain('detail=too-many-tags');
  });

  test.each(['', 'case'])('of tags that 304s add up: no more than 3,000 are kept (ignoring %s)', async (ignored) => {
    await begin(`origin: { url: ${origin.url}, ignoreInPaths: [${ignored}] }\ndefaults: { client: { etag: origin } }`);
    let [asked, whole] = [0, 0];
    every(({ headers }, response) => {
      const isWhole = headers['if-none-match'] === undefined;
      const tags = Array.from({ length: 900 }, (_each, i) => `T${900 * asked + i}`).join(' ');
      asked += 1;
      whole += Number(isWhole);
      // Stale as soon as it is stored.
      const fields = { ETag: '"a"', 'Cache-Control': 'max-age=60', Age: '100', 'Surrogate-Key': tags };
      response.writeHead(isWhole ? 200 : 304, fields).end(isWhole ? 'x' : undefined);
    });
    // The first answer, and two that confirm it: 2,700. The fourth has too many.
    const wholeAfter: number[] = [];
    for (let i = 0; i < 5; i++) {
      expect((await ask('/a')).text).toBe('x');
      wholeAfter.push(whole);
    }
    expect(wholeAfter).toEqual([1, 1, 1, 1, 2]);
  });

  test('of ranges: answered as if there were none', async () => {
    await begin();
    every((_request, response) => void response.end('0123456789'));
    await ask('/a');
    const flood = await ask('/a', { headers: { range: `bytes=${'0-0,'.repeat(1_000)}1-1` } });
    expect([flood.status, flood.text]).toEqual([200, '0123456789']);
    const some = await ask('/a', { headers: { range: 'bytes=0-1,1-3,2-4' } });
    expect([some.status, some.text]).toEqual([206, '01234']);
  });
});

describe('an origin', () => {
  const ok = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n';
  const answered = async (bytes: string, then?: (count: number) => string): Promise<[Answer, Answer]> => {
    const raw = await rawOrigin((socket) =>
      onRequestHead(socket, (_head, count) => void socket.write(count === 1 ? bytes : (then?.(count) ?? ''), 'latin1')),
    );
    await begin(`origin: { url: "${raw.url}", timeout: 1s }`);
    try {
      return [await ask('/a'), await ask('/b')];
    } finally {
      await raw.close();
    }
  };

  test.each([
    ['a bare CR in a field', `${ok}X: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok`],
    ['a NUL in a field', `${ok}X: a\0b\r\nContent-Length: 2\r\n\r\nok`],
    ['a folded field', `${ok}X: a\r\n b: c\r\nContent-Length: 2\r\n\r\nok`],
    ['two lengths', `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!`],
    ['a length and chunks', `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ['a status line that is none', 'HTTP/1.1 abc\r\n\r\n'],
    ['a head that is too long', `${ok}X: ${'x'.repeat(300_000)}\r\n\r\n`],
  ])('that sends %s is a 502, and nothing of it is stored', async (_what, bytes) => {
    const [first, second] = await answered(bytes);
    expect([first.status, first.headers['content-type']]).toEqual([502, 'application/problem+json']);
    expect(first.headers['set-cookie']).toBeUndefined();
    expect(cacheStatus(second)).not.toContain('; hit');
  });

  test('that answers twice does not answer the next request with what it sent unasked', async () => {
    const twice = `${ok}Content-Length: 5\r\n\r\nfirst${ok}Content-Length: 6\r\n\r\nsecond`;
    const [first, second] = await answered(twice, () => `${ok}Content-Length: 5\r\n\r\nthird`);
    expect(first.text).toBe('first');
    expect(second.text).not.toBe('second');
  });

  test('that sends more than it said is cut at what it said', async () => {
    const [first] = await answered(`${ok}Content-Length: 2\r\n\r\nok and more`);
    expect(first.text).toBe('ok');
  });

  test('that answers 304 to a condition sent before a write revives nothing', async () => {
    await begin('');
    const held = gate();
    origin.on('GET /a', (_request, response) => {
      response.writeHead(200, { ETag: '"a"', 'Cache-Control': 'max-age=60', Age: '100' }).end('old');
    });
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    await ask('/a');
    origin.on('GET /a', async (request, response) => {
      expect(request.headers['if-none-match']).toBe('"a"');
      await held.pass();
      response.writeHead(304, { ETag: '"a"', 'Cache-Control': 'max-age=60' }).end();
    });
    const validating = ask('/a');
    await held.arrived(1);
    await ask('/a', { method: 'PUT', body: 'x' });
    held.release();
    expect((await validating).text).toBe('old');
    origin.on('GET /a', (_request, response) => void response.end('new'));
    expect((await ask('/a')).text).toBe('new');
  });

  test('that puts a line break into a field splits no response', async () => {
    await begin('');
    every((request, response) => {
      response.setHeader('Location', `/next?${encodeURIComponent(request.url ?? '')}`);
      response.writeHead(302, { 'Cache-Control': 'max-age=60' }).end();
    });
    const split = '/a?x=%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<html>';
    const first = await ask(split);
    expect([first.status, first.headers['set-cookie']]).toEqual([302, undefined]);
    expect((await ask(split)).headers['set-cookie']).toBeUndefined();
  });
});

test.each(['GET', 'HEAD', 'POST'])('a gateway that an origin leads back to answers 508 at once: %s', async (method) => {
  const relay = await relayTo(() => Number(new URL(gateway.url).port));
  onTestFinished(() => relay.close());
  await begin(`origin: { url: "${relay.url}", timeout: 60s }\ndefaults: { cache: { ttl: 60s } }`);
  expect((await ask('/round', { method, ...(method === 'POST' ? { body: 'x' } : {}) })).status).toBe(508);
  expect(gateway.logs.filter(({ code }) => code === 'loopDetected')).toHaveLength(1);
});
