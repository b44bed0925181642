import { describe, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
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
import { sseClient } from '../support/sse-client.ts';

/* Unsafe methods that only read (`reads`). */

useScriptedRig();

/** The origin answers with the body that it got; a GET with its path. */
function echo(headers: Record<string, string> = { 'Cache-Control': 'max-age=60' }): void {
  origin.on(
    () => true,
    (request, response, { body }) => {
      response.writeHead(200, headers);
      response.end(body.length === 0 ? request.url : `${request.headers['content-type'] ?? ''} ${body.toString()}`);
    },
  );
}

const rules = 'rules:\n  - { name: all, on: "* /**", invalidate: ["/**"] }\n';
const cached = 'reads: [{ on: "POST /search", cache: { ttl: 60s }, maxBody: 1KiB }]\n';
const post = (body: string, headers: Record<string, string> = {}) => send('POST', '/search', { body, headers });

describe('what is declared to read', () => {
  test('passes through, and no rule applies to it', async () => {
    await begin(`reads: ["POST /graphql", "POST|PATCH /*/query"]\n${rules}`);
    echo();
    const events = await sseClient(`${gateway.url}/_unstale/events`);
    try {
      await ask('/a');
      for (const [method, path] of [
        ['POST', '/graphql'],
        ['POST', '/a/query'],
        ['PATCH', '/b/query'],
      ] as const) {
        const answer = await send(method, path, { body: '{"query":"x"}' });
        expect(answer.text).toContain('{"query":"x"}');
        expect(answer.headers['unstale-position']).toBeUndefined();
        expect(cacheStatus(answer)).toBe('unstale; fwd=method; fwd-status=200');
      }
      expect(await isHitAt('/a')).toBe(true);
      expect(gateway.logs.filter(({ msg }) => msg === 'write')).toEqual([]);
      await send('PUT', '/graphql');
      expect((await events.next()).json()).toMatchObject({ cause: { method: 'PUT', path: '/graphql' } });
      expect(await isHitAt('/a')).toBe(false);
    } finally {
      events.close();
    }
  });

  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    'is a write if %s makes another method of it',
    async (field) => {
      await begin(`reads: [POST /graphql]\n${rules}`);
      echo();
      await ask('/a');
      await send('POST', '/graphql', { headers: { [field]: 'DELETE' } });
      expect(await isHitAt('/a')).toBe(false);
    },
  );

  test('is said to only read by an explanation', async () => {
    await begin(`reads: [POST /graphql]\n${rules}`);
    const { outcome, reason, targets } = (
      await get(`${gateway.adminUrl}/explain`, { method: 'POST', body: { method: 'POST', path: '/graphql' } })
    ).json<Record<string, unknown>>();
    expect([outcome, reason, targets]).toEqual([
      'unchanged',
      'it only reads, as the configuration says (reads: POST /graphql)',
      [],
    ]);
  });
});

describe('with a policy, it is cached', () => {
  test('for the same body and type, and for no other', async () => {
    await begin(cached);
    echo({});
    await post('a');
    await post('b');
    expect(isHit(await post('a'))).toBe(true);
    expect((await post('b')).text).toBe(' b');
    expect(isHit(await post('a', { 'Content-Type': 'text/a' }))).toBe(false);
    expect(isHit(await post('a', { 'Content-Encoding': 'x' }))).toBe(false);
    expect(isHit(await send('POST', '/search?page=2', { body: 'a' }))).toBe(false);
    expect(isHit(await post(''))).toBe(false);
    expect(isHit(await post(''))).toBe(true);
  });

  test('apart from GETs of the same path', async () => {
    await begin(`${cached}defaults: { cache: { ttl: 60s } }`);
    echo({});
    await send('POST', '/search');
    expect(isHit(await ask('/search'))).toBe(false);
  });

  test('until a write makes it stale', async () => {
    await begin(`${cached}rules:\n  - { on: PUT /docs/:id, invalidate: [/search] }\n`);
    echo({});
    await post('a');
    await send('PUT', '/docs/7');
    expect(isHit(await post('a'))).toBe(false);
    expect(isHit(await post('a'))).toBe(true);
    await send('PUT', '/search');
    expect(isHit(await post('a'))).toBe(false);
  });

  test('and never refreshed by a GET', async () => {
    await begin(`${cached}rules:\n  - { on: PUT /docs/:id, refresh: [/search] }\n`);
    echo({});
    await post('a');
    await send('PUT', '/docs/7');
    expect((await post('a')).text).toBe(' a');
    expect(origin.requests('GET /search')).toEqual([]);
  });

  test('with the bodies that the origin asked for, whole and with their fields', async () => {
    await begin(cached);
    echo({});
    await post('a', { 'Content-Type': 'application/json', 'If-None-Match': '"x"', 'If-Modified-Since': 'x' });
    await post('a', { 'Content-Type': 'application/json' });
    const [first] = origin.seen;
    expect(first?.method).toBe('POST');
    expect(first?.rawHeaders.join('\n')).toMatch(/Content-Type\napplication\/json/i);
    expect(first?.rawHeaders.join('\n')).toMatch(/Content-Length\n1(\n|$)/i);
  });

  test('and revalidated by asking again, without a condition', async () => {
    await begin('reads: [{ on: "POST /search", cache: { ttl: 0s, staleIfError: 60s } }]\n');
    echo({ ETag: '"1"' });
    for (let i = 0; i < 2; i++) expect((await post('a')).text).toBe(' a');
    for (const { rawHeaders } of origin.seen)
      expect(rawHeaders.join('\n').toLowerCase()).not.toContain('if-none-match');
  });

  test.each([
    ['a longer body', { body: 'x'.repeat(1025) }],
    ['a body of unknown length', { body: 'x', headers: { 'Transfer-Encoding': 'chunked' } }],
    ['a condition', { body: 'x', headers: { 'If-Match': '"x"' } }],
    ['a range', { body: 'x', headers: { Range: 'bytes=0-1' } }],
    ['credentials', { body: 'x', headers: { Authorization: 'Bearer x' } }],
    ['a cookie', { body: 'x', headers: { Cookie: 'session=x' } }],
  ])('but not with %s', async (_what, options) => {
    await begin(cached);
    echo({});
    for (let i = 0; i < 2; i++) {
      const answer = await send('POST', '/search', options);
      expect(answer.text).toContain('x');
      expect(isHit(answer)).toBe(false);
    }
  });

  test('and one request answers all that come meanwhile', async () => {
    await begin(cached);
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      origin.on('POST /search', (_request, response) => {
        answer = () => void response.end('answer');
        resolve();
      });
    });
    const first = post('a');
    await asked;
    const others = [post('a'), post('a')];
    await expect.poll(async () => (await get(`${gateway.adminUrl}/metrics`)).text).toContain('unstale_waiting_reads 2');
    answer();
    expect((await Promise.all([first, ...others])).map(({ text }) => text)).toEqual(['answer', 'answer', 'answer']);
    expect(origin.seen).toHaveLength(1);
  });
});

test('a client that breaks off the body of a read is no failure of the gateway', async () => {
  await begin();
  const reading = await startGateway(origin.url, cached);
  const client = await rawClient(reading.url);
  client.write('POST /search HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nab');
  await until(() => client.pending.includes('100 Continue'));
  await client.close();
  // It waits for what is under way.
  await reading.stop();
  expect(origin.seen).toEqual([]);
  expect(reading.logs.filter(({ level }) => level > 30)).toEqual([]);
});
