import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Gate, until, withPatience } from '../support/barrier.ts';
import { gaugeIs, waitingReads } from '../support/gateway.ts';
import { get, stream } from '../support/request.ts';
import { gate } from '../support/scripted-origin.ts';
import { ask, begin, cacheStatus, gateway, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* A stored part and the rest of it, as it arrives: what the client gets, when, and what is stored. */

const whole = '0123456789';
useScriptedRig();

/** Of the answer to a request for the rest. */
interface Rest {
  readonly status?: number;
  readonly etag?: string;
  readonly contentRange?: string;
  readonly headers?: Record<string, string>;
  /** Sent at once, and behind the gate. */
  readonly octets?: readonly [string, string];
  readonly end?: (response: ServerResponse) => void;
}

const said = { 'Content-Type': 'text/plain', 'Last-Modified': 'Tue, 01 Sep 2026 00:00:00 GMT' };
let between: Gate;
let beforeRest: Gate;
let rest: Rest;

/** The ranges that the origin was asked for; undefined for the whole. */
let asked: (string | undefined)[];

beforeEach(async () => {
  between = gate();
  beforeRest = gate();
  beforeRest.release();
  rest = {};
  asked = [];
  origin.on('GET /a', async (request, response) => {
    const { range } = request.headers;
    asked.push(range);
    const fields = { ETag: '"a"', 'Cache-Control': 'max-age=60', 'Surrogate-Key': 'tag' };
    if (range === undefined) return void response.writeHead(200, { ...fields, ...said }).end(whole);
    if (range === 'bytes=0-3')
      return void response.writeHead(206, { ...fields, ...said, 'Content-Range': 'bytes 0-3/10' }).end('0123');
    await beforeRest.pass();
    await answerRest(response);
  });
  origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
  await begin('defaults: { client: { etag: origin } }');
});

/** RFC 9110 §15.3.7: it need not repeat what the part's fields said. */
async function answerRest(response: ServerResponse): Promise<void> {
  const { status = 206, etag = '"a"', contentRange = 'bytes 4-9/10', octets = ['45', '6789'], headers = {} } = rest;
  const fields = { ETag: etag, 'Cache-Control': 'max-age=60', 'Content-Range': contentRange };
  response.writeHead(status, { ...fields, ...headers });
  response.flushHeaders();
  if (octets[0] !== '') response.write(octets[0]);
  await between.pass();
  if (octets[1] !== '') response.write(octets[1]);
  if (rest.end === undefined) response.end();
  else rest.end(response);
}

interface Begun {
  readonly answer: IncomingMessage;
  /** The rest of the text, at its end. Rejects if it breaks off. */
  rest(): Promise<string>;
}

/** An answer whose first octets have come. */
async function begun(first: string): Promise<Begun> {
  const answer = await withPatience(stream(`${gateway.url}/a`), () => 'the head');
  let came = '';
  answer.on('data', (chunk: Buffer) => {
    came += String(chunk);
  });
  const ended = once(answer, 'end').then(() => came.slice(first.length));
  // A test that cuts it off looks at that later, or not at all.
  ended.catch(() => {});
  await until(() => came.length >= first.length);
  expect(came).toBe(first);
  return { answer, rest: () => withPatience(ended, () => 'the rest') };
}

const rangeOf = (value: string) => ({ headers: { range: value } });
const invalidate = (tag: string) => get(`${gateway.adminUrl}/invalidate`, { method: 'POST', body: { tags: [tag] } });
const storePart = () => ask('/a', rangeOf('bytes=0-3'));

test('the stored part is sent before the rest has come, and the rest as it comes', async () => {
  await storePart();
  rest = { octets: ['', '456789'] };
  const { answer, rest: later } = await begun('0123');
  expect([answer.statusCode, answer.headers['content-length']]).toEqual([200, '10']);
  expect(answer.headers['cache-status']).toBe('unstale; fwd=partial; fwd-status=206; detail=streamed');
  between.release();
  expect(await later()).toBe('456789');
  expect(asked).toEqual(['bytes=0-3', 'bytes=4-']);
  const again = await ask('/a');
  expect([isHit(again), again.text]).toEqual([true, whole]);
});

test('a rest that comes at once is sent with the part, and said to be stored', async () => {
  await storePart();
  between.release();
  const answer = await ask('/a');
  expect([answer.status, answer.text]).toEqual([200, whole]);
  expect(cacheStatus(answer)).toBe('unstale; fwd=partial; fwd-status=206; stored');
});

test('the whole has the fields of the part that its rest left out', async () => {
  await storePart();
  between.release();
  rest = { headers: { 'X-Served': 'again' } };
  for (const answer of [await ask('/a'), await ask('/a')]) {
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain',
      'last-modified': said['Last-Modified'],
      'x-served': 'again',
      'content-length': '10',
    });
    expect(answer.headers['content-range']).toBeUndefined();
  }
  expect(origin.seen).toHaveLength(2);
});

test('a rest that overlaps the part is not repeated', async () => {
  await storePart();
  between.release();
  rest = { contentRange: 'bytes 2-9/10', octets: ['2345', '6789'] };
  expect((await ask('/a')).text).toBe(whole);
  expect(origin.seen).toHaveLength(2);
});

describe('the whole is asked for, and nothing of the part is sent, if the answer', () => {
  const rows: [string, Rest][] = [
    ['has another entity tag', { etag: '"b"' }],
    ['has a weak one', { etag: 'W/"a"' }],
    ['leaves a gap', { contentRange: 'bytes 5-9/10', octets: ['5', '6789'] }],
    ['does not reach the end', { contentRange: 'bytes 4-8/10', octets: ['45', '678'] }],
    ['is of another size', { contentRange: 'bytes 4-10/11', octets: ['45', '6789x'] }],
    ['contradicts itself', { contentRange: 'bytes 4-9/9' }],
    ['is no 206, whatever its range says', { status: 416 }],
    ['does not say of what size', { contentRange: 'bytes 4-9/*' }],
    ['has no range', { contentRange: '' }],
    ['has another length than its range', { headers: { 'Content-Length': '5' }, octets: ['45', '678'] }],
    ['is coded, and the part is not', { headers: { 'Content-Encoding': 'gzip' } }],
    ['may not be stored', { headers: { 'Cache-Control': 'no-store' } }],
  ];
  test.each(rows)('%s', async (_what, answer) => {
    await storePart();
    rest = answer;
    // It is refused by its head alone.
    const complete = await withPatience(ask('/a'), () => 'the whole');
    expect([complete.status, complete.text]).toEqual([200, whole]);
    expect(asked).toEqual(['bytes=0-3', 'bytes=4-', undefined]);
  });

  test.each<[string, Rest]>([
    ['turns out to be shorter than it said', { octets: ['45', '678'] }],
    ['turns out to be longer than it said', { octets: ['45', '6789x'] }],
  ])('%s, before anything was sent', async (_what, answer) => {
    await storePart();
    rest = answer;
    between.release();
    const complete = await ask('/a');
    expect([complete.status, complete.text]).toEqual([200, whole]);
  });
});

test('nothing is sent until the origin has answered', async () => {
  await storePart();
  beforeRest = gate();
  const answer = stream(`${gateway.url}/a`);
  await beforeRest.arrived();
  // By then the part is of a representation that is gone.
  rest = { etag: '"b"' };
  beforeRest.release();
  const complete = await withPatience(answer, () => 'the whole');
  expect(complete.headers['cache-status']).toContain('fwd-status=200');
  complete.destroy();
});

describe('once its beginning has been sent, an answer is cut off', () => {
  const rows: [string, Rest][] = [
    ['whose rest breaks off', { octets: ['45', '6'], end: (response) => void response.destroy() }],
    ['whose rest is too short, and ends well', { octets: ['45', '678'] }],
    ['whose rest is too long', { octets: ['45', '6789x'] }],
  ];
  test.each(rows)('%s', async (_what, answer) => {
    await storePart();
    rest = answer;
    const cut = await begun('012345');
    between.release();
    await expect(cut.rest()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(cut.answer.complete).toBe(false);
    await gaugeIs(gateway, 'unstale_fills', 0);
    await gaugeIs(gateway, 'unstale_fill_bytes', 0);
    // Neither is the rest of it stored, nor the part asked to be completed again.
    const next = await ask('/a');
    expect([isHit(next), next.text]).toEqual([false, whole]);
    expect(asked).toEqual(['bytes=0-3', 'bytes=4-', undefined]);
  });
});

describe('while the rest comes', () => {
  test('others wait for the whole', async () => {
    await storePart();
    const first = await begun('012345');
    const other = ask('/a');
    await waitingReads(gateway, 1);
    between.release();
    expect((await other).text).toBe(whole);
    first.answer.destroy();
    expect(origin.seen).toHaveLength(2);
  });

  test('a client that leaves takes nothing from those who wait', async () => {
    await storePart();
    const first = await begun('012345');
    const other = ask('/a');
    await waitingReads(gateway, 1);
    first.answer.destroy();
    between.release();
    expect((await other).text).toBe(whole);
    expect(isHit(await ask('/a'))).toBe(true);
  });

  test('a record of a tag that only the part has keeps the whole from being stored', async () => {
    await storePart();
    rest = { headers: { 'Surrogate-Key': 'other' } };
    const first = await begun('012345');
    await invalidate('tag');
    between.release();
    expect(await first.rest()).toBe('6789');
    expect(isHit(await ask('/a'))).toBe(false);
  });

  test.each([
    ['of its path', () => ask('/a', { method: 'PUT', body: 'x' })],
    ['of a tag of the part', () => invalidate('tag')],
  ])('a record %s keeps the whole from being stored', async (_what, change) => {
    await storePart();
    const first = await begun('012345');
    await change();
    between.release();
    expect(await first.rest()).toBe('6789');
    expect(isHit(await ask('/a'))).toBe(false);
  });
});

test('the whole is not stored if its rest has a tag that was invalidated since the part was asked for', async () => {
  await storePart();
  await invalidate('late');
  rest = { headers: { 'Surrogate-Key': 'late' } };
  between.release();
  expect((await ask('/a')).text).toBe(whole);
  expect(isHit(await ask('/a'))).toBe(false);
});

test('what is larger than an entry may be is completed, and not stored', async () => {
  await gateway.stop();
  await begin('store: { memory: { maxEntry: 1KiB } }\ndefaults: { client: { etag: origin } }');
  const large = 'x'.repeat(2_000);
  origin.on('GET /large', (request, response) => {
    const part = request.headers.range === 'bytes=0-3' ? [0, 3] : [4, 1_999];
    const fields = { ETag: '"a"', 'Cache-Control': 'max-age=60', 'Content-Range': `bytes ${part.join('-')}/2000` };
    response.writeHead(206, fields).end(large.slice(part[0], (part[1] ?? 0) + 1));
  });
  await ask('/large', rangeOf('bytes=0-3'));
  const complete = await ask('/large');
  expect([complete.status, complete.text === large]).toEqual([200, true]);
  expect(cacheStatus(complete)).toContain('detail=too-large');
});
