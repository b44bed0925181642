import { expect, test } from 'vitest';
import { ask, begin, cacheStatus, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* Cookies that say nothing: requests that have only these are answered from memory as if they had none. */

useScriptedRig();

const route = (cookies: string) => `routes: [{ match: /a, cache: { ttl: 60s${cookies} } }]`;

test.each([
  ['analytics', '', '_ga=GA1.2.3; _ga_AB12=x; _fbp=fb.1', undefined],
  ['a session', '', 'session=x', 'session=x'],
  ['a session among analytics', '', '_ga=1; session=x;_gid=2', 'session=x'],
  ['a name that only begins so', '', '_gab=1', '_gab=1'],
  ['no name', '', '=_ga', '=_ga'],
  ['a quote that another parser ends later', '', '_ga="; session=x"', 'session=x"'],
  ['a name that is given', ', cookies: { ignore: [theme] }', 'theme=dark; _ga=1', undefined],
  ['a beginning that is given', ', cookies: { ignore: ["ab-*"] }', 'ab-1=x; ab-2=y', undefined],
  ['all, as credentials', ', cookies: credentials', '_ga=1', '_ga=1'],
  ['all, ignored', ', cookies: ignore', '_ga=1; session=x', undefined],
] as const)('%s', async (_what, cookies, sent, forwarded) => {
  await begin(route(cookies));
  origin.on('GET /a', (request, response) => void response.end(request.headers.cookie ?? 'nobody'));
  const first = await ask('/a', { headers: { cookie: sent } });
  expect(first.text).toBe(forwarded ?? 'nobody');
  expect(isHit(await ask('/a', { headers: { cookie: sent } }))).toBe(forwarded === undefined);
  const other = await ask('/a');
  expect(other.text).toBe('nobody');
  expect(isHit(other)).toBe(forwarded === undefined);
});

test('what a key is made of says something', async () => {
  await begin(route(', credentials: perUser, userKey: [authorization, "cookie:_ga"], cookies: { ignore: [x] }'));
  origin.on('GET /a', (request, response) => void response.end(request.headers.cookie ?? 'nobody'));
  for (const cookie of ['_ga=1', '_ga=2']) expect((await ask('/a', { headers: { cookie } })).text).toBe(cookie);
  expect(isHit(await ask('/a', { headers: { cookie: '_ga=2; x=3' } }))).toBe(true);
});

test('the fields of writes and of what passes through stay as they are', async () => {
  await begin('routes: [{ match: /off, cache: off }]');
  origin.on(
    () => true,
    (request, response) => void response.end(request.headers.cookie ?? 'nobody'),
  );
  for (const [method, path] of [
    ['POST', '/a'],
    ['GET', '/off'],
  ] as const) {
    const answer = await ask(path, { method, headers: { cookie: '_ga=1' } });
    expect([answer.text, isHit(answer)]).toEqual(['_ga=1', false]);
    expect(cacheStatus(answer)).not.toContain('stored');
  }
});

test.each([
  ['only these', '_ga=1', 1],
  ['a session', '_ga=1; session=x', 2],
] as const)('what a write changes is read from memory for a writer with %s', async (_what, cookie, reads) => {
  await begin(`${route('')}\nrules: [{ name: a, on: PUT /a, invalidate: ["/b/{before.b}"] }]`);
  origin.on('GET /a', (_request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end('{"b":1}');
  });
  origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
  await ask('/a');
  expect((await ask('/a', { method: 'PUT', headers: { cookie } })).status).toBe(204);
  expect(origin.seen.filter(({ method }) => method === 'GET')).toHaveLength(reads);
});
