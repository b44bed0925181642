import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { localhostCertificate } from '../origin/localhost-certificate.ts';
import type { RequestOptions } from '../support/request.ts';
import {
  ask as asked,
  begin as beginRig,
  isHit,
  jsonOf,
  origin,
  send as sent,
  useScriptedRig,
} from '../support/scripted-rig.ts';

/* The Host that an origin gets, and what becomes of its own name in what it answers. */

useScriptedRig();

const shop = { headers: { host: 'shop.example' } };
const ask = (path: string, options: RequestOptions = {}) => asked(path, { ...shop, ...options });
const send = (method: string, path: string, options: RequestOptions = {}) =>
  sent(method, path, { ...shop, ...options });
const own = (): string => new URL(origin.url).host;
const begin = (host: string | undefined, more = ''): Promise<void> =>
  beginRig(
    `origin: { url: "${origin.url}"${host === undefined ? '' : `, host: "${host}"`} }\ndefaults: { cache: { ttl: 60s } }\n${more}`,
  );
const fieldIn = (rawHeaders: readonly string[], name: string): string | undefined =>
  rawHeaders[rawHeaders.findIndex((line, i) => i % 2 === 0 && line.toLowerCase() === name) + 1];
const hostsSeen = (): (string | undefined)[] => origin.seen.map(({ rawHeaders }) => fieldIn(rawHeaders, 'host'));

test.each<[string, string | undefined, () => string]>([
  ['not said, for http', undefined, () => 'shop.example'],
  ['client', 'client', () => 'shop.example'],
  ['origin', 'origin', own],
  ['a name', 'API.example:81', () => 'api.example:81'],
])('what an origin gets: %s', async (_what, host, expected) => {
  await begin(host, 'routes: [{ match: /off, cache: off }]');
  origin.on(() => true, jsonOf({}));
  for (const path of ['/a', '/off']) await ask(path);
  await send('PUT', '/a', { body: 'x' });
  await ask('/a', { headers: { ...shop.headers, authorization: 'a' } });
  expect(hostsSeen()).toEqual([1, 2, 3, 4].map(expected));
  for (const { rawHeaders } of origin.seen) expect(fieldIn(rawHeaders, 'x-forwarded-host')).toBe('shop.example');
});

test('what an origin behind TLS gets, unless the configuration says: its own name', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  onTestFinished(() => void vi.unstubAllEnvs());
  const server = createServer(localhostCertificate, ({ headers, socket }, response) => {
    response.end(`${String((socket as TLSSocket).servername)} ${headers.host}`);
  }).listen(0);
  await once(server, 'listening');
  onTestFinished(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  await beginRig(`origin: { url: "https://localhost:${port}" }`);
  expect((await ask('/a')).text).toBe(`localhost localhost:${port}`);
});

test('the reads that the gateway makes for a write have it, too', async () => {
  await begin(
    'origin',
    `rules:
  - name: r
    on: PUT /a/:id
    lookup: { parent: "GET /parents/{before.parent}" }
    invalidate: ["/roots/{parent.root}"]
    refresh: ["/roots/{parent.root}"]`,
  );
  origin.on('GET /a/1', jsonOf({ parent: 2 }));
  origin.on('GET /parents/2', jsonOf({ root: 3 }));
  origin.on('GET /roots/3', jsonOf({}));
  origin.on('PUT /a/1', jsonOf({}));
  await ask('/roots/3');
  await send('PUT', '/a/1', { body: 'x' });
  await origin.until((seen) => seen.filter(({ url }) => url === '/roots/3').length === 2);
  expect(origin.seen).toHaveLength(5);
  expect(new Set(hostsSeen())).toEqual(new Set([own()]));
});

describe('what an origin says of itself', () => {
  const redirect = (location: string) =>
    origin.on('GET /old', (_request, response) => void response.writeHead(301, { Location: location }).end());

  test('is what clients see: in a redirect that is stored, for each of their hosts', async () => {
    await begin('origin');
    redirect(`${origin.url}/new?a=b`);
    for (const hit of [false, true]) {
      for (const host of ['shop.example', 'other.example:8443']) {
        const answer = await asked('/old', { headers: { host } });
        expect([answer.headers.location, isHit(answer)]).toEqual([`http://${host}/new?a=b`, hit]);
      }
    }
  });

  test('stays as it is where the origin gets the Host of the client', async () => {
    await begin('client');
    redirect(`${origin.url}/new`);
    expect((await ask('/old')).headers.location).toBe(`${origin.url}/new`);
  });

  test('is seen so behind a trusted proxy that ends TLS', async () => {
    await beginRig(
      `server: { listen: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] }\norigin: { url: "${origin.url}", host: origin }`,
    );
    redirect(`${origin.url}/new`);
    const headers = { host: 'inside', 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' };
    expect((await asked('/old', { headers })).headers.location).toBe('https://shop.example/new');
  });

  test('is mapped in links, cookies and early hints, on what passes through too', async () => {
    await begin('api.example', 'routes: [{ match: /off, cache: off }]');
    for (const path of ['/a', '/off']) {
      origin.on(`GET ${path}`, (_request, response) => {
        response.writeEarlyHints({ link: '<http://api.example/style.css>; rel=preload' });
        response.setHeader('Link', '<http://api.example/a?page=2>; rel="next"');
        response.setHeader('Set-Cookie', 'a=b; Domain=api.example');
        response.end('http://api.example/');
      });
      const { headers, interim, text } = await ask(path);
      expect(headers.link).toBe('<http://shop.example/a?page=2>; rel="next"');
      expect(headers['set-cookie']).toEqual(['a=b; Domain=shop.example']);
      expect(interim.map(({ rawHeaders }) => rawHeaders[1])).toEqual(['<http://shop.example/style.css>; rel=preload']);
      // Bodies are nobody's but the origin's.
      expect(text).toBe('http://api.example/');
    }
  });

  test.each(['Location', 'Content-Location'])('names what a write made, which is dropped: %s', async (name) => {
    await begin(
      'origin',
      'rules: [{ name: r, on: POST /items, invalidate: ["/lists/{responseHeader.location[-1]}"] }]',
    );
    origin.on(({ method }) => method === 'GET', jsonOf({}));
    origin.on('POST /items', (_request, response) => {
      response.writeHead(201, { [name]: `${origin.url}/items/2` }).end();
    });
    for (const path of ['/items/2', '/lists/2', '/items/3']) await ask(path);
    const answer = await send('POST', '/items', { body: 'x' });
    expect(answer.headers[name.toLowerCase()]).toBe('http://shop.example/items/2');
    expect(isHit(await ask('/items/2'))).toBe(false);
    if (name === 'Location') {
      expect(isHit(await ask('/lists/2'))).toBe(false);
      expect(isHit(await ask('/items/3'))).toBe(true);
    }
  });
});
