import { beforeEach, describe, expect, test } from 'vitest';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';

/**
 * Dates count seconds, and a write takes less than one. The origin's own `Date` says when things happen, so no test
 * waits.
 */

useScriptedRig('rules: [{ name: r, on: PUT /a, before: off, invalidate: ["/a"] }]');
/** What the origin has: a write makes the next one, and takes no time. */
let version: number;
let dates: Record<string, string>;
beforeEach(() => {
  version = 1;
  origin.on('GET /a', (_request, response) => {
    response.sendDate = false;
    response.writeHead(200, { 'Cache-Control': 'max-age=60', ...dates }).end(String(version));
  });
  origin.on('PUT /a', (_request, response) => {
    version += 1;
    response.writeHead(204).end();
  });
});
const ask = (options: RequestOptions = {}): Promise<Answer> => get(`${gateway.url}/a`, options);
const now = Date.now();
const second = (offset: number): string => new Date(now + offset * 1000).toUTCString();

describe('If-Modified-Since with what a client has from before a write in the same second', () => {
  test.each<[string, Record<string, string>, string]>([
    ['its Date, there being no Last-Modified', { Date: second(0) }, 'date'],
    ['the Date that the gateway gave it', {}, 'date'],
    ['its Last-Modified', { Date: second(0), 'Last-Modified': second(0) }, 'last-modified'],
    ['its Last-Modified, there being no Date', { 'Last-Modified': second(0) }, 'last-modified'],
  ])('%s, is answered in full', async (_what, said, field) => {
    dates = said;
    const { headers, text } = await ask();
    expect(text).toBe('1');
    expect((await ask({ method: 'PUT', body: 'x' })).status).toBe(204);
    expect((await ask()).text).toBe('2');
    const again = await ask({ headers: { 'if-modified-since': String(headers[field]) } });
    expect([again.status, again.text]).toEqual([200, '2']);
    expect(String(again.headers['cache-status'])).toContain('unstale; hit');
  });

  test.each<[string, Record<string, string>, number, number]>([
    ['Last-Modified, a second before Date, is', { Date: second(0), 'Last-Modified': second(-1) }, -1, 304],
    ['a date after Last-Modified is', { Date: second(0), 'Last-Modified': second(0) }, 1, 304],
    ['a date before Last-Modified is not', { Date: second(0), 'Last-Modified': second(-1) }, -2, 200],
    // Of a server whose clock is ahead, or of the client's own.
    ['a date after Date, there being no Last-Modified, is not', { Date: second(0) }, 5, 200],
  ])('%s enough for a 304', async (_what, said, since, status) => {
    dates = said;
    await ask();
    expect((await ask({ headers: { 'if-modified-since': second(since) } })).status).toBe(status);
  });
});

test.each<[string, number, string | undefined]>([
  ['is not validated by it: an older one may bear the same', 0, undefined],
  ['is, once that second is over', -1, second(-1)],
])('a response made in the second of its Last-Modified %s', async (_what, modified, condition) => {
  dates = { Date: second(0), 'Last-Modified': second(modified), Age: '100' };
  await ask();
  await ask();
  const lines = origin.requests('GET /a').at(-1)?.rawHeaders ?? [];
  const at = lines.findIndex((name) => name.toLowerCase() === 'if-modified-since');
  expect(at < 0 ? undefined : lines[at + 1]).toBe(condition);
});
