import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { gate } from '../support/scripted-origin.ts';
import { ask, begin, gateway, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* RFC 9111 §3.3, §3.4: parts of representations are stored, reused and joined. */

const whole = '0123456789';
useScriptedRig('defaults: { client: { etag: origin } }');

const range = (value: string, headers: Record<string, string> = {}): RequestOptions => ({
  headers: { range: value, ...headers },
});

/** An origin that knows ranges of ten digits. */
function digits(
  headers: { ETag?: string; 'Last-Modified'?: string; 'Cache-Control'?: string } = { ETag: '"a"' },
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const mine = request.headers['if-range'] ?? headers.ETag;
    const fields = { 'Cache-Control': 'max-age=60', ...headers };
    if (first === undefined || mine !== headers.ETag) return void response.writeHead(200, fields).end(whole);
    const end = last === '' ? 9 : Number(last);
    const said = { ...fields, 'Content-Range': `bytes ${first}-${end}/10` };
    response.writeHead(206, said).end(whole.slice(Number(first), end + 1));
  };
}
const asked = (): (string | undefined)[] =>
  origin.seen.map(({ rawHeaders }) => {
    const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'range');
    return at < 0 ? undefined : rawHeaders[at + 1];
  });

describe('a part', () => {
  test.each([
    ['the same octets', 'bytes=2-6', '23456', 'bytes 2-6/10'],
    ['fewer', 'bytes=3-4', '34', 'bytes 3-4/10'],
    ['a last octet alone', 'bytes=6-6', '6', 'bytes 6-6/10'],
  ])('answers for %s', async (_what, value, text, contentRange) => {
    origin.on('GET /a', digits());
    const first = await ask('/a', range('bytes=2-6'));
    expect([first.status, first.text, first.headers['content-range']]).toEqual([206, '23456', 'bytes 2-6/10']);
    const again = await ask('/a', range(value));
    expect([again.status, again.text, again.headers['content-range']]).toEqual([206, text, contentRange]);
    expect(again.headers.age).toBeDefined();
    expect(isHit(again)).toBe(true);
    expect(origin.seen).toHaveLength(1);
  });

  test.each([
    ['octets before it', range('bytes=1-4')],
    ['octets behind it', range('bytes=5-7')],
    ['the end', range('bytes=2-')],
    ['several ranges', range('bytes=2-3,5-6')],
    ['another condition', range('bytes=2-6', { 'if-range': '"a"' })],
    ['credentials', range('bytes=2-6', { authorization: 'Bearer x' })],
    ['no-cache', range('bytes=2-6', { 'cache-control': 'no-cache' })],
    ['the whole', {}],
  ])('does not answer for %s', async (_what, options) => {
    origin.on('GET /a', digits());
    await ask('/a', range('bytes=2-6'));
    expect(isHit(await ask('/a', options))).toBe(false);
    expect(origin.seen).toHaveLength(2);
  });

  test('is invalidated like anything else at its path', async () => {
    origin.on('GET /a', digits()).on('PUT /a', (_request, response) => void response.writeHead(204).end());
    await ask('/a', range('bytes=2-6'));
    await ask('/a', { method: 'PUT', body: 'x' });
    expect(isHit(await ask('/a', range('bytes=2-6')))).toBe(false);
  });

  test('that was asked for before a write is not stored after it', async () => {
    const { arrived, pass, release } = gate();
    origin.on('GET /a', async (request, response) => {
      await pass();
      digits()(request, response);
    });
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    const slow = ask('/a', range('bytes=2-6'));
    await arrived(1);
    await ask('/a', { method: 'PUT', body: 'x' });
    release();
    expect((await slow).text).toBe('23456');
    expect(isHit(await ask('/a', range('bytes=2-6')))).toBe(false);
  });

  test('with no-store is not stored', async () => {
    origin.on('GET /a', digits({ ETag: '"a"', 'Cache-Control': 'no-store' }));
    await ask('/a', range('bytes=2-6'));
    expect(isHit(await ask('/a', range('bytes=2-6')))).toBe(false);
  });

  test('shorter than its Content-Range answers for what it holds, and says so', async () => {
    origin.on('GET /a', (_request, response) => {
      response.writeHead(206, { 'Cache-Control': 'max-age=60', 'Content-Range': 'bytes 4-9/10' }).end('01234');
    });
    await ask('/a', range('bytes=-5'));
    const same = await ask('/a', range('bytes=-5'));
    expect([same.text, same.headers['content-range'], isHit(same)]).toEqual(['01234', 'bytes 4-8/10', true]);
    const rest = await ask('/a', range('bytes=6-'));
    expect([rest.text, rest.headers['content-range'], isHit(rest)]).toEqual(['234', 'bytes 6-8/10', true]);
    expect(isHit(await ask('/a', range('bytes=9-9')))).toBe(false);
  });
});

describe('a part of JSON, on a route whose tags are taken from the body', () => {
  const text = '{"step":{"id":5},"id":7}';
  const fields = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60', ETag: '"a"' };
  beforeEach(async () => {
    await gateway.stop();
    await begin('routes: [{ match: /a, tags: ["thing:{response.id}"] }]');
    origin.on('GET /a', (request, response) => {
      const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      response.writeHead(206, { ...fields, 'Content-Range': `bytes ${first}-${last}/${text.length}` });
      response.end(text.slice(Number(first), Number(last) + 1));
    });
  });

  test('is not stored, though its octets are JSON themselves: they have the id of something else', async () => {
    const inner = range('bytes=8-15');
    expect((await ask('/a', inner)).text).toBe('{"id":5}');
    expect(isHit(await ask('/a', inner))).toBe(false);
  });

  test('is stored if it is all of it, and has its tag', async () => {
    const all = range(`bytes=0-${text.length - 1}`);
    await ask('/a', all);
    expect(isHit(await ask('/a', all))).toBe(true);
    await get(`${gateway.adminUrl}/invalidate`, { method: 'POST', body: { tags: ['thing:7'] } });
    expect(isHit(await ask('/a', all))).toBe(false);
  });
});

describe('digests of the content of one message (RFC 9530) are not said of other octets', () => {
  const fields = { 'Cache-Control': 'max-age=60', ETag: '"a"', 'Content-Type': 'text/plain' };
  const digests = { 'Content-Digest': 'sha-256=:AA==:', 'Content-MD5': 'AA==', 'Repr-Digest': 'sha-256=:BB==:' };
  const said = ({ headers }: Answer) => [headers['content-digest'], headers['content-md5'], headers['repr-digest']];
  const representation = digests['Repr-Digest'];
  const all = Object.values(digests);
  const none = [undefined, undefined, representation];

  test.each([
    ['a part of a part', ['bytes=0-5', 'bytes=1-2'], none],
    ['a part of the whole', [undefined, 'bytes=1-2'], none],
    ['several parts of the whole', [undefined, 'bytes=1-2,5-6'], none],
    ['the whole, of parts that were asked for', ['bytes=0-5', 'bytes=6-9', undefined], none],
    ['the whole, of a part and its rest', ['bytes=0-5', undefined], none],
    ['the whole, from memory', [undefined, undefined], all],
  ])('%s', async (_what, ranges, expected) => {
    origin.on('GET /a', digits({ ...fields, ...digests }));
    for (const value of ranges.slice(0, -1)) await ask('/a', value === undefined ? {} : range(value));
    const last = ranges.at(-1);
    const answer = await ask('/a', last === undefined ? {} : range(last));
    expect(answer.headers['cache-status']).toMatch(/hit|partial/);
    expect(said(answer)).toEqual(expected);
  });
});

describe('parts with one strong entity tag', () => {
  test('are joined, and are the whole when nothing is missing', async () => {
    origin.on('GET /a', digits());
    await ask('/a', range('bytes=0-3'));
    await ask('/a', range('bytes=4-6'));
    const middle = await ask('/a', range('bytes=2-5'));
    expect([middle.text, isHit(middle)]).toEqual(['2345', true]);
    const last = await ask('/a', range('bytes=7-9'));
    expect([last.status, last.text, last.headers['content-range']]).toEqual([206, '789', 'bytes 7-9/10']);
    const complete = await ask('/a');
    expect([complete.status, complete.text, isHit(complete)]).toEqual([200, whole, true]);
    expect(complete.headers['content-range']).toBeUndefined();
    expect(complete.headers['content-length']).toBe('10');
    expect(origin.seen).toHaveLength(3);
  });

  test('are completed: only the rest is asked for', async () => {
    origin.on('GET /a', digits());
    await ask('/a', range('bytes=0-3'));
    const complete = await ask('/a');
    expect([complete.status, complete.text]).toEqual([200, whole]);
    expect(asked()).toEqual(['bytes=0-3', 'bytes=4-']);
    expect(isHit(await ask('/a'))).toBe(true);
  });

  test('are not kept if the later one has a tag that was invalidated since the earlier one was requested', async () => {
    await gateway.stop();
    await begin('rules: [{ name: r, on: POST /hit, before: off, invalidate: [{ tag: t }] }]');
    origin.on('POST /hit', (_request, response) => void response.writeHead(204).end());
    origin.on('GET /a', digits());
    await ask('/a', range('bytes=0-3'));
    await ask('/hit', { method: 'POST', body: 'x' });
    origin.on('GET /a', (request, response) => {
      response.setHeader('Surrogate-Key', 't');
      digits()(request, response);
    });
    await ask('/a', range('bytes=4-9'));
    expect(isHit(await ask('/a'))).toBe(false);
  });

  test('that is another one by now is asked for as a whole', async () => {
    let etag = '"a"';
    origin.on('GET /a', (request, response) => digits({ ETag: etag })(request, response));
    await ask('/a', range('bytes=0-3'));
    etag = '"b"';
    const complete = await ask('/a');
    expect([complete.status, complete.text, complete.headers.etag]).toEqual([200, whole, '"b"']);
  });

  test('an origin that ignores If-Range does not get two representations mixed', async () => {
    let etag = '"a"';
    origin.on('GET /a', (request, response) => {
      delete request.headers['if-range'];
      digits({ ETag: etag })(request, response);
    });
    await ask('/a', range('bytes=0-3'));
    etag = '"b"';
    expect((await ask('/a')).headers.etag).toBe('"b"');
    expect(asked()).toEqual(['bytes=0-3', 'bytes=4-', undefined]);
  });

  test.each([
    ['a weak entity tag', { ETag: 'W/"a"' }],
    ['a date alone', { 'Last-Modified': 'Tue, 01 Sep 2026 00:00:00 GMT' }],
  ])('with %s are not joined', async (_what, headers) => {
    origin.on('GET /a', digits(headers));
    await ask('/a', range('bytes=0-3'));
    await ask('/a', range('bytes=4-9'));
    expect(isHit(await ask('/a'))).toBe(false);
  });
});

test('a whole answer to a request for a part is stored whole', async () => {
  origin.on('GET /a', (_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(whole);
  });
  await ask('/a', range('bytes=0-3'));
  const part = await ask('/a', range('bytes=4-5'));
  expect([part.status, part.text, isHit(part)]).toEqual([206, '45', true]);
});
