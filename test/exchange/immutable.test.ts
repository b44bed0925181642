import { expect, test } from 'vitest';
import { ask, begin, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* What an origin marks `immutable` (RFC 8246) reaches browsers, unless the configuration says otherwise. */

useScriptedRig();

const bundle = 'public, max-age=31536000, immutable';

test.each([
  ['what is immutable keeps its own', '', bundle, bundle],
  ['what is not, does not', '', 'public, max-age=31536000', 'no-cache'],
  ['with a ttl of the gateway, too', 'defaults: { cache: { ttl: 1s } }', bundle, bundle],
  ['a route can say otherwise', 'routes: [{ match: /a, client: { cacheControl: max-age=5 } }]', bundle, 'max-age=5'],
  ['so can the defaults', 'defaults: { client: { cacheControl: no-cache } }', bundle, 'no-cache'],
  ['a route with cache: off does', 'routes: [{ match: /a, cache: off }]', bundle, 'no-cache'],
  ['no-store wins', '', 'immutable, max-age=9, no-store', 'no-cache, no-store'],
  ['no-cache wins', '', 'immutable, no-cache', 'no-cache'],
])('%s', async (_what, yaml, sent, told) => {
  await begin(yaml);
  origin.on('GET /a', (_request, response) => {
    response.writeHead(200, { 'Cache-Control': sent, Expires: new Date(0).toUTCString() }).end('bundle');
  });
  for (let i = 0; i < 2; i++) {
    const answer = await ask('/a');
    expect(answer.headers['cache-control']).toBe(told);
    expect(answer.headers.expires === undefined).toBe(told !== bundle);
  }
});

test('what another cache is told not to store is not for browsers either', async () => {
  await begin('');
  origin.on('GET /a', (_request, response) => {
    response.writeHead(200, { 'Cache-Control': bundle, 'CDN-Cache-Control': 'no-store' }).end('bundle');
  });
  expect((await ask('/a')).headers['cache-control']).toBe('no-cache, no-store');
});

test('a hit has its age beside it, so that browsers count from the origin', async () => {
  await begin('');
  origin.on(
    'GET /a',
    (_request, response) => void response.writeHead(200, { 'Cache-Control': bundle, Age: '60' }).end(),
  );
  await ask('/a');
  const hit = await ask('/a');
  expect(isHit(hit)).toBe(true);
  expect(Number(hit.headers.age)).toBeGreaterThanOrEqual(60);
});
