import { describe, expect, test } from 'vitest';
import { ask, begin, every, gateway, isHitAt, origin, useScriptedRig } from '../support/scripted-rig.ts';

/**
 * Answers that are somebody's own, and requests that want to be others than they seem: what is stored for all knows
 * nothing of them.
 */

useScriptedRig();

describe('errors that only some are answered', () => {
  test.each([416, 400, 404])('%i to a range is not what others get', async (code) => {
    await begin();
    origin.on('GET /a', (request, response) => {
      response.setHeader('Cache-Control', 'max-age=60');
      if (request.headers.range === undefined) response.end('page');
      else response.writeHead(code).end('bad');
    });
    expect((await ask('/a', { headers: { range: 'bytes=100-200' } })).status).toBe(code);
    const whole = await ask('/a');
    expect([whole.status, whole.text]).toEqual([200, 'page']);
  });

  test.each([
    ['If-Match', 412],
    ['Range', 416],
  ])('what the origin makes of the %s of a request with credentials, neither', async (name, code) => {
    await begin();
    origin.on('GET /a', (request, response) => {
      response.setHeader('Cache-Control', 'public, max-age=60');
      if (request.headers.authorization === undefined) response.end('page');
      else response.writeHead(code).end('bad');
    });
    await ask('/a', { headers: { authorization: 'Bearer x', [name]: name === 'Range' ? 'bytes=9-' : '"x"' } });
    expect((await ask('/a')).text).toBe('page');
  });
});

describe('a request with credentials whose answer the origin lets be shared', () => {
  test.each([
    ['X-Original-URL', '/evil'],
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-Forwarded-Prefix', '/evil'],
    ['X-Host', 'evil.example'],
    ['X-Forwarded-For', '6.6.6.6'],
    ['X-Real-IP', '6.6.6.6'],
  ])('%s changes nothing for others', async (name, value) => {
    await begin();
    origin.on('GET /a', (request, response) => {
      const fields = JSON.stringify(request.headers);
      const caching = request.headers.cookie === undefined ? 'max-age=60' : 'public, max-age=60';
      response.writeHead(200, { 'Cache-Control': caching }).end(fields.includes(value) ? 'poison' : 'page');
    });
    await ask('/a');
    await ask('/a', { headers: { cookie: 'x=1', [name]: value } });
    expect((await ask('/a')).text).toBe('page');
  });

  test.each([
    ['nothing of the kind', {}],
    ['so, and is not believed', { 'x-forwarded-for': '6.6.6.6' }],
  ])('is stored for others where it says %s', async (_, headers) => {
    await begin();
    origin.on(
      'GET /a',
      (_request, response) => void response.writeHead(200, { 'Cache-Control': 'public' }).end('page'),
    );
    await ask('/a', { headers: { cookie: 'x=1', ...headers } });
    expect(await isHitAt('/a')).toBe(true);
  });

  test('is not where a trusted proxy says whose it is: the origin may answer by that', async () => {
    await begin('server: { listen: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] }');
    origin.on('GET /a', (request, response) => {
      response.writeHead(200, { 'Cache-Control': 'public, max-age=60' }).end(String(request.headers['true-client-ip']));
    });
    await ask('/a', { headers: { cookie: 'x=1', 'true-client-ip': 'evil' } });
    expect((await ask('/a')).text).toBe('undefined');
  });
});

describe('another method, or another path, than the one that was routed', () => {
  const sent = (name: string): string | undefined => {
    const lines = origin.seen.at(-1)?.rawHeaders ?? [];
    const at = lines.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === name);
    return at < 0 ? undefined : lines[at + 1];
  };

  test('a read that passes through cannot be made a write', async () => {
    await begin('routes: [{ match: /off, cache: off }]');
    every((_, response) => void response.end());
    for (const [path, headers] of [
      ['/off', {}],
      ['/a', { 'if-match': '"x"' }],
    ] as const) {
      await ask(path, { headers: { ...headers, 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' } });
      expect([sent('x-http-method-override'), sent('x-method-override')]).toEqual([undefined, undefined]);
    }
  });

  test('the rules of the method that a write names by a field are applied, too', async () => {
    await begin('defaults: { cache: { ttl: 60s } }\nrules: [{ name: r, on: DELETE /a, invalidate: [/b] }]');
    every((_, response) => void response.end('x'));
    await ask('/b');
    await ask('/a', { method: 'POST', headers: { 'X-HTTP-Method-Override': 'delete' } });
    expect(sent('x-http-method-override')).toBe('delete');
    expect(await isHitAt('/b')).toBe(false);
  });

  test('another path does not reach the origin with a write, unless a trusted proxy says so', async () => {
    await begin();
    every((_, response) => void response.end());
    await ask('/a', { method: 'POST', headers: { 'X-Original-URL': '/b', 'X-Rewrite-URL': '/b' } });
    expect([sent('x-original-url'), sent('x-rewrite-url')]).toEqual([undefined, undefined]);
    await gateway.stop();
    await begin('server: { listen: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] }');
    await ask('/a', { method: 'POST', headers: { 'X-Original-URL': '/b' } });
    expect(sent('x-original-url')).toBe('/b');
  });
});

test('an empty member of a field that Vary names is not nothing', async () => {
  await begin();
  origin.on('GET /a', (request, response) => {
    response.writeHead(200, { Vary: 'X-Device' }).end(String(request.headers['x-device']));
  });
  await ask('/a', { headers: { 'x-device': ',mobile' } });
  expect((await ask('/a', { headers: { 'x-device': 'mobile' } })).text).toBe('mobile');
});

describe('tags, towards clients', () => {
  const tags = { 'Surrogate-Key': 'k', 'Cache-Group-Invalidation': '"g"', 'Cache-Tag': 't' };
  test.each([
    ['stripped', '', [undefined, undefined, undefined]],
    ['passed where asked for', 'defaults: { client: { tags: keep } }', ['k', '"g"', 't']],
  ])('are %s, of answers to writes, too', async (_, yaml, expected) => {
    await begin(yaml);
    every((_request, response) => void response.writeHead(200, tags).end());
    for (const method of ['POST', 'OPTIONS']) {
      const { headers } = await ask('/a', { method });
      expect([headers['surrogate-key'], headers['cache-group-invalidation'], headers['cache-tag']]).toEqual(expected);
    }
  });
});
