import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { gate } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';
import { get, type RequestOptions } from '../support/request.ts';
import { until } from '../support/scripted-origin.ts';
import { begin, every, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';
import { SECRET, token } from '../support/tokens.ts';

useScriptedRig();

const jwt = (more = ''): string => `events: { auth: { jwt: { secret: "${SECRET}"${more} } } }`;
const eventsUrl = (query = ''): string => `${gateway.url}/_unstale/events${query}`;
const subscribe = async (claims?: Record<string, unknown>, query = ''): Promise<SseClient> =>
  await sseClient(eventsUrl(query), { authorization: `Bearer ${await token(claims)}` });
const refused = async (headers: Record<string, string> = {}, query = ''): Promise<[number, string, unknown]> => {
  const { status, text, headers: answered } = await get(eventsUrl(query), { headers } satisfies RequestOptions);
  return [status, text, answered['www-authenticate']];
};
const now = (): number => Math.floor(Date.now() / 1000);

async function started(yaml: string): Promise<void> {
  every((_, response) => void response.writeHead(204).end());
  await begin(`${yaml}\nrules:\n  - { on: PUT /orders/:id, invalidate: ["/users/{requestHeader.X-User}/orders"] }`);
}

test('a subscriber sees what his token says, and of anything else neither it nor that it was', async () => {
  await started(jwt());
  const [seven, eight] = [await subscribe(), await subscribe({ sub: '8' })];
  const before = { seven: seven.received, eight: eight.received };
  await send('PUT', '/users/8/name');
  await send('PUT', '/orders/1', { headers: { 'x-user': '8' } });
  await send('PUT', '/secret');
  await until(() => eight.events.length === 2);
  // The gateway has sent to one all that it sends; the other has what it had.
  await send('PUT', '/users/7/name');
  await until(() => seven.events.length === 1);
  const [own] = seven.events;
  expect(seven.received).toBe(`${before.seven}id: ${own?.id}\nevent: invalidate\ndata: ${own?.data}\n\n`);
  expect(own?.json()).toMatchObject({ paths: ['/users/7/name'], cause: { path: '/users/7/name' } });
  expect(eight.events.map((event) => event.json())).toMatchObject([
    { paths: ['/users/8/name'], tags: [], cause: { method: 'PUT', path: '/users/8/name' } },
    { paths: ['/users/8/orders'], tags: [], cause: { method: 'UNKNOWN', path: '/**', rule: null } },
  ]);
  expect(eight.received).not.toMatch(/secret|orders\/1|users\/7/);
});

test('a token also shows what is not cached: it says what its bearer may see', async () => {
  await started(`${jwt()}\nroutes: [{ match: "/users/**", cache: off }]`);
  const seven = await subscribe();
  for (const user of ['8', '7']) await send('PUT', `/users/${user}/name`);
  await until(() => seven.events.length === 1);
  expect(seven.events[0]?.json()).toMatchObject({ paths: ['/users/7/name'], cause: { path: '/users/7/name' } });
});

test('the same holds for what a subscriber missed', async () => {
  await started(jwt());
  const first = await subscribe();
  const from = String(first.lastEventId);
  first.close();
  for (const path of ['/users/8/a', '/users/7/a', '/secret', '/users/7/b']) await send('PUT', path);
  const again = await subscribe({}, `?lastEventId=${from}`);
  await until(() => again.events.length === 2);
  expect(again.events.map((event) => event.json().paths)).toEqual([['/users/7/a'], ['/users/7/b']]);
  expect(again.received).not.toMatch(/secret|users\/8/);
});

test('a filter selects within what may be seen, and by nothing else', async () => {
  await started(jwt());
  const narrow = await subscribe({}, '?match=/users/7/name&match=/orders/:id');
  // It names an order, which he may not see, and his orders, for which he has not asked.
  await send('PUT', '/orders/2', { headers: { 'x-user': '7' } });
  await send('PUT', '/users/7/name');
  await until(() => narrow.events.length === 1);
  expect(narrow.events.map((event) => event.json().paths)).toEqual([['/users/7/name']]);
});

test('a stream that waits behind a slow answer does not begin once its token has expired', async () => {
  const slow = gate();
  await started(jwt());
  origin.on('GET /slow', async (_, response) => {
    await slow.pass();
    response.end('slow');
  });
  const client = await rawClient(gateway.url);
  onTestFinished(() => client.close());
  const [exp, from] = [now() + 2, String((await subscribe()).lastEventId)];
  const of = `Authorization: Bearer ${await token({ exp })}\r\n`;
  const host = `HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n`;
  client.write(`GET /slow ${host}\r\nGET /_unstale/events?lastEventId=${from} ${host}${of}\r\n`);
  await slow.arrived();
  await until(() => Date.now() >= exp * 1000, 'the token to expire');
  await send('PUT', '/users/7/name');
  slow.release();
  expect((await client.answer()).body.toString()).toBe('slow');
  const { status, body } = await client.answer();
  expect([status, String(body)]).toEqual([401, expect.stringContaining('token-invalid')]);
});

test('a stream ends when its token expires', async () => {
  await started(jwt());
  const brief = await subscribe({ exp: now() + 2 });
  const lasting = await subscribe();
  await until(() => brief.closed, 'the stream to end');
  expect(lasting.closed).toBe(false);
  await send('PUT', '/users/7/name');
  await until(() => lasting.events.length === 1);
});

describe('a token that is refused', () => {
  beforeEach(() => started(jwt(', issuer: "https://login.example", audience: unstale')));
  const good = { iss: 'https://login.example', aud: 'unstale' };
  const bearer = async (...args: Parameters<typeof token>) => ({ authorization: `Bearer ${await token(...args)}` });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  test('with the right claims, it is taken', async () => {
    const client = await sseClient(eventsUrl(), await bearer(good));
    expect(client.response.statusCode).toBe(200);
  });

  test.each<[what: string, claims: Record<string, unknown>, says: RegExp]>([
    ['expired', { exp: now() - 1 }, /\\"exp\\"/],
    ['without an expiry', { exp: undefined }, /\\"exp\\"/],
    ['not yet valid', { nbf: now() + 600 }, /\\"nbf\\"/],
    ['of another issuer', { iss: 'https://evil.example' }, /\\"iss\\"/],
    ['for another audience', { aud: 'billing' }, /\\"aud\\"/],
    ['for no audience', { aud: undefined }, /\\"aud\\"/],
  ])('401: %s', async (_what, claims, says) => {
    const [status, text, challenge] = await refused(await bearer({ ...good, ...claims }));
    expect([status, challenge]).toEqual([401, 'Bearer realm="events", error="invalid_token"']);
    expect(text).toMatch(says);
  });

  test('401: signed with another secret', async () => {
    expect(await refused(await bearer(good, { key: `${SECRET}.` }))).toMatchObject({ 0: 401, 1: /signature/ });
  });

  test('401: signed with another algorithm of the same secret', async () => {
    expect(await refused(await bearer(good, { alg: 'HS512' }))).toMatchObject({ 0: 401 });
  });

  test('401: alg none, signed or not', async () => {
    const claims = part({ sub: '7', exp: now() + 600, unstale: { match: ['/**'] }, ...good });
    for (const alg of ['none', 'None', '']) {
      for (const signature of ['', 'e30']) {
        const unsigned = `${part({ alg })}.${claims}.${signature}`;
        expect((await refused({ authorization: `Bearer ${unsigned}` }))[0]).toBe(401);
      }
    }
  });

  test.each([
    ['nothing', {}, 'Bearer realm="events"'],
    ['a password', { authorization: 'Basic dXNlcjpwYXNz' }, 'Bearer realm="events", error="invalid_token"'],
    ['no token', { authorization: 'Bearer' }, 'Bearer realm="events", error="invalid_token"'],
    ['not three parts', { authorization: 'Bearer abc' }, 'Bearer realm="events", error="invalid_token"'],
    ['a long one', { authorization: `Bearer ${'a'.repeat(9_000)}` }, 'Bearer realm="events", error="invalid_token"'],
  ])('401: %s', async (_what, headers, challenge) => {
    const [status, , challenged] = await refused(headers as Record<string, string>);
    expect([status, challenged]).toEqual([401, challenge]);
  });

  test.each<[what: string, claims: Record<string, unknown>, query: string]>([
    ['without the claim', { unstale: undefined }, ''],
    ['with a claim of another form', { unstale: '/**' }, ''],
    ['that grants nothing', { unstale: { match: [] } }, ''],
    ['with one bad pattern', { unstale: { match: ['/**', 'users'] } }, ''],
    ['that allows nothing of what is asked', {}, '?match=/users/8/**&tag=step:7'],
  ])('403: %s', async (_what, claims, query) => {
    const [status, , challenge] = await refused(await bearer({ ...good, ...claims }), query);
    expect([status, challenge]).toEqual([403, 'Bearer realm="events", error="insufficient_scope"']);
  });

  test.each(['access_token', 'authorization', 'token', 'jwt'])('400: in the URL, as %s', async (name) => {
    const [status, text] = await refused(await bearer(good), `?${name}=${await token(good)}`);
    expect(status).toBe(400);
    expect(text).toContain('a token does not belong in a URL');
    expect(text).not.toContain('eyJ');
  });
});

describe('a token in a cookie', () => {
  const cookie = async (name = '__Secure-unstale') => `a=b; ${name}=${await token()}`;
  beforeEach(() =>
    started(
      `events:\n  auth: { jwt: { secret: "${SECRET}" } }\n  cors: { origins: ["https://app.example"], credentials: true }`,
    ),
  );

  test.each<[from: string, headers: Record<string, string>, status: number]>([
    ['no page', {}, 200],
    ['a page of the same origin', { host: 'api.example', origin: 'https://api.example' }, 200],
    ['a page that is named', { origin: 'https://app.example' }, 200],
    ['a page of another origin', { origin: 'https://evil.example' }, 403],
    ['a page of the same host without TLS', { host: 'api.example', origin: 'http://api.example' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
    ['a page of another site that leaves it out', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a page of the same origin that leaves it out', { 'sec-fetch-site': 'same-origin' }, 200],
  ])('from %s', async (_from, headers, status) => {
    const client = await sseClient(eventsUrl(), { ...headers, cookie: await cookie() });
    expect(client.response.statusCode).toBe(status);
  });

  test('a page of another origin may bring a token of its own', async () => {
    const headers = { origin: 'https://evil.example', authorization: `Bearer ${await token()}` };
    const client = await sseClient(eventsUrl(), headers);
    expect(client.response.statusCode).toBe(200);
    expect(client.response.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('twice is refused: another host of the domain may have set one', async () => {
    expect((await refused({ cookie: `${await cookie()}; ${await cookie()}` }))[0]).toBe(401);
  });

  test.each(['unstale', '\u00a0__Secure-unstale'])('of another name is none: %j', async (name) => {
    const client = await rawClient(gateway.url);
    onTestFinished(() => client.close());
    client.write(`GET /_unstale/events HTTP/1.1\r\nHost: a\r\nCookie: ${await cookie(name)}\r\n\r\n`);
    const { status, body } = await client.answer();
    expect([status, String(body)]).toEqual([401, expect.stringContaining('token-missing')]);
  });
});

describe('public keys', () => {
  let server: Server;
  let keys: JWK[];
  let fetched: number;
  let broken: boolean;
  let isMissing: boolean;
  let padding: string;
  let pair: Awaited<ReturnType<typeof generateKeyPair>>;

  beforeEach(async () => {
    pair = await generateKeyPair('ES256', { extractable: true });
    keys = [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256', use: 'sig' }];
    fetched = 0;
    broken = false;
    isMissing = false;
    padding = '';
    server = createServer((_, response) => {
      fetched += 1;
      if (broken) response.destroy();
      else if (isMissing) response.writeHead(404).end();
      else if (padding !== '') response.writeHead(200).end(JSON.stringify({ keys, padding }));
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    await started(`events: { auth: { jwt: { jwks: "${url}", issuer: me, audience: you } } }`);
  });
  afterEach(() => void server.close());

  const claims = { iss: 'me', aud: 'you' };
  const signed = async (key = pair.privateKey) => ({
    authorization: `Bearer ${await token(claims, { key, alg: 'ES256' })}`,
  });

  test('are fetched once, and verify', async () => {
    for (let i = 0; i < 3; i++) expect((await sseClient(eventsUrl(), await signed())).response.statusCode).toBe(200);
    expect(fetched).toBe(1);
  });

  test('of others do not', async () => {
    const other = await generateKeyPair('ES256');
    expect((await refused(await signed(other.privateKey)))[0]).toBe(401);
  });

  test('are no secrets: not in any form', async () => {
    for (const key of [JSON.stringify(keys[0]), await exportSPKI(pair.publicKey), 'x'.repeat(32)]) {
      const forged = { authorization: `Bearer ${await token(claims, { key })}` };
      expect((await refused(forged))[0]).toBe(401);
    }
  });

  test('too large to be keys: 503', async () => {
    padding = 'x'.repeat(1024 * 1024);
    expect((await refused(await signed()))[0]).toBe(503);
  });

  test('that are not there: 503, and a line in the log without their URL, whose query may be a secret', async () => {
    isMissing = true;
    expect((await refused(await signed()))[0]).toBe(503);
    const [line] = gateway.logs.filter(({ msg }) => msg.includes('the keys that verify tokens cannot be had'));
    expect(JSON.stringify(line)).toMatch(/127\.0\.0\.1:\d+ answered 404/);
  });

  test('that cannot be had: 503, one fetch for many, and a line in the log', async () => {
    broken = true;
    const headers = await signed();
    const answers = [await refused(headers), await refused(headers), await refused(headers)];
    expect(answers.map(([status]) => status)).toEqual([503, 503, 503]);
    expect(answers[0]?.[1]).toContain('keys-unavailable');
    expect(fetched).toBe(1);
    expect(gateway.logs.filter(({ msg }) => msg.includes('the keys that verify tokens cannot be had'))).toHaveLength(1);
  });
});

describe('pages of other origins', () => {
  const fields = async (origin: string, method = 'GET', more: Record<string, string> = {}) => {
    const { headers, status } = await get(eventsUrl('?match=x'), { method, headers: { origin, ...more } });
    return { status, allowed: headers['access-control-allow-origin'], vary: headers.vary, headers };
  };

  test('may subscribe where they are listed, and read why they may not', async () => {
    await started('events: { cors: { origins: ["https://app.example"] } }');
    expect(await fields('https://app.example')).toMatchObject({
      ...{ status: 400, allowed: 'https://app.example', vary: 'Origin' },
    });
    expect(await fields('https://evil.example')).toMatchObject({ allowed: undefined, vary: 'Origin' });
    const client = await sseClient(eventsUrl(), { origin: 'https://app.example' });
    expect(client.response.headers['access-control-allow-origin']).toBe('https://app.example');
    expect(client.response.headers['access-control-allow-credentials']).toBeUndefined();
  });

  test('are told so beforehand', async () => {
    await started('events: { cors: { origins: ["https://app.example"], credentials: true } }');
    const asked = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' };
    const { status, allowed, headers } = await fields('https://app.example', 'OPTIONS', asked);
    expect([status, allowed]).toEqual([204, 'https://app.example']);
    expect(headers).toMatchObject({
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': expect.stringContaining('Authorization'),
    });
    expect((await fields('https://evil.example', 'OPTIONS', asked)).headers).not.toHaveProperty(
      'access-control-allow-methods',
    );
  });

  test('may not, where there is no list', async () => {
    await started('');
    expect(await fields('https://app.example')).toMatchObject({ allowed: undefined, vary: undefined });
    expect((await fields('https://app.example', 'OPTIONS')).status).toBe(405);
  });
});
