import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Answer, RequestOptions } from '../support/request.ts';
import { gate, until } from '../support/scripted-origin.ts';
import {
  ask as askFor,
  begin as beginWith,
  cacheStatus,
  gateway,
  isHitAt,
  origin,
  useScriptedRig,
} from '../support/scripted-rig.ts';

/*
 * What the packaged conformance suite does not cover, over sockets: targeted fields, interim responses, stale
 * responses, a client's directives. An origin's `Age` makes a response old at once, so that no test waits.
 */

useScriptedRig();
const begin = (cache: string): Promise<void> =>
  beginWith(`defaults: { cache: { ${cache} }, client: { cacheControl: origin } }`);
const ask = (options: RequestOptions = {}): Promise<Answer> => askFor('/a', options);
const isHit = async (options: RequestOptions = {}): Promise<boolean> => isHitAt('/a', options);
type Headers = Record<string, string | string[]>;
const says =
  (headers: Headers, body = 'body') =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, headers).end(body);
  };
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString();

describe('RFC 9213: CDN-Cache-Control', () => {
  test.each<[string, Headers, boolean]>([
    ['is enough', { 'CDN-Cache-Control': 'max-age=60' }, true],
    ['with a huge lifetime', { 'CDN-Cache-Control': 'max-age=99999999999' }, true],
    ['with an extension', { 'CDN-Cache-Control': 'foobar, max-age=60' }, true],
    ['of 0', { 'CDN-Cache-Control': 'max-age=0' }, false],
    ['of 0 against a future Expires', { 'CDN-Cache-Control': 'max-age=0', Expires: inSeconds(100) }, false],
    ['against a past Expires', { 'CDN-Cache-Control': 'max-age=60', Expires: inSeconds(-100) }, true],
    ['against an invalid Expires', { 'CDN-Cache-Control': 'max-age=60', Expires: '0' }, true],
    ['longer than Cache-Control', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'max-age=0' }, true],
    ['shorter than Cache-Control', { 'CDN-Cache-Control': 'max-age=0', 'Cache-Control': 'max-age=60' }, false],
    ['against no-store', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-store' }, true],
    ['against Pragma', { 'CDN-Cache-Control': 'max-age=60', Pragma: 'no-cache' }, true],
    ['says private', { 'CDN-Cache-Control': 'private', 'Cache-Control': 'max-age=60' }, false],
    ['says no-cache', { 'CDN-Cache-Control': 'no-cache', 'Cache-Control': 'max-age=60' }, false],
    ['says no-store', { 'CDN-Cache-Control': 'no-store', 'Cache-Control': 'max-age=60' }, false],
    ['older than it says', { 'CDN-Cache-Control': 'max-age=60', Age: '120' }, false],
    ['is no structured field', { 'CDN-Cache-Control': 'max-age=60, &&&', 'Cache-Control': 'no-store' }, false],
    [
      'is no field, so Cache-Control is',
      { 'CDN-Cache-Control': 'max-age=60, &&&', 'Cache-Control': 'max-age=60' },
      true,
    ],
    ['has a text for a number', { 'CDN-Cache-Control': 'max-age="60"', 'Cache-Control': 'no-store' }, false],
    ['has a fraction', { 'CDN-Cache-Control': 'max-age=60.5', 'Cache-Control': 'no-store' }, false],
    ['has a blank before the equals sign', { 'CDN-Cache-Control': 'max-age =60', 'Cache-Control': 'no-store' }, false],
    ['on two lines', { 'CDN-Cache-Control': ['public', 'max-age=60'] }, true],
    ['is empty', { 'CDN-Cache-Control': '', 'Cache-Control': 'max-age=60' }, true],
  ])('%s', async (_what, headers, expected) => {
    await begin('');
    origin.on('GET /a', says(headers));
    const first = await ask();
    expect(first.headers['cdn-cache-control']).toBe([headers['CDN-Cache-Control']].flat().join(', '));
    expect(await isHit()).toBe(expected);
  });
});

describe('RFC 9110 §15.2: interim responses', () => {
  test.each([
    [102, undefined],
    [103, { link: '</a.css>; rel=preload; as=style', 'x-mine': 'yes' }],
  ])('%s is passed on, and only the final response is stored', async (code, hints) => {
    await begin('');
    origin.on('GET /a', (_request, response) => {
      if (hints === undefined) response.writeProcessing();
      else response.writeEarlyHints(hints);
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('body');
    });
    const first = await ask();
    expect(first.interim.map((each) => each.status)).toEqual([code]);
    if (hints !== undefined) expect(first.interim[0]?.rawHeaders).toContain('yes');
    const again = await ask();
    expect([cacheStatus(again).includes('; hit'), again.interim, again.headers['x-mine']]).toEqual([
      true,
      [],
      undefined,
    ]);
  });
});

describe('RFC 5861 §3: stale-while-revalidate', () => {
  const old = (directives: string): Headers => ({ 'Cache-Control': `max-age=60${directives}`, Age: '100' });

  test.each<[string, string, Headers, RequestOptions, boolean]>([
    ['within the window', '', old(', stale-while-revalidate=100'), {}, true],
    ['beyond it', '', old(', stale-while-revalidate=20'), {}, false],
    ['without the directive', '', old(''), {}, false],
    ['by the route', 'staleWhileRevalidate: 100s', old(''), {}, true],
    ['shortened by the route', 'staleWhileRevalidate: 0s', old(', stale-while-revalidate=100'), {}, false],
    ['against must-revalidate', '', old(', stale-while-revalidate=100, must-revalidate'), {}, false],
    ['against proxy-revalidate', '', old(', stale-while-revalidate=100, proxy-revalidate'), {}, false],
    ['against no-cache', '', { ...old(', stale-while-revalidate=100, no-cache'), ETag: '"a"' }, {}, false],
    ['against s-maxage', '', old(', stale-while-revalidate=100, s-maxage=60'), {}, false],
    [
      'against the client',
      '',
      old(', stale-while-revalidate=100'),
      { headers: { 'cache-control': 'no-cache' } },
      false,
    ],
    [
      'against its max-age',
      '',
      old(', stale-while-revalidate=100'),
      { headers: { 'cache-control': 'max-age=90' } },
      false,
    ],
  ])('%s', async (_what, cache, headers, options, expected) => {
    await begin(cache);
    origin.on('GET /a', says(headers));
    await ask();
    const again = await ask(options);
    expect(cacheStatus(again).includes('detail=stale-while-revalidate')).toBe(expected);
    if (!expected) expect(cacheStatus(again)).toContain('fwd=');
  });

  test('asks the origin once behind, however many are served meanwhile, and serves what it brings', async () => {
    await begin('');
    const held = gate();
    origin.on('GET /a', says(old(', stale-while-revalidate=100'), 'old'));
    await ask();
    origin.on('GET /a', async (_request, response) => {
      await held.pass();
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('new');
    });
    for (let i = 0; i < 5; i++) expect((await ask()).text).toBe('old');
    await held.arrived(1);
    expect(origin.seen).toHaveLength(2);
    held.release();
    let latest = '';
    while (latest !== 'new') latest = (await ask()).text;
    expect(origin.seen).toHaveLength(2);
  });

  test('serves nothing that a write has invalidated, and stores nothing requested before the write', async () => {
    await begin('');
    const held = gate();
    origin.on('GET /a', says(old(', stale-while-revalidate=100'), 'old'));
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    await ask();
    origin.on('GET /a', async (_request, response) => {
      await held.pass();
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('old still');
    });
    await ask();
    await held.arrived(1);
    await ask({ method: 'PUT', body: 'x' });
    origin.on('GET /a', says({ 'Cache-Control': 'max-age=60' }, 'new'));
    held.release();
    expect((await ask()).text).toBe('new');
    await until(() => origin.seen.length === 4);
    expect((await ask()).text).toBe('new');
  });
});

describe('RFC 5861 §4: stale-if-error', () => {
  const failures: [string, (request: IncomingMessage, response: ServerResponse) => void][] = [
    ['503', (_request, response) => void response.writeHead(503).end('down')],
    ['500', (_request, response) => void response.writeHead(500).end('down')],
    ['a broken connection', (request) => void request.socket.destroy()],
  ];
  const old = (directives: string): Headers => ({ 'Cache-Control': `max-age=60${directives}`, Age: '100' });

  test.each(
    failures.flatMap(([failure, fail]) =>
      (
        [
          ['by default: no', '', ', stale-if-error=100', false],
          ['by the route', 'staleIfError: 10m', '', true],
          ['beyond its window', 'staleIfError: 10s', '', false],
          ['against must-revalidate', 'staleIfError: 10m', ', must-revalidate', false],
          ['against proxy-revalidate', 'staleIfError: 10m', ', proxy-revalidate', false],
          ['against no-cache', 'staleIfError: 10m', ', no-cache', false],
          ['against s-maxage', 'staleIfError: 10m', ', s-maxage=60', false],
        ] as const
      ).map(([what, cache, directives, expected]) => [failure, what, cache, directives, expected, fail] as const),
    ),
  )('after %s, %s', async (_failure, _what, cache, directives, expected, fail) => {
    await begin(cache);
    origin.on('GET /a', says({ ...old(directives), ETag: '"a"' }));
    await ask();
    origin.on('GET /a', fail);
    const again = await ask();
    expect([again.status, again.text === 'body']).toEqual(expected ? [200, true] : [again.status, false]);
    if (!expected) expect(again.status).toBeGreaterThanOrEqual(500);
    else expect(cacheStatus(again)).toContain('detail=stale-if-error');
  });

  test('never brings back what a write has invalidated', async () => {
    await begin('staleIfError: 10m');
    origin.on('GET /a', says({ 'Cache-Control': 'max-age=60' }));
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    await ask();
    await ask({ method: 'PUT', body: 'x' });
    origin.on('GET /a', (_request, response) => void response.writeHead(503).end('down'));
    expect((await ask()).status).toBe(503);
  });

  test('never brings back what a write has invalidated while the origin was asked', async () => {
    await begin('staleIfError: 10m');
    const held = gate();
    origin.on('GET /a', says({ 'Cache-Control': 'max-age=60', Age: '100' }));
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    await ask();
    origin.on('GET /a', async (_request, response) => {
      await held.pass();
      response.writeHead(503).end('down');
    });
    const reading = ask();
    await held.arrived(1);
    await ask({ method: 'PUT', body: 'x' });
    held.release();
    expect((await reading).status).toBe(503);
  });
});

describe("RFC 9111 §5.2.1: a client's directives", () => {
  const asked = (value: string): RequestOptions => ({ headers: { 'cache-control': value } });
  const fresh: Headers = { 'Cache-Control': 'max-age=60', Age: '20', ETag: '"a"' };
  const old: Headers = { 'Cache-Control': 'max-age=60', Age: '100' };

  test.each<[string, Headers, RequestOptions, boolean, boolean]>([
    ['no-cache', fresh, asked('no-cache'), false, true],
    ['Pragma', fresh, { headers: { pragma: 'no-cache' } }, false, true],
    [
      'Pragma together with Cache-Control',
      fresh,
      { headers: { pragma: 'no-cache', 'cache-control': 'max-age=100' } },
      true,
      true,
    ],
    ['max-age that it is within', fresh, asked('max-age=40'), true, true],
    ['max-age that it is beyond', fresh, asked('max-age=10'), false, true],
    ['max-age=0', fresh, asked('max-age=0'), false, true],
    ['min-fresh that it has', fresh, asked('min-fresh=30'), true, true],
    ['min-fresh that it has not', fresh, asked('min-fresh=50'), false, true],
    ['no-store', fresh, asked('no-store'), true, true],
    ['max-stale of any', old, asked('max-stale'), true, false],
    ['max-stale of enough', old, asked('max-stale=50'), true, false],
    ['max-stale of less', old, asked('max-stale=30'), false, false],
    [
      'max-stale against must-revalidate',
      { ...old, 'Cache-Control': 'max-age=60, must-revalidate' },
      asked('max-stale'),
      false,
      false,
    ],
    [
      'max-stale against no-cache',
      { ...old, 'Cache-Control': 'max-age=600, no-cache', ETag: '"a"' },
      asked('max-stale'),
      false,
      false,
    ],
  ])('%s', async (_what, headers, options, honoured, ignored) => {
    await begin('');
    origin.on('GET /a', says(headers));
    await ask();
    expect(await isHit(options)).toBe(honoured);
    await gateway.stop();
    await begin('requestDirectives: ignore');
    await ask();
    expect(await isHit(options)).toBe(ignored);
  });

  test('max-stale does not let a response with Set-Cookie be reused', async () => {
    await begin('');
    origin.on('GET /a', says({ ...old, 'Set-Cookie': 'a=b' }));
    await ask();
    expect(await isHit(asked('max-stale'))).toBe(false);
  });

  test('private="" forbids nothing less than private', async () => {
    await begin('');
    origin.on('GET /a', says({ 'Cache-Control': 'max-age=60, private=""' }));
    await ask();
    expect(await isHit()).toBe(false);
  });

  test('only-if-cached is answered from the store, or with 504 and no request to the origin', async () => {
    await begin('');
    origin.on('GET /a', says(fresh));
    const cold = await ask(asked('only-if-cached'));
    expect([cold.status, cold.headers['content-type']]).toEqual([504, 'application/problem+json']);
    expect(origin.seen).toHaveLength(0);
    await ask();
    expect(await isHit(asked('only-if-cached'))).toBe(true);
  });

  test('no-store of a request keeps its answer out of the store', async () => {
    await begin('');
    origin.on('GET /a', says(fresh));
    await ask(asked('no-store'));
    expect(await isHit()).toBe(false);
  });
});
