import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { Encoder } from '../../src/exchange/encode.ts';
import { Fields } from '../../src/http/fields.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin, until } from '../support/scripted-origin.ts';
import { stored } from '../support/stored.ts';

/* `client.encode`: one stored body, served in the codings that clients take. */

const text = JSON.stringify({ words: 'the same words again and again, '.repeat(200) });
let origin: ScriptedOrigin;
let gateway: TestGateway;
let answer: { headers: Record<string, string>; body: string | Buffer };
beforeEach(async () => {
  origin = await scriptedOrigin();
  answer = { headers: {}, body: text };
  origin.on('GET /a', (_request, response) => {
    response
      .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60', ...answer.headers })
      .end(answer.body);
  });
  gateway = await startGateway(origin.url, 'defaults: { client: { encode: [br, gzip] } }');
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
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

  test('is asked of the origin as it is, and told apart by no Accept-Encoding', async () => {
    answer.headers = { Vary: 'Accept-Encoding, X-A' };
    await ask('br');
    expect(String((await ask('gzip')).headers['cache-status'])).toContain('hit');
    expect((await ask('gzip')).headers.vary).toBe('Accept-Encoding, X-A');
    expect(origin.seen).toHaveLength(1);
  });

  test('answers 304 to whoever has any of its codings and still takes it', async () => {
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
