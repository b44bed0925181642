import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { rawExchange } from '../support/raw-client.ts';
import { onRequestHead, rawOrigin } from '../support/raw-origin.ts';
import { type Answer, get } from '../support/request.ts';
import { ask, begin, every, gateway, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/**
 * What a hostile client, or origin, tries of keys and of what is stored. During each attack a well-behaved client gets
 * right answers.
 */

useScriptedRig();

describe('whose a response is', () => {
  /** Takes cookies from all lines, at ";" and at ",". */
  const userOf = (request: IncomingMessage): string =>
    /(?:^|[;,] *)session=([^;,]+)/.exec(request.headers.cookie ?? '')?.[1] ?? request.headers.authorization ?? 'nobody';

  test.each<[string, string[], string[], string]>([
    ['two cookie lines, then none', ['Cookie', 'a=1', 'Cookie', 'session=ada'], [], 'ada'],
    [
      'two cookie lines of two users',
      ['Cookie', 'a=1', 'Cookie', 'session=ada'],
      ['Cookie', 'a=1', 'Cookie', 'session=eve'],
      'ada',
    ],
    ['a comma', ['Cookie', 'a=1, session=ada'], [], 'ada'],
    ['a comma next to an unkeyed cookie', ['Cookie', 'a=1, session=ada'], ['Cookie', 'a=1'], 'ada'],
    ['a cookie twice', ['Cookie', 'session=; session=ada'], ['Cookie', 'session='], 'ada'],
    ['Authorization, which is in no key', ['Authorization', 'ada'], [], 'ada'],
    ['Authorization of two users', ['Authorization', 'ada'], ['Authorization', 'eve'], 'ada'],
    ['a no-break space', ['Cookie', 'session=ada\u00a0'], ['Cookie', 'session=ada'], 'ada\u00a0'],
  ])('is its user’s alone: %s', async (_what, victim, attacker, secret) => {
    await begin('defaults: { cache: { ttl: 60s, credentials: perUser, userKey: ["cookie:session"] } }');
    every((request, response) => void response.end(`data of ${userOf(request)}`));
    const path = '/me';
    expect((await ask(path, { headers: victim })).text).toBe(`data of ${secret}`);
    expect((await ask(path, { headers: attacker })).text).not.toBe(`data of ${secret}`);
    expect((await ask(path, { headers: victim })).text).toBe(`data of ${secret}`);
    // The well-behaved client still has a response of its own.
    const grace = { headers: { cookie: 'theme=dark; session=grace' } };
    await ask(path, grace);
    const again = await ask(path, grace);
    expect([isHit(again), again.text]).toEqual([true, 'data of grace']);
  });

  test('is not shared with those who wait for it', async () => {
    // A request that waits for the other's answer would wait as long.
    await begin(
      `origin: { url: "${origin.url}", timeout: 30s }\ndefaults: { cache: { ttl: 60s, credentials: perUser, userKey: ["cookie:session"] } }`,
    );
    origin.on(
      () => true,
      async (request, response) => {
        await origin.until((seen) => seen.length >= 2);
        response.end(`data of ${request.headers.authorization}`);
      },
    );
    const answers = await Promise.all(
      ['ada', 'eve'].map((authorization) => ask('/me', { headers: { authorization } })),
    );
    expect(answers.map(({ text }) => text)).toEqual(['data of ada', 'data of eve']);
  });

  test('an origin gets the cookies of several lines as one, as they are keyed', async () => {
    await begin('routes: [{ match: /off, cache: off }]');
    every((request, response) => void response.end(JSON.stringify(request.rawHeaders)));
    for (const path of ['/a', '/off']) {
      const lines = (await ask(path, { headers: ['Cookie', 'a=1', 'Cookie', 'b=2'] })).json<string[]>();
      expect(lines.filter((_each, i) => lines[i - 1]?.toLowerCase() === 'cookie')).toEqual(['a=1; b=2']);
    }
  });
});

describe('what is in a key', () => {
  test.each([
    ['a no-break space before', 'X-Tenant: \xa0acme', 'X-Tenant: acme'],
    ['a no-break space behind', 'X-Tenant: acme\xa0', 'X-Tenant: acme'],
    ['an empty field, and none', 'X-Tenant:', ''],
  ])('%s is what the origin sees: an error that it provokes is for its sender', async (_what, odd, plain) => {
    await begin('defaults: { cache: { ttl: 60s, key: { headers: [x-tenant] } } }');
    every((request, response) => {
      const fine = ['acme', undefined].includes(request.headers['x-tenant'] as string | undefined);
      response.writeHead(fine ? 200 : 404).end(fine ? 'page' : 'no such tenant');
    });
    const send = async (line: string): Promise<string> => {
      const bytes = `GET /a HTTP/1.1\r\nHost: h\r\n${line === '' ? '' : `${line}\r\n`}\r\n`;
      return (await rawExchange(gateway.url, bytes))[0]?.body.toString() ?? '';
    };
    expect(await send(odd)).toBe('no such tenant');
    expect(await send(plain)).toBe('page');
    expect(await send(plain)).toBe('page');
  });

  test('blanks around a value are not: RFC 9110 §5.5', async () => {
    await begin('defaults: { cache: { ttl: 60s, key: { headers: [x-tenant] } } }');
    every((_request, response) => void response.end('page'));
    await rawExchange(gateway.url, 'GET /a HTTP/1.1\r\nHost: h\r\nX-Tenant: \tacme \r\n\r\n');
    const [again] = await rawExchange(gateway.url, 'GET /a HTTP/1.1\r\nHost: h\r\nX-Tenant:acme\r\n\r\n');
    expect(again?.headers['cache-status']).toContain('; hit');
  });

  test('anything but languages in an Accept-Language reaches no other client', async () => {
    await begin('defaults: { cache: { ttl: 60s } }');
    every((request, response) => {
      response.writeHead(200, { Vary: 'Accept-Language', 'Content-Language': 'en' });
      response.end(`<html lang="${request.headers['accept-language']}">`);
    });
    const speaks = (language: string) => ({ headers: { 'accept-language': language } });
    for (const odd of ['"><script>evil</script>', 'en, evil1evil1;q=0.1', `en${', evil'.repeat(500)}`]) {
      await ask('/a', speaks(odd));
    }
    expect((await ask('/a', speaks('en'))).text).not.toContain('evil');
    expect((await ask('/a', speaks('en-US, en;q=0.9'))).text).not.toContain('evil');
    // By the language alone, those are still answered who ask in other words.
    expect(isHit(await ask('/a', speaks('en, de;q=0.5')))).toBe(true);
  });
});

describe('another spelling of a path that is not cached', () => {
  const config = (ignored: string, other = '') =>
    `origin: { url: "${origin.url}", ignoreInPaths: ${ignored} }\nroutes:\n  - { match: /users/me, cache: off }\n${other}`;
  const pageOf = (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { 'Cache-Control': 'public, max-age=300' }).end(`page of ${request.headers.cookie}`);
  };

  test.each([
    ['/Users/me', '[case]', ''],
    ['/USERS/ME', '[case]', ''],
    ['/users/Me', '[case]', '  - { match: /users/:id, cache: { ttl: 60s } }\n'],
    ['/users/me;x.css', '[parameters]', ''],
    ['/;x/users;a=b/me;', '[parameters]', ''],
    ['/users/me%3Bx.css', '[parameters]', '  - { match: /**, cache: { ttl: 60s } }\n'],
    ['/users/me.json', '[extension]', ''],
    ['/Users;x/me.css', '[case, parameters, extension]', ''],
  ])('%s is not stored for others', async (path, ignored, other) => {
    await begin(config(ignored, other));
    every(pageOf);
    expect((await ask(path, { headers: { cookie: 'ada' } })).text).toBe('page of ada');
    expect((await ask(path)).text).toBe('page of undefined');
  });

  test('a route that comes first takes what it names, and values keep their case', async () => {
    await begin(config('[case]', '  - { match: /inns/:id, cache: { ttl: 60s }, tags: ["inn:{id}"] }\n'));
    every((request, response) => void response.end(request.url));
    for (const path of ['/inns/AbC', '/inns/ME']) {
      await ask(path);
      expect(isHit(await ask(path))).toBe(true);
    }
    await ask('/Inns/AbC');
    // No rule would find it there.
    expect(isHit(await ask('/Inns/AbC'))).toBe(false);
  });

  test('of an origin that ignores nothing, is another path', async () => {
    await begin(config('[]'));
    every(pageOf);
    await ask('/Users/me');
    expect(isHit(await ask('/Users/me'))).toBe(true);
  });
});

describe('an error that one client provokes', () => {
  const provoked = (code: number) => (request: IncomingMessage, response: ServerResponse) => {
    const odd = request.headers['x-odd'] !== undefined;
    response.writeHead(odd ? code : 200).end(odd ? 'error' : 'page');
  };
  const ttlOf = (answer: Answer): number => Number(/ttl=(\d+)/.exec(String(answer.headers['cache-status']))?.[1]);

  test.each([404, 405, 410])('a %i stays for errorTtl at most', async (code) => {
    await begin(
      'routes:\n  - { match: /a, cache: { ttl: 1h } }\n  - { match: /b, cache: { ttl: 1h, errorTtl: 0s } }\n',
    );
    every(provoked(code));
    const odd = { headers: { 'x-odd': '1' } };
    await ask('/a', odd);
    const next = await ask('/a');
    expect([isHit(next), next.status, ttlOf(next) <= 10]).toEqual([true, code, true]);
    await ask('/b', odd);
    expect((await ask('/b')).text).toBe('page');
    expect(ttlOf(await ask('/b'))).toBeGreaterThan(3_000);
  });

  test.each([414, 501])('a %i is not stored', async (code) => {
    await begin('defaults: { cache: { ttl: 1h } }');
    every(provoked(code));
    await ask('/a', { headers: { 'x-odd': '1' } });
    expect((await ask('/a')).text).toBe('page');
  });

  test('stays for as long as the origin says, where the route does not', async () => {
    await begin('');
    every((_request, response) => void response.writeHead(404, { 'Cache-Control': 'max-age=600' }).end());
    await ask('/a');
    expect(ttlOf(await ask('/a'))).toBeGreaterThan(500);
  });

  test('stays no longer by a guess', async () => {
    await begin('');
    const longAgo = 'Sun, 06 Nov 1994 08:49:37 GMT';
    every((_request, response) => void response.writeHead(404, { 'Last-Modified': longAgo }).end());
    await ask('/a');
    expect(ttlOf(await ask('/a'))).toBeLessThanOrEqual(10);
  });
});

describe('what clients make the gateway keep', () => {
  const MAX_BYTES = 1024 * 1024;
  const figure = async (name: string): Promise<number> => {
    const { text } = await get(`${gateway.adminUrl}/metrics`);
    return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
  };
  const stored = async () => ({
    responses: await figure('unstale_stored_responses'),
    bytes: await figure('unstale_stored_bytes'),
  });

  test.each<[string, (i: number) => [string, string], number]>([
    ['paths of a thousand segments', (i) => [`/x/${i}${'/a'.repeat(1_000)}`, '*'], 4],
    ['queries', (i) => [`/x?${i}${'q'.repeat(7_000)}`, '*'], 80],
    ['long values of a selecting field', (i) => ['/x', `${i}${', de'.repeat(5_000)}`], 8],
    ['values of a selecting field, for many paths', (i) => [`/x/${i}`, 'de, '.repeat(50) + i], 500],
  ])('is counted, bounded, and given back: %s', async (_what, attack, most) => {
    await begin(
      'defaults: { cache: { ttl: 60s } }\nstore: { memory: { maxSize: 1MiB, maxEntry: 1MiB, maxVariants: 8 } }',
    );
    every((_request, response) => void response.setHeader('Vary', 'Accept-Language').end('page'));
    await ask('/fine');
    const before = await stored();
    for (let i = 0; i < 100; i++) {
      const [path, language] = attack(i);
      await ask(path, { headers: { 'accept-language': language } });
      // A well-behaved client still gets hits: what is used is evicted last.
      expect(isHit(await ask('/fine'))).toBe(true);
    }
    const { responses, bytes } = await stored();
    expect([bytes <= MAX_BYTES, responses <= most + 1]).toEqual([true, true]);
    await get(`${gateway.adminUrl}/invalidate`, { method: 'POST', body: { paths: ['/x/**'] } });
    expect(await stored()).toEqual(before);
  });

  test('nothing of an answer that is not shared', async () => {
    await begin('defaults: { cache: { ttl: 60s } }');
    every((_request, response) => void response.setHeader('Cache-Control', 'no-store').end('x'));
    for (let i = 0; i < 50; i++) await ask(`/x?${i}${'q'.repeat(7_000)}`);
    expect(await stored()).toEqual({ responses: 0, bytes: 0 });
  });
});

describe('a position that nobody was given', () => {
  test.each(['', 'x', 'otherepoch-1', '__proto__-1', 'queued-0', 'a-1, b-2', 'a'.repeat(20_000)])(
    'forces no request past the cache: %s',
    async (token) => {
      await begin('defaults: { cache: { ttl: 60s } }');
      every((_request, response) => void response.end('x'));
      await ask('/a');
      expect(isHit(await ask('/a', { headers: { 'unstale-min-position': token } }))).toBe(true);
    },
  );

  test('not even in the epoch of the gateway', async () => {
    await begin('defaults: { cache: { ttl: 60s } }');
    every((_request, response) => void response.end('x'));
    const given = String((await ask('/b', { method: 'PUT', body: 'x' })).headers['unstale-position']);
    await ask('/a');
    for (const token of [given, given.replace(/\d+$/, '999999999')]) {
      expect(isHit(await ask('/a', { headers: { 'unstale-min-position': token } }))).toBe(true);
    }
  });
});

describe('what a rule reads', () => {
  const rule = `routes:
  - { match: /inns/:id, before: "GET /steps/{request.stepId}/inns/{id}" }
rules:
  - name: inn
    on: PUT /inns/:id
    lookup: { step: "GET /steps/{request.stepId}" }
    invalidate: ["/trips/{step.tripId}", "/x/{before.y}"]
`;
  test.each(['../users/me', '..\\users\\me', '7/../../users/me', '\u0000', '..'])(
    'for %j a client may ask for, too; ids from it fall back to a wildcard',
    async (stepId) => {
      await begin(rule);
      every((_request, response) => {
        response
          .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' })
          .end('{"tripId":3}');
      });
      await ask('/trips/4');
      expect((await ask('/inns/42', { method: 'PUT', body: { stepId } })).status).toBe(200);
      const asked = origin.seen.filter(({ method }) => method === 'GET').map(({ url }) => url);
      for (const url of asked) {
        const [again] = await rawExchange(gateway.url, `GET ${url} HTTP/1.1\r\nHost: h\r\n\r\n`);
        expect([url, again?.status]).toEqual([url, 200]);
      }
      if (stepId !== '..') expect(isHit(await ask('/trips/4'))).toBe(false);
      // Responses under other keys are.
      await ask('/inns/42', { method: 'PUT', body: { stepId: 7 } });
      expect(origin.requests('GET /steps/7')).toHaveLength(1);
    },
  );
});

describe('an origin whose answer has an uncertain end', () => {
  const ok = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n';
  const over = async (bytes: string): Promise<{ answers: Answer[]; connections: number }> => {
    const raw = await rawOrigin((socket) =>
      onRequestHead(socket, (head) => {
        const isOdd = head.startsWith('GET /odd');
        socket.write(isOdd ? bytes : `${ok}Content-Length: 4\r\n\r\nfine`, 'latin1');
        if (isOdd && !bytes.includes('Content-Length')) socket.end();
      }),
    );
    await begin(`origin: { url: "${raw.url}", timeout: 1s }\ndefaults: { cache: { ttl: 60s } }`);
    try {
      const answers = [await ask('/odd'), await ask('/odd'), await ask('/fine'), await ask('/fine')];
      return { answers, connections: raw.accepted };
    } finally {
      await raw.close();
    }
  };

  test.each([
    ['more bytes than it says', `${ok}Content-Length: 2\r\n\r\nok and more`],
    ['another answer behind it', `${ok}Content-Length: 2\r\n\r\nok${ok}Content-Length: 4\r\n\r\nevil`],
    ['a transfer coding that is not known', `${ok}Transfer-Encoding: xchunked\r\n\r\nok`],
  ])('with %s: passed on, not stored, and the connection is not used again', async (_what, bytes) => {
    const { answers, connections } = await over(bytes);
    expect(answers.map(({ text }) => text)).toEqual(['ok', 'ok', 'fine', 'fine']);
    expect(answers.map(isHit)).toEqual([false, false, false, true]);
    expect(connections).toBe(3);
  });

  test.each([
    ['that ends with its connection', `${ok}\r\nok`],
    ['whose connection is closed', `${ok}Connection: close\r\nContent-Length: 2\r\n\r\nok`],
    ['in chunks', `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
  ])('one %s has a certain end', async (_what, bytes) => {
    const { answers } = await over(bytes);
    expect(answers.map(isHit)).toEqual([false, true, false, true]);
  });

  test.each([
    ['an open quote', { 'Cache-Control': 'max-age=60, "no-store' }],
    ['single quotes', { 'Cache-Control': "max-age=60, private='x'" }],
    ['another separator', { 'Cache-Control': 'max-age=60|no-store' }],
    ['a no-break space', { 'Cache-Control': 'max-age=60,\xa0no-store' }],
    ['a quote over two lines', { 'Cache-Control': ['max-age=60, a="b', 'no-store, c=d"'] }],
  ])('about whether it may be stored (%s): it is not', async (_what, headers) => {
    await begin('defaults: { cache: { ttl: 60s } }');
    every((request, response) => void response.writeHead(200, request.url === '/fine' ? {} : headers).end('x'));
    for (const path of ['/a', '/fine']) await ask(path);
    expect([isHit(await ask('/a')), isHit(await ask('/fine'))]).toEqual([false, true]);
  });
});
