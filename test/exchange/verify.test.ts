import { describe, expect, test } from 'vitest';
import type { Deviation } from '../../src/exchange/inspect/comparison.ts';
import { get } from '../support/request.ts';
import { api, gateway, json, read, restart, type Said, says, store, useVerifyRig, verify } from './verify-rig.ts';

/* POST /verify: what is stored, compared with what the API says now. */

useVerifyRig();

/** The differences of the one copy of a URL. */
async function differencesOf(url: string): Promise<readonly Deviation[]> {
  const [verified] = await verify(url);
  expect(verified?.copies).toHaveLength(1);
  const [copy] = verified?.copies ?? [];
  expect(verified?.outcome).toBe(copy?.outcome);
  expect(copy?.outcome).toBe(copy?.differences.length === 0 ? 'same' : 'differs');
  return copy?.differences ?? [];
}

describe('names each difference', () => {
  test.each<[string, Said, Said | undefined, Deviation[]]>([
    ['none', json({ id: 7 }), json({ id: 7 }), []],
    ['none, in other white space', json({ id: 7 }), { body: '{ "id": 7 }\n' }, []],
    ['gone: 404', json({ id: 7 }), undefined, [{ kind: 'gone', stored: 200, now: 404 }]],
    ['gone: 410', json({ id: 7 }), { status: 410 }, [{ kind: 'gone', stored: 200, now: 410 }]],
    [
      'a status',
      json({ id: 7 }),
      { status: 301, headers: { Location: '/b' } },
      [{ kind: 'status', stored: 200, now: 301 }],
    ],
    ['a status: what is there again', { status: 404 }, json({ id: 7 }), [{ kind: 'status', stored: 404, now: 200 }]],
    ['a status: what nobody may read any more', json({}), { status: 403 }, [{ kind: 'status', stored: 200, now: 403 }]],
    [
      'members of a JSON body',
      json({ id: 7, name: 'Inn', at: { city: 'Bonn' } }),
      json({ id: 7, name: 'Tavern', at: { city: 'Bonn', zip: 53111 } }),
      [
        { kind: 'member', at: '/name', stored: '"Inn"', now: '"Tavern"' },
        { kind: 'member', at: '/at/zip', now: '53111' } as Deviation,
      ],
    ],
    [
      'a number that a double does not hold',
      { body: '{"id":9007199254740993}' },
      { body: '{"id":9007199254740992}' },
      [{ kind: 'member', at: '/id', stored: '9007199254740993', now: '9007199254740992' }],
    ],
    [
      'another body',
      { headers: { 'Content-Type': 'text/plain' }, body: 'one two' },
      { headers: { 'Content-Type': 'text/plain' }, body: 'one three' },
      [{ kind: 'body', at: 5, stored: 7, now: 9 }],
    ],
    [
      'fields that matter, not others',
      { headers: { ETag: '"1"', Link: '</a>', 'X-Request-Id': '1' } },
      { headers: { ETag: '"2"', 'Content-Language': 'de', 'X-Request-Id': '2' } },
      [
        { kind: 'field', at: 'content-language', now: 'de' } as Deviation,
        { kind: 'field', at: 'link', stored: '</a>' } as Deviation,
        { kind: 'field', at: 'etag', stored: '"1"', now: '"2"' },
      ],
    ],
  ])('%s', async (_, before, after, expected) => {
    says['/a'] = before;
    await store('/a');
    if (after === undefined) delete says['/a'];
    else says['/a'] = after;
    expect(await differencesOf('/a')).toEqual(expected);
  });

  test('at most 20 members, and how many more', async () => {
    const many = (value: number) => json(Object.fromEntries(Array.from({ length: 30 }, (__, i) => [`m${i}`, value])));
    says['/a'] = many(1);
    await store('/a');
    says['/a'] = many(2);
    const differences = await differencesOf('/a');
    expect(differences).toHaveLength(21);
    expect(differences.at(-1)).toEqual({ kind: 'more', members: 10 });
  });

  test('at most 200 characters of a value, and that there are more', async () => {
    const long = (letter: string) => ({
      headers: { Link: letter.repeat(300) },
      body: JSON.stringify({ text: letter.repeat(300) }),
    });
    says['/a'] = long('a');
    await store('/a');
    says['/a'] = long('b');
    expect(await differencesOf('/a')).toEqual([
      { kind: 'field', at: 'link', stored: `${'a'.repeat(200)}…`, now: `${'b'.repeat(200)}…` },
      { kind: 'member', at: '/text', stored: `"${'a'.repeat(199)}…`, now: `"${'b'.repeat(199)}…` },
    ]);
  });
});

describe('asks', () => {
  test('the API, past the cache, and stores nothing', async () => {
    says['/a'] = json({ v: 1 });
    await store('/a');
    says['/a'] = json({ v: 2 });
    await verify('/a');
    const { text, headers } = await get(`${gateway.url}/a`);
    expect([text, String(headers['cache-status'])]).toEqual(['{"v":1}', expect.stringContaining('; hit')]);
    await verify('/b');
    expect(api.requests('GET /b')).toEqual([]);
    expect(await read('/b')).not.toContain('; hit');
  });

  test('for each variant with what selects it', async () => {
    const varied = (word: string) => (headers: Record<string, unknown>) => ({
      headers: { Vary: 'Accept-Language' },
      body: JSON.stringify({ in: headers['accept-language'], word }),
    });
    says['/a'] = varied('one');
    for (const language of ['de', 'fr']) await store('/a', { 'accept-language': language });
    const [same] = await verify('/a');
    expect(same?.copies.map(({ selecting, outcome }) => [selecting, outcome])).toEqual([
      [{ 'accept-language': 'de' }, 'same'],
      [{ 'accept-language': 'fr' }, 'same'],
    ]);
    says['/a'] = (headers) => varied(headers['accept-language'] === 'de' ? 'one' : 'two')(headers);
    const [other] = await verify('/a');
    expect(other?.outcome).toBe('differs');
    expect(other?.copies.map(({ outcome }) => outcome)).toEqual(['same', 'differs']);
  });

  test.each(['authorization', 'cookie', 'x-own-key'])(
    'and shows no credentials that select a variant: %s',
    async (name) => {
      await restart(`origin: { url: "${api.url}" }\ncredentialHeaders: [x-own-key]`);
      says['/a'] = (headers) => ({
        headers: { 'Cache-Control': 'public, max-age=60', Vary: name },
        body: `of ${headers[name]}`,
      });
      for (const who of ['S3CRET-ada', 'S3CRET-grace']) await store('/a', { [name]: `session=${who}` });
      for (const who of ['S3CRET-ada', 'S3CRET-grace']) {
        const { text } = await get(`${gateway.url}/a`, { headers: { [name]: `session=${who}` } });
        expect(text).toBe(`of session=${who}`);
      }
      const [found] = await verify('/a');
      expect(JSON.stringify(found)).not.toContain('S3CRET');
      const copies = found?.copies ?? [];
      expect(new Set(copies.map(({ selecting }) => selecting[name])).size).toBe(2);
      for (const { selecting } of copies)
        expect(selecting).toEqual({ [name]: expect.stringMatching(/^sha256:[\w-]{43}$/) });
      expect(copies.map(({ why }) => why)).toEqual(copies.map(() => `it varies by credentials (${name})`));
    },
  );

  test('with the fields and the query of the key, and no other', async () => {
    says['/by-tenant'] = (headers) => json({ tenant: headers['x-tenant'] });
    await store('/by-tenant', { 'x-tenant': 'acme' });
    expect(await differencesOf('/by-tenant')).toEqual([]);
    says['/paged?page=2'] = json({ page: 2 });
    await store('/paged?page=2&utm=x');
    expect(await differencesOf('/paged?page=2')).toEqual([]);
  });

  test('for every query of a path, for one query, and for one host', async () => {
    for (const path of ['/a', '/a?p=1', '/a?p=2']) {
      says[path] = json({});
      await store(path);
    }
    await store('/a', { host: 'b.example' });
    const copies = async (url: string) => (await verify(url))[0]?.copies.map(({ of }) => of).sort();
    const host = new URL(gateway.url).host;
    expect(await copies('/a')).toEqual([`${host}/a`, `${host}/a?p=1`, `${host}/a?p=2`, 'b.example/a']);
    expect(await copies('/a?p=1')).toEqual([`${host}/a?p=1`]);
    expect(await copies('https://B.example/a')).toEqual(['b.example/a']);
    expect(await copies('http://b.example/a?p=1')).toEqual([]);
  });

  test('with the credentials of the gateway where it has some', async () => {
    says['/shared'] = ({ authorization }) => (authorization === undefined ? { status: 401 } : json({ id: 1 }));
    const yaml = (own: string) =>
      `origin: { url: "${api.url}"${own} }\ndefaults: { cache: { ttl: 60s, credentials: shared } }\n`;
    await restart(yaml(''));
    await store('/shared', { authorization: 'Bearer ada' });
    const [without] = await verify('/shared');
    expect(without?.outcome).toBe('failed');
    expect(without?.copies[0]?.why).toBe(
      'the API answered 401: give the gateway credentials of its own (origin.headers)',
    );
    await restart(yaml(', headers: { authorization: "Bearer own" }'));
    await store('/shared', { authorization: 'Bearer ada' });
    expect(await differencesOf('/shared')).toEqual([]);
  });
});

describe('says what it does not compare, and why', () => {
  const outcomeOf = async (url: string) => {
    const [verified] = await verify(url);
    return [verified?.outcome, verified?.copies[0]?.why];
  };

  test('nothing stored', async () => {
    expect(await verify('/a')).toEqual([
      { url: '/a', outcome: 'not-stored', copies: [], left: 0, lookedIn: ['memory'] },
    ]);
  });

  test("a user's own copy", async () => {
    says['/mine'] = json({});
    await store('/mine', { authorization: 'Bearer ada' });
    expect(await outcomeOf('/mine')).toEqual(['unknown', 'it is kept for one user, and needs his credentials']);
    expect(api.requests('GET /mine')).toHaveLength(1);
  });

  test('an API that fails', async () => {
    says['/a'] = json({});
    await store('/a');
    says['/a'] = { status: 503 };
    expect(await outcomeOf('/a')).toEqual(['failed', 'the API answered 503']);
  });

  test('an answer that is too long', async () => {
    says['/a'] = json({});
    await store('/a');
    says['/a'] = { body: Buffer.alloc(65 * 1024, ' ') };
    expect(await outcomeOf('/a')).toEqual([
      'failed',
      'the answer of the API is longer than store.memory.maxEntry (65536 bytes)',
    ]);
  });

  test('what a write replaces meanwhile', async () => {
    says['/a'] = json({ v: 1 });
    await store('/a');
    api.on('GET /a', async (_, response) => {
      await get(`${gateway.adminUrl}/invalidate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"paths":["/a"]}',
      });
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"v":2}');
    });
    expect(await outcomeOf('/a')).toEqual(['unknown', 'it was invalidated or replaced meanwhile: ask again']);
  });
});

test.each([
  [{}, 'urls: nothing is named'],
  [{ urls: [7] }, 'urls[0]: it is no text'],
  [{ urls: ['a'] }, 'path: "a" is neither a path nor a URL: write /steps/7'],
  [{ urls: ['ftp://a/b'] }, 'path: "ftp://a/b" is neither a path nor a URL'],
  [{ urls: ['/a*'] }, 'path: "*" is only part of a segment: "*" must be a whole segment'],
  [{ urls: ['/a/*?p=1'] }, 'path: a path with wildcards cannot have a query'],
  [{ urls: Array.from({ length: 101 }, () => '/a') }, 'urls: more than 100 URLs'],
  [{ url: '/a' }, 'url: nothing is called that here'],
])('refuses %j with 400', async (body, says400) => {
  const { status, text } = await get(`${gateway.adminUrl}/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(status).toBe(400);
  expect((JSON.parse(text) as { detail: string }).detail).toContain(says400);
});
