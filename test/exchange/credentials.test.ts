import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { get, type RequestOptions } from '../support/request.ts';
import {
  ask,
  begin,
  cacheStatus,
  gateway,
  isHit,
  isHitAt,
  origin,
  send,
  useScriptedRig,
} from '../support/scripted-rig.ts';

/* What carries credentials besides Authorization and Cookie is treated as they are, over the wire. */

useScriptedRig();

const by = (name: string, value: string): RequestOptions => ({ headers: { [name]: value } });
const whoOf = ({ headers, url = '' }: IncomingMessage): string =>
  String(
    headers['x-api-key'] ??
      headers.api_key ??
      headers['client-cert'] ??
      headers['x-acme'] ??
      new URL(url, 'http://x').searchParams.get('key'),
  );
const echo =
  (cacheControl = 'max-age=60') =>
  (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { 'Cache-Control': cacheControl }).end(whoOf(request));
  };

describe.each([
  ['a common name', '', (who: string) => by('X-API-Key', who), ''],
  ['the spelling of a common name that CGI reads alike', '', (who: string) => by('api_key', who), ''],
  ['a certificate that a proxy has verified (RFC 9440)', '', (who: string) => by('Client-Cert', who), ''],
  ['a name of the configuration', 'credentialHeaders: [X-Acme]\n', (who: string) => by('X-Acme', who), ''],
  ['a parameter', 'credentialParams: [key]\n', () => ({}), '?key='],
])('requests with %s', (_what, settings, options, parameter) => {
  const as = (who: string, path = '/a') => ask(parameter === '' ? path : `${path}${parameter}${who}`, options(who));

  test('are neither stored for others nor answered from what others stored', async () => {
    await begin(settings);
    origin.on('GET /a', echo());
    for (const who of ['ada', 'grace', 'ada']) expect((await as(who)).text).toBe(who);
    expect(cacheStatus(await as('ada'))).toContain('detail=credentials');
    expect((await ask('/a')).text).toBe('null');
    expect((await as('ada')).text).toBe('ada');
    expect(await isHitAt('/a')).toBe(true);
  });

  test('share what the route says is the same for all', async () => {
    await begin(`${settings}defaults: { cache: { credentials: shared } }`);
    origin.on('GET /a', echo());
    expect((await as('ada')).text).toBe('ada');
    expect((await as('grace')).text).toBe('ada');
    expect((await ask('/a')).text).toBe('ada');
    expect(origin.seen).toHaveLength(1);
  });

  test('are refreshed with the credentials of the writer where all share', async () => {
    await begin(
      `${settings}defaults: { cache: { credentials: shared } }\nrules: [{ name: r, on: PUT /b, refresh: [/a] }]`,
    );
    origin.on('GET /a', echo());
    origin.on('PUT /b', (_request, response) => void response.end());
    await as('ada');
    await send('PUT', parameter === '' ? '/b' : `/b${parameter}grace`, options('grace'));
    await origin.until((seen) => seen.filter(({ method }) => method === 'GET').length === 2);
    const answer = await ask('/a');
    expect([answer.text, isHit(answer) || cacheStatus(answer).includes('collapsed')]).toEqual(['grace', true]);
  });
});

describe('a field that is shared', () => {
  const shared = `
credentialHeaders: [x-acme]
defaults: { cache: { ttl: 60s, credentials: { shared: [x-api-key, x-acme] } } }
routes: [{ match: /own, cache: { credentials: bypass } }]
rules: [{ name: r, on: PUT /b, refresh: [/a] }]`;

  test.each(['X-API-Key', 'X-Acme'])('keeps no response from anybody: %s', async (name) => {
    await begin(shared);
    origin.on('GET /a', echo());
    expect((await ask('/a', by(name, 'ada'))).text).toBe('ada');
    for (const options of [by(name, 'grace'), by(name, 'ada'), {}]) {
      const answer = await ask('/a', options);
      expect([answer.text, isHit(answer)]).toEqual(['ada', true]);
    }
  });

  test.each([
    ['another credential beside it', '/a', { headers: { 'X-API-Key': 'ada', Authorization: 'Bearer x' } }],
    ['another spelling of it', '/a', by('x_api_key', 'ada')],
    ['another credential', '/a', by('X-Auth-Token', 'ada')],
    ['a route that shares none', '/own', by('X-API-Key', 'ada')],
  ])('shares nothing with %s', async (_what, path, options) => {
    await begin(shared);
    origin.on(`GET ${path}`, echo());
    // Not stored for others, nor answered from what others stored.
    await ask(path, options);
    expect(await isHitAt(path)).toBe(false);
    const answer = await ask(path, options);
    expect(isHit(answer)).toBe(false);
    expect(cacheStatus(answer)).toContain('detail=credentials');
  });

  test('of the writer fetches again what it invalidates, and no other credential does', async () => {
    await begin(shared);
    let got: (string | undefined)[] = [];
    origin.on('GET /a', (request, response) => {
      got = [request.headers['x-api-key'] as string, request.headers.authorization];
      echo()(request, response);
    });
    origin.on('PUT /b', (_request, response) => void response.end());
    await ask('/a', by('X-API-Key', 'ada'));
    await send('PUT', '/b', { headers: { 'X-API-Key': 'grace', Authorization: 'Bearer x' } });
    await origin.until((seen) => seen.filter(({ method }) => method === 'GET').length === 2);
    expect((await ask('/a')).text).toBe('grace');
    expect(got).toEqual(['grace', undefined]);
  });

  test('lets before be answered from what is stored', async () => {
    await begin(`${shared.replace('refresh: [/a]', 'before: stored, invalidate: ["/parents/{before.parent}"]')}`);
    for (const path of ['/b', '/parents/7', '/parents/8']) {
      origin.on(`GET ${path}`, (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"parent":7}');
      });
      await ask(path, by('X-API-Key', 'ada'));
    }
    origin.on('PUT /b', (_request, response) => void response.writeHead(204).end());
    await send('PUT', '/b', by('X-API-Key', 'grace'));
    expect([await isHitAt('/parents/7'), await isHitAt('/parents/8')]).toEqual([false, true]);
  });
});

describe('a refusal for want of credentials is not given to those who have them', () => {
  const rows = [401, 403, 407].flatMap((status): [number, string, string, string][] => [
    [status, 'credentials that all share', 'max-age=60', 'credentials: shared'],
    [status, 'a field that all share', 'max-age=60', 'credentials: { shared: [x-api-key] }'],
    [status, 'a refusal that is called public', 'public, max-age=60', 'credentials: bypass'],
  ]);
  test.each(rows)('%d, with %s', async (status, _what, cacheControl, credentials) => {
    await begin(`defaults: { cache: { ${credentials} } }`);
    origin.on('GET /a', (request, response) => {
      response.writeHead(request.headers['x-api-key'] === undefined ? status : 200, { 'Cache-Control': cacheControl });
      response.end();
    });
    expect((await ask('/a')).status).toBe(status);
    expect((await ask('/a', by('X-API-Key', 'ada'))).status).toBe(200);
  });
});

test.each([428, 429, 431, 511])('%d is for the client that asked alone, whatever its lifetime', async (status) => {
  await begin();
  let refused = true;
  origin.on('GET /a', (_request, response) => {
    response.writeHead(refused ? status : 200, { 'Cache-Control': 'public, max-age=60' }).end();
    refused = false;
  });
  expect((await ask('/a')).status).toBe(status);
  expect((await ask('/a')).status).toBe(200);
});

test('what the origin calls public is shared by header fields, and kept apart by parameters, which make another URL', async () => {
  await begin('credentialParams: [key]');
  origin.on('GET /a', echo('public, max-age=60'));
  expect((await ask('/a', by('X-API-Key', 'ada'))).text).toBe('ada');
  expect((await ask('/a', by('X-API-Key', 'grace'))).text).toBe('ada');
  expect((await ask('/a?key=linus')).text).toBe('linus');
  expect((await ask('/a?key=ada')).text).toBe('ada');
  expect(await isHitAt('/a?key=linus')).toBe(true);
});

test('a response for each user, by header and by parameter; a rule drops all of them, and nobody can read a key', async () => {
  await begin(`
credentialParams: [key]
defaults: { cache: { ttl: 60s, credentials: perUser, userKey: [x-api-key, "query:key"], key: { query: [lang] } } }
`);
  origin.on('GET /a', echo());
  origin.on('PUT /a', (_request, response) => void response.end());
  const read = async () => [
    await ask('/a?lang=de', by('X-API-Key', 'ada')),
    await ask('/a?lang=de', by('X-API-Key', 'grace')),
    await ask('/a?lang=de&key=linus'),
    await ask('/a?key=margaret&lang=de'),
  ];
  const who = ['ada', 'grace', 'linus', 'margaret'];
  for (const hit of [false, true]) {
    const answers = await read();
    expect(answers.map(({ text }) => text)).toEqual(who);
    expect(answers.map(isHit)).toEqual(who.map(() => hit));
  }
  const body = { paths: ['/a?lang=de'], dryRun: true };
  const { text } = await get(`${gateway.adminUrl}/invalidate`, { method: 'POST', body });
  expect(text).toContain('"removed":4');
  expect(text).not.toMatch(/ada|grace|linus|margaret/);
  await send('PUT', '/a?key=linus', { body: 'x' });
  expect((await read()).map(isHit)).toEqual(who.map(() => false));
  expect(JSON.stringify(gateway.logs)).not.toMatch(/ada|grace|linus|margaret/);
});

test('simultaneous requests of two users are two requests to the origin', async () => {
  await begin();
  origin.on('GET /a', echo());
  const answers = await Promise.all(['ada', 'grace', 'linus'].map((who) => ask('/a', by('X-API-Key', who))));
  expect(answers.map(({ text }) => text)).toEqual(['ada', 'grace', 'linus']);
});

test.each([
  ['header', '', by('X-API-Key', 'ada')],
  ['parameter', '?key=ada', {}],
])('before is read with the credentials of the writer: by %s', async (_what, query, options) => {
  await begin(`
credentialParams: [key]
defaults: { cache: { ttl: 60s } }
rules: [{ name: r, on: DELETE /a/:id, invalidate: ["/parents/{before.parent}"] }]
`);
  // Who is not known sees less.
  origin.on('GET /a/1', (request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(whoOf(request) === 'ada' ? { parent: 7 } : { parent: 8 }));
  });
  origin.on('DELETE /a/1', (_request, response) => void response.writeHead(204).end());
  origin.on('GET /parents/7', echo());
  await ask('/a/1');
  await ask('/parents/7');
  await send('DELETE', `/a/1${query}`, options);
  expect(await isHitAt('/parents/7')).toBe(false);
});

test('Connection cannot take them from a request', async () => {
  await begin();
  origin.on('GET /a', echo());
  const listed = { headers: { 'X-API-Key': 'ada', Connection: 'x-api-key' } };
  expect((await ask('/a', listed)).text).toBe('ada');
  expect((await ask('/a')).text).toBe('null');
});

test('a TRACE does not show them', async () => {
  await begin('credentialHeaders: [x-acme]\ncredentialParams: [key]');
  const headers = { 'X-API-Key': 'ada', 'X-Acme': 'grace', 'Max-Forwards': '0', 'X-Other': 'shown' };
  const { text } = await send('TRACE', '/a?key=linus&b=1', { headers });
  expect(text).toContain('TRACE /a?b=1 HTTP/1.1');
  expect(text).toContain('shown');
  expect(text).not.toMatch(/ada|grace|linus/);
});
