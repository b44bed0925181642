import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/* RFC 9111 §4.3.4, §4.3.5: what answers to validations and to HEAD do to stored responses. */

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeEach(async () => {
  origin = await scriptedOrigin();
  gateway = await startGateway(
    origin.url,
    'defaults: { client: { etag: origin } }\nrules: [{ name: r, on: POST /hit, invalidate: [{ tag: two }] }]',
  );
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});
const ask = (path: string, options: RequestOptions = {}): Promise<Answer> => get(`${gateway.url}${path}`, options);
const isHit = (answer: Answer): boolean => String(answer.headers['cache-status']).startsWith('unstale; hit');

/** Stale as soon as it is stored; time need not pass. */
const old = { 'Cache-Control': 'max-age=60', Age: '100' };
const fresh = { 'Cache-Control': 'max-age=60' };

describe('a 200 to HEAD', () => {
  test.each([
    ['with the same validator freshens', { ETag: '"a"', ...fresh, 'X-New': '1' }, true],
    ['without validators freshens', { ...fresh, 'X-New': '1' }, true],
    ['with another validator does not', { ETag: '"b"', ...fresh }, false],
    ['of another length does not', { ETag: '"a"', ...fresh, 'Content-Length': '5' }, false],
    ['that may not be stored does not', { ETag: '"a"', 'Cache-Control': 'no-store' }, false],
  ])('%s', async (_what, headers, expected) => {
    origin.on('GET /a', (_request, response) => void response.writeHead(200, { ETag: '"a"', ...old }).end('body'));
    origin.on('HEAD /a', (_request, response) => void response.writeHead(200, headers).end());
    await ask('/a');
    expect(isHit(await ask('/a', { method: 'HEAD' }))).toBe(false);
    const again = await ask('/a');
    expect(isHit(again)).toBe(expected);
    expect(again.text).toBe('body');
    if ('X-New' in headers) expect(again.headers['x-new']).toBe('1');
  });

  test('that differs leaves nothing to be validated or served stale', async () => {
    origin.on('GET /a', (_request, response) => void response.writeHead(200, { ETag: '"a"', ...old }).end('body'));
    origin.on('HEAD /a', (_request, response) => void response.writeHead(200, { ETag: '"b"', ...fresh }).end());
    await ask('/a');
    await ask('/a', { method: 'HEAD' });
    await ask('/a');
    expect(
      origin
        .requests('GET /a')
        .at(-1)
        ?.rawHeaders.map((name) => name.toLowerCase()),
    ).not.toContain('if-none-match');
  });
});

test('a 304 that names fewer tags takes none of the others back', async () => {
  origin.on('GET /a', (request, response) => {
    if (request.headers['if-none-match'] === undefined) {
      response.writeHead(200, { ETag: '"a"', ...old, 'Surrogate-Key': 'one two' }).end('body');
    } else {
      response.writeHead(304, { ETag: '"a"', ...fresh, 'Surrogate-Key': 'one' }).end();
    }
  });
  origin.on('POST /hit', (_request, response) => void response.writeHead(204).end());
  await ask('/a');
  await ask('/a');
  expect(isHit(await ask('/a'))).toBe(true);
  await ask('/hit', { method: 'POST', body: 'x' });
  expect(isHit(await ask('/a'))).toBe(false);
});
