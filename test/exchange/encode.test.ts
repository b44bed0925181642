import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { Encoder } from '../../src/exchange/read/encoder.ts';
import { Fields } from '../../src/http/fields.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { until } from '../support/barrier.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';
import { stored } from '../support/stored.ts';

/* `client.encode`: one stored body, served in the codings that clients take. */

const text = JSON.stringify({ words: 'the same words again and again, '.repeat(200) });
useScriptedRig('defaults: { client: { encode: [br, gzip] } }');
let answer: { headers: Record<string, string>; body: string | Buffer };
beforeEach(() => {
  answer = { headers: {}, body: text };
  origin.on('GET /a', (_request, response) => {
    response
      .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60', ...answer.headers })
      .end(answer.body);
  });
});

const ask = (accept: string | undefined, options: RequestOptions = {}): Promise<Answer> =>
  get(`${gateway.url}/a`, {
    ...options,
    headers: { ...(accept === undefined ? {} : { 'accept-encoding': accept }), ...options.headers },
  });
const codingOf = ({ headers }: Answer): string => String(headers['content-encoding'] ?? 'identity');
/** Asked for until it is there: it is made behind the back of the client that first wants it. */
async function encodedAs(coding: string): Promise<Answer> {
  for (let asked = 0; asked < 1_000; asked++) {
    const latest = await ask(coding);
    if (codingOf(latest) === coding) return latest;
  }
  throw new Error(`no ${coding} after a thousand requests`);
}

describe('a stored body', () => {
  test('is served in the coding that the client wants, each a representation of its own', async () => {
    const identity = await ask(undefined);
    const br = await encodedAs('br');
    const gzip = await encodedAs('gzip');
    expect(brotliDecompressSync(br.body).toString()).toBe(text);
    expect(gunzipSync(gzip.body).toString()).toBe(text);
    expect(br.body.byteLength).toBeLessThan(text.length / 2);
    const etags = [identity, br, gzip].map(({ headers }) => headers.etag);
    expect(new Set(etags).size).toBe(3);
    for (const { headers } of [identity, br, gzip]) expect(headers.vary).toBe('Accept-Encoding');
    expect(codingOf(await ask('gzip;q=0.5, br'))).toBe('br');
    expect(codingOf(await ask('identity, gzip;q=0'))).toBe('identity');
    expect(codingOf(await ask(undefined))).toBe('identity');
    expect(origin.seen).toHaveLength(1);
    expect(origin.seen[0]?.rawHeaders).toContain('identity');
  });

  test('has no digests of other octets in its codings (RFC 9530)', async () => {
    const digests = { 'Content-Digest': 'sha-256=:AA==:', 'Repr-Digest': 'sha-256=:AA==:', Digest: 'sha-256=AA==' };
    answer.headers = { ...digests, 'Content-MD5': 'AA==' };
    const said = ({ headers }: Answer) => Object.keys(headers).filter((name) => /digest|md5/.test(name));
    expect(said(await ask(undefined))).toHaveLength(4);
    expect(said(await encodedAs('gzip'))).toEqual([]);
    expect(said(await ask(undefined))).toHaveLength(4);
  });

  test('is asked of the origin as it is, and told apart by no Accept-Encoding', async () => {
    answer.headers = { Vary: 'Accept-Encoding, X-A' };
    await ask('br');
    expect(String((await ask('gzip')).headers['cache-status'])).toContain('hit');
    expect((await ask('gzip')).headers.vary).toBe('Accept-Encoding, X-A');
    expect(origin.seen).toHaveLength(1);
  });

  test('answers 304 to a client that has any of its codings and still accepts it', async () => {
    const identity = await ask(undefined);
    const br = await encodedAs('br');
    const condition = (etag: unknown): RequestOptions => ({ headers: { 'if-none-match': String(etag) } });
    const not = await ask('br', condition(br.headers.etag));
    expect([not.status, not.headers.etag]).toEqual([304, br.headers.etag]);
    expect((await ask(undefined, condition(identity.headers.etag))).status).toBe(304);
    expect((await ask(undefined, condition(br.headers.etag))).status).toBe(200);
    expect((await ask('br', condition('"other-br"'))).status).toBe(200);
    // Not made yet at this gateway, or evicted: the entity tag says enough.
    const gzip = String(br.headers.etag).replace('-br', '-gzip');
    expect((await ask('gzip', condition(gzip))).status).toBe(304);
  });

  test('has ranges of its own octets, for everybody the same', async () => {
    await encodedAs('br');
    const part = await ask('br', { headers: { range: 'bytes=0-9' } });
    expect([part.status, part.text, codingOf(part)]).toEqual([206, text.slice(0, 10), 'identity']);
  });

  test('has a length to HEAD that is that of its coding', async () => {
    const br = await encodedAs('br');
    const head = await ask('br', { method: 'HEAD' });
    expect(Number(head.headers['content-length'])).toBe(br.body.byteLength);
  });

  test('that is invalidated takes its codings along', async () => {
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    await encodedAs('br');
    answer.body = text.replaceAll('same', 'other');
    await ask(undefined, { method: 'PUT', body: 'x' });
    expect((await ask('br')).text).toBe(answer.body);
    expect(brotliDecompressSync((await encodedAs('br')).body).toString()).toBe(answer.body);
  });
});

describe('the entity tag of a coding', () => {
  const bearer = { authorization: 'Bearer x' };
  const sent = (name: string): string | undefined => {
    const { rawHeaders = [] } = origin.seen.at(-1) ?? {};
    const at = rawHeaders.findIndex((line, i) => i % 2 === 0 && line.toLowerCase() === name);
    return at < 0 ? undefined : rawHeaders[at + 1];
  };

  test.each(['"v1"', '"v1-gzip"', 'W/"v1-br"'])(
    'lets a client write what it has got, the origin calling it %s',
    async (own) => {
      answer.headers = { ETag: own };
      origin.on(
        'PUT /a',
        ({ headers }, response) => void response.writeHead(headers['if-match'] === own ? 204 : 412).end(),
      );
      const identity = await ask(undefined);
      for (const { headers } of [identity, await encodedAs('br'), await encodedAs('gzip')]) {
        const condition = { 'if-match': String(headers.etag) };
        expect((await ask(undefined, { method: 'PUT', body: 'x', headers: condition })).status).toBe(204);
        expect(sent('if-match')).toBe(own);
      }
    },
  );

  /* `B` stands for the tag that the gateway gave "v1" in brotli. */
  test.each<[string, string, Record<string, string>, string, string | undefined]>([
    ['as the origin knows it, in a list', 'PUT', { 'if-match': '"x", B,"y-gzip"' }, 'if-match', '"x", "v1","y-gzip"'],
    ['as the origin knows it, in If-None-Match of a write', 'PUT', { 'if-none-match': 'B' }, 'if-none-match', '"v1"'],
    ['as the origin knows it, in If-Match of a read', 'GET', { 'if-match': 'B' }, 'if-match', '"v1"'],
    ['not at all, in a read that is answered from memory', 'GET', { 'if-none-match': 'B' }, 'if-none-match', undefined],
    [
      'as the origin knows it, in a read of its own',
      'GET',
      { ...bearer, 'if-none-match': 'B' },
      'if-none-match',
      '"v1"',
    ],
    // What the client has are octets of the coding: the origin would go on with others.
    ['as it is, together with a range', 'GET', { 'if-match': 'B', range: 'bytes=9-' }, 'if-match', 'B'],
    ['as it is, in If-Range', 'GET', { ...bearer, 'if-range': 'B', range: 'bytes=9-' }, 'if-range', 'B'],
    // It has a coding that it does not take any more.
    [
      'as it is, from a client that no longer accepts it',
      'GET',
      { ...bearer, 'if-none-match': 'B', accept: '' },
      'if-none-match',
      'B',
    ],
  ])('is forwarded %s', async (_what, method, headers, name, expected) => {
    answer.headers = { ETag: '"v1"' };
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    const coded = String((await encodedAs('br')).headers.etag);
    const { accept = 'br', ...fields } = Object.fromEntries(
      Object.entries(headers).map(([field, value]) => [field, value.replace('B', () => coded)]),
    );
    await ask(accept, { method, headers: fields, ...(method === 'PUT' ? { body: 'x' } : {}) });
    expect(sent(name)).toBe(expected?.replace('B', () => coded));
  });

  test('comes back with the 304 of the origin for it', async () => {
    answer.headers = { ETag: '"v1"' };
    const coded = String((await encodedAs('br')).headers.etag);
    origin.on('GET /a', ({ headers }, response) => {
      const isSame = headers['if-none-match']?.includes('"v1"') === true;
      response.writeHead(isSame ? 304 : 200, { ETag: '"v1"', 'Cache-Control': 'max-age=60' }).end(isSame ? '' : text);
    });
    for (const listed of [coded, '"v1"', `"v1", ${coded}`]) {
      const { status, headers } = await ask('br', { headers: { ...bearer, 'if-none-match': listed } });
      expect([status, headers.etag]).toEqual([304, listed === coded ? coded : '"v1"']);
    }
  });
});

test('who has it validated gets the fields of a 304 that may not be stored, as without a coding', async () => {
  answer.headers = { ETag: '"v1"' };
  await encodedAs('gzip');
  const only = { 'Cache-Control': 'no-store', 'X-New': 'b', 'Set-Cookie': 's=b' };
  origin.on('GET /a', (_request, response) => void response.writeHead(304, { ETag: '"v1"', ...only }).end());
  const { status, headers, text: body } = await ask('gzip', { headers: { 'cache-control': 'no-cache' } });
  expect([status, headers['x-new'], headers['set-cookie'], body]).toEqual([200, 'b', ['s=b'], text]);
  expect(headers['cache-control']).toContain('no-store');
});

test('a coding of what was replaced while it was made is dropped', async () => {
  const store = new MemoryStore({ maxBytes: 1e6, maxEntryBytes: 1e6, maxVariants: 8 }, new Fence());
  const failed: unknown[] = [];
  const encoder = new Encoder(store, (error) => failed.push(error));
  const request = new Fields(['Accept-Encoding', 'br']);
  const before = stored('/x', { body: Buffer.from(text), codings: ['br'] });
  const after = stored('/x', { body: Buffer.from(text.replaceAll('same', 'other')), codings: ['br'] });
  store.put(before);
  encoder.want(request, before);
  store.put(after);
  await until(() => encoder.size === 0);
  expect([store.select(after.key, request) === after, failed]).toEqual([true, []]);
});

describe('is left as it is', () => {
  test.each<[string, Record<string, string>, string | Buffer]>([
    ['what is coded already', { 'Content-Encoding': 'x-own' }, text],
    ['what is no text', { 'Content-Type': 'image/png' }, text],
    ['what is short', {}, '{"short":true}'],
    ['what must not be changed', { 'Cache-Control': 'max-age=60, no-transform' }, text],
  ])('%s', async (_what, headers, body) => {
    answer = { headers, body };
    await ask('br');
    await ask('br');
    const own = headers['Content-Encoding'] ?? 'identity';
    expect(codingOf(await ask('br'))).toBe(own);
    expect((await ask('br')).text).toBe(body);
  });
});
