import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Gate, withPatience } from '../support/barrier.ts';
import { gaugeIs, startGateway, type TestGateway, waitingReads } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { gate, type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/*
 * An origin breaks off, at each stage of each kind of read: every request, waiting or not, is answered or cut off,
 * nothing of it is stored or held, and the next reader gets the whole.
 */

const whole = '0123456789'.repeat(500);
const bearer = { authorization: 'Bearer x' };

let origin: ScriptedOrigin;
let gateway: TestGateway;
/** Where the origin breaks off; undefined while it is well. */
let stage: Stage | undefined;
let slow: Gate;
let fields: Record<string, string>;

type Stage = 'before the head' | 'after the head' | 'in the middle' | 'in the middle of a chunked body';
const stages: readonly Stage[] = [
  'before the head',
  'after the head',
  'in the middle',
  'in the middle of a chunked body',
];

beforeEach(async () => {
  stage = undefined;
  slow = gate();
  fields = { ETag: '"a"', 'Cache-Control': 'max-age=60' };
  origin = await scriptedOrigin();
  for (const method of ['GET', 'HEAD']) origin.on(`${method} /a`, answer);
  origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
  gateway = await startGateway(
    origin.url,
    `defaults: { cache: { staleIfError: origin } }
rules: [{ name: r, on: PUT /a, before: off, refresh: [/a] }]`,
  );
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const body = whole.slice(start, last === undefined || last === '' ? undefined : Number(last) + 1);
  const part = { 'Content-Range': `bytes ${start}-${start + body.length - 1}/${whole.length}` };
  const head = { ...fields, ...(first === undefined ? {} : part) };
  const broken = stage;
  if (broken === undefined) return void response.writeHead(first === undefined ? 200 : 206, head).end(body);
  await slow.pass();
  if (broken === 'before the head') return void response.destroy();
  const length = broken === 'in the middle of a chunked body' ? {} : { 'Content-Length': String(body.length) };
  response.writeHead(first === undefined ? 200 : 206, { ...head, ...length });
  if (broken === 'after the head' || request.method === 'HEAD') response.flushHeaders();
  else response.write(body.slice(0, body.length / 2));
  // What was written goes out before the connection is reset.
  response.socket?.end();
}

const ask = (options: RequestOptions = {}): Promise<Answer> => get(`${gateway.url}/a`, options);
/** What a client sees of it. */
const seenBy = (asking: Promise<Answer>): Promise<number | 'cut'> =>
  withPatience(
    asking.then(
      ({ status }) => status,
      () => 'cut' as const,
    ),
    () => 'an answer',
  );

interface Kind {
  /** What the origin says while it is well. */
  readonly said?: Record<string, string>;
  /** What is asked for then. */
  readonly before?: RequestOptions;
  readonly asked?: RequestOptions;
  /** What the client sees at each stage. */
  readonly sees: readonly [number | 'cut', number | 'cut', number | 'cut', number | 'cut'];
  /** What requests that wait for the same response see; undefined if none may wait. */
  readonly waiters?: number;
}

const stale = { ETag: '"a"', 'Cache-Control': 'max-age=60', Age: '100' };
const kinds: Record<string, Kind> = {
  'a miss': { sees: [502, 502, 502, 502], waiters: 502 },
  'a miss without an ETag': {
    said: { 'Cache-Control': 'max-age=60' },
    sees: [502, 502, 502, 502],
    waiters: 502,
  },
  'a miss that streams': {
    said: { 'Cache-Control': 'max-age=60', 'Content-Type': 'application/x-ndjson' },
    sees: [502, 'cut', 'cut', 'cut'],
  },
  'a revalidation': { said: stale, before: {}, sees: [502, 502, 502, 502], waiters: 502 },
  'a revalidation that may fail': {
    said: { ...stale, 'Cache-Control': 'max-age=60, stale-if-error=1000' },
    before: {},
    sees: [200, 200, 200, 200],
    waiters: 200,
  },
  'a range': { asked: { headers: { range: 'bytes=0-999' } }, sees: [502, 502, 502, 502] },
  'the rest of a stored part': {
    before: { headers: { range: 'bytes=0-999' } },
    sees: [502, 502, 502, 502],
    waiters: 502,
  },
  'a HEAD': { asked: { method: 'HEAD' }, sees: [502, 200, 200, 200] },
  'a read with credentials': { asked: { headers: bearer }, sees: [502, 'cut', 'cut', 'cut'] },
  'a refresh after a write': { before: {}, asked: { method: 'PUT', body: 'x' }, sees: [204, 204, 204, 204] },
  'a revalidation behind': {
    said: { ...stale, 'Cache-Control': 'max-age=60, stale-while-revalidate=1000' },
    before: {},
    sees: [200, 200, 200, 200],
  },
};

describe.each(Object.entries(kinds))('%s', (_kind, { said = fields, before, asked = {}, sees, waiters }) => {
  test.each(stages.map((at, i) => [at, sees[i]] as const))('breaks off %s', async (at, expected) => {
    if (said !== undefined) fields = said;
    if (before !== undefined) await ask(before);
    stage = at;
    const first = seenBy(ask(asked));
    await slow.arrived();
    const others = waiters === undefined ? [] : [1, 2].map(() => seenBy(ask(asked)));
    await waitingReads(gateway, others.length);
    slow.release();
    expect(await first).toBe(expected);
    expect(await Promise.all(others)).toEqual(others.map(() => waiters));
    await gaugeIs(gateway, 'unstale_fills', 0);
    await gaugeIs(gateway, 'unstale_fill_bytes', 0);

    stage = undefined;
    fields = { ETag: '"b"', 'Cache-Control': 'max-age=60' };
    const { status, text } = await ask({ headers: { 'cache-control': 'no-cache' } });
    expect([status, text === whole]).toEqual([200, true]);
  });
});
