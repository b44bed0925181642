import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { until, withPatience } from '../support/barrier.ts';
import { gaugeIs, waitingReads } from '../support/gateway.ts';
import { stream } from '../support/request.ts';
import { gate } from '../support/scripted-origin.ts';
import { ask, begin, cacheStatus, gateway, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* What an origin sends piece by piece reaches the client piece by piece, on cached routes too. */

useScriptedRig();

const nextOf = (response: IncomingMessage): Promise<string> =>
  withPatience(
    once(response, 'data').then(([chunk]) => String(chunk)),
    () => 'the next piece of a stream',
  );

/** Answers with "0", and with "1" once the gate opens. */
const inPieces =
  (between: ReturnType<typeof gate>, headers: Record<string, string>) =>
  async (_request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.writeHead(200, headers).write('0');
    await between.pass();
    response.end('1');
  };

const types = [
  'text/event-stream',
  'Text/Event-Stream; charset=utf-8',
  'multipart/x-mixed-replace; boundary=a',
  'application/x-ndjson',
  'application/jsonl',
  'application/json-seq',
  'application/geo+json-seq',
];

describe.each(types)('%s', (type) => {
  test('reaches each client at once, though it may be stored', async () => {
    await begin(`origin: { url: "${origin.url}", timeout: 60s }`);
    const between = gate();
    origin.on('GET /a', inPieces(between, { 'Content-Type': type, 'Cache-Control': 'max-age=60' }));
    const one = await stream(`${gateway.url}/a`);
    expect(await nextOf(one)).toBe('0');
    expect(one.headers.etag).toBeUndefined();
    expect(one.headers['cache-status']).not.toContain('stored');
    // The second does not wait for the end of the first.
    const other = await stream(`${gateway.url}/a`);
    expect(await nextOf(other)).toBe('0');
    between.release();
    expect(await Promise.all([nextOf(one), nextOf(other)])).toEqual(['1', '1']);
  });
});

test('who waits for the same stream does not wait for its end', async () => {
  await begin(`origin: { url: "${origin.url}", timeout: 60s }`);
  const [before, between] = [gate(), gate()];
  const pieces = inPieces(between, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'max-age=60' });
  origin.on('GET /a', async (request, response) => {
    await before.pass();
    await pieces(request, response);
  });
  const asked = [1, 2].map(() => stream(`${gateway.url}/a`));
  await waitingReads(gateway, 1);
  before.release();
  const answers = await withPatience(Promise.all(asked), () => 'both heads');
  expect(await Promise.all(answers.map(nextOf))).toEqual(['0', '0']);
  between.release();
  expect(await Promise.all(answers.map(nextOf))).toEqual(['1', '1']);
});

test('what a client had no room for does not wait for the next piece', async () => {
  await begin(`origin: { url: "${origin.url}", timeout: 60s }
store: { memory: { maxSize: 256MiB, maxEntry: 64MiB } }`);
  const between = gate();
  // More than sockets hold.
  const size = 30_000_000;
  origin.on('GET /a', async (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'max-age=60' });
    response.write('x'.repeat(size));
    await between.pass();
    response.end();
  });
  const answer = await stream(`${gateway.url}/a`);
  // The gateway has all of it before the client reads any.
  await gaugeIs(gateway, 'unstale_fill_bytes', size);
  let got = 0;
  answer.on('data', (chunk: Buffer) => {
    got += chunk.byteLength;
  });
  await until(() => got === size);
  between.release();
  await once(answer, 'end');
});

test('the answer to a write streams, too, though a rule would read it', async () => {
  await begin(`defaults: { cache: { ttl: 60s } }
rules: [{ name: r, on: POST /a, invalidate: ["/b/{response.id}"] }]`);
  const between = gate();
  origin.on('GET /b/1', (_request, response) => void response.end());
  origin.on('POST /a', inPieces(between, { 'Content-Type': 'text/event-stream' }));
  await ask('/b/1');
  const answer = await stream(`${gateway.url}/a`, { method: 'POST', body: 'x' });
  expect(await nextOf(answer)).toBe('0');
  between.release();
  expect(await nextOf(answer)).toBe('1');
  expect(isHit(await ask('/b/1'))).toBe(false);
});

describe('what is not known to stream', () => {
  const json = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' };

  test.each([
    ['without an ETag', {}],
    ['with one', { ETag: '"a"' }],
  ])('is not held back until its end: %s', async (_what, headers) => {
    await begin();
    const between = gate();
    origin.on('GET /a', inPieces(between, { ...json, ...headers }));
    const answer = await stream(`${gateway.url}/a`);
    expect(await nextOf(answer)).toBe('0');
    expect(answer.headers['cache-status']).toContain('detail=streamed');
    between.release();
    expect(await nextOf(answer)).toBe('1');
    expect(isHit(await ask('/a'))).toBe(true);
  });

  test('nor is its head, before any of its body', async () => {
    await begin();
    const between = gate();
    origin.on('GET /a', async (_request, response) => {
      response.writeHead(200, json).flushHeaders();
      await between.pass();
      response.end('1');
    });
    const answer = await withPatience(stream(`${gateway.url}/a`), () => 'the head');
    between.release();
    expect(await nextOf(answer)).toBe('1');
  });

  test('is sent with an ETag, and said to be stored, where it is complete', async () => {
    await begin();
    origin.on('GET /a', (_request, response) => void response.writeHead(200, json).end('{}'));
    const answer = await ask('/a');
    expect(answer.headers.etag).toMatch(/^"/);
    expect(cacheStatus(answer)).toContain('stored');
  });
});

test('an endless response is not stored, even if it ends', async () => {
  await begin();
  origin.on('GET /a', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'max-age=60' }).end('data: 1\n\n');
  });
  expect(cacheStatus(await ask('/a'))).toContain('detail=stream');
  expect(isHit(await ask('/a'))).toBe(false);
});

test('a stream of records that ended is stored', async () => {
  await begin();
  origin.on('GET /a', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'max-age=60' }).end('1\n2\n');
  });
  await ask('/a');
  expect(isHit(await ask('/a'))).toBe(true);
});
