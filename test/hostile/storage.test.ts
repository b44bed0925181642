import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { rawExchange } from '../support/raw-client.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/* What a hostile client, or origin, tries of keys and of what is stored. Beside each attack a well-behaved client gets right answers. */

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeEach(async () => {
  origin = await scriptedOrigin();
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});
const begin = async (yaml: string): Promise<void> => {
  gateway = await startGateway(origin.url, yaml);
};
const ask = (path: string, options: RequestOptions = {}): Promise<Answer> => get(`${gateway.url}${path}`, options);
const isHit = (answer: Answer): boolean => String(answer.headers['cache-status']).includes('; hit');
const every = (handler: (request: IncomingMessage, response: ServerResponse) => void): void => {
  origin.on(() => true, handler);
};

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
    ['a comma beside an unkeyed cookie', ['Cookie', 'a=1, session=ada'], ['Cookie', 'a=1'], 'ada'],
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
    // The well-behaved client beside it still has a response of its own.
    const grace = { headers: { cookie: 'theme=dark; session=grace' } };
    await ask(path, grace);
    const again = await ask(path, grace);
    expect([isHit(again), again.text]).toEqual([true, 'data of grace']);
  });

  test('is not shared with those who wait for it', async () => {
    // Who waits for the other's answer would wait for as long.
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

  test('what an Accept-Language holds beside languages reaches nobody else', async () => {
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
