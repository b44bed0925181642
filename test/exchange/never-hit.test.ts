import { expect, test } from 'vitest';
import { get } from '../support/request.ts';
import { ask, begin, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* A route of which nothing is ever answered from memory says so, once, and why. */

useScriptedRig();

const said = () => gateway.logs.filter(({ msg }) => msg === 'nothing of a route is answered from memory');
const withoutHits = async () =>
  (await get(`${gateway.adminUrl}/metrics`)).text
    .split('\n')
    .filter((line) => line.startsWith('unstale_routes_without'));

test.each([
  ['no-store', 'ttl: 60s', { 'Cache-Control': 'no-store' }, {}, 'no-store'],
  ['no-cache, which a ttl does not lift', 'ttl: 60s', { 'Cache-Control': 'no-cache', ETag: '"1"' }, {}, 'no-cache'],
  ['no-cache, and never a 304', 'ttl: 60s', { 'Cache-Control': 'no-cache', ETag: '"2"' }, {}, 'no-cache'],
  ['a validator and no lifetime', 'credentials: shared', { ETag: '"1"' }, {}, 'no-lifetime'],
  ['credentials', 'ttl: 60s', {}, { Cookie: 'session=x' }, 'credentials'],
] as const)('%s', async (_what, cache, headers, sent, reason) => {
  await begin(`routes: [{ match: /a/*, cache: { ${cache} } }]`);
  origin.on(
    () => true,
    (request, response) => {
      response.writeHead(request.headers['if-none-match'] === '"1"' ? 304 : 200, headers).end();
    },
  );
  for (let i = 0; i < 50; i++) await ask('/a/1', { headers: sent });
  expect(said()).toEqual([
    expect.objectContaining({ route: '/a/*', reason, why: expect.any(String), write: expect.any(String) }),
  ]);
  expect(await withoutHits()).toEqual([`unstale_routes_without_hits{route="/a/*",reason="${reason}"} 1`]);
});

test('a route that hits now and then says nothing, nor does one whose every request is new', async () => {
  await begin('routes: [{ match: /a/*, cache: { ttl: 60s } }, { match: /b/*, cache: { ttl: 60s } }]');
  origin.on(
    () => true,
    (request, response) => {
      response.writeHead(200, request.url === '/a/0' ? {} : { 'Cache-Control': 'no-store' }).end();
    },
  );
  origin.on(
    ({ url }) => url?.startsWith('/b/') === true,
    (_request, response) => void response.end(),
  );
  for (let i = 0; i < 2; i++) await ask('/a/0');
  for (let i = 1; i < 40; i++) await ask(`/a/${i}`);
  for (let i = 1; i < 40; i++) await ask(`/b/${i}`);
  expect(said()).toEqual([]);
  expect(await withoutHits()).toEqual([]);
});
