import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { rawClient, rawExchange } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/*
 * Requests that two parties could read in two ways: 400 and a closed connection, and the origin sees nothing. Sent as raw
 * bytes, because no HTTP client would send them.
 */

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeAll(async () => {
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    (_request, response) => {
      response.setHeader('Cache-Control', 'max-age=60');
      response.end('answer');
    },
  );
  gateway = await startGateway(origin.url, 'server: { listen: "127.0.0.1:0", limits: { headers: 16KiB } }');
});
afterAll(async () => {
  await gateway.stop();
  await origin.close();
});
let seenBefore: number;
beforeEach(() => {
  seenBefore = origin.seen.length;
});

const host = 'Host: gateway.example\r\n';

describe('refused', () => {
  test.each([
    ['no Host', 'GET /a HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', `GET /a HTTP/1.1\r\n${host}${host}\r\n`, 400],
    ['a Host that is none', 'GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
    ['a Host with user information', 'GET /a HTTP/1.1\r\nHost: user@gateway.example\r\n\r\n', 400],
    ['an absolute target of another host', `GET http://other.example/a HTTP/1.1\r\n${host}\r\n`, 400],
    ['a target of another scheme', `GET ftp://gateway.example/a HTTP/1.1\r\n${host}\r\n`, 400],
    ['a backslash', `GET /a\\b HTTP/1.1\r\n${host}\r\n`, 400],
    ['a fragment', `GET /a#b HTTP/1.1\r\n${host}\r\n`, 400],
    ['an octet beyond ASCII', `GET /caf\u00e9 HTTP/1.1\r\n${host}\r\n`, 400],
    ['an escaped NUL', `GET /a%00 HTTP/1.1\r\n${host}\r\n`, 400],
    ['dots behind an escaped slash', `GET /a/..%2fb HTTP/1.1\r\n${host}\r\n`, 400],
    ['a malformed escape', `GET /%zz HTTP/1.1\r\n${host}\r\n`, 400],
    ['a target that is too long', `GET /${'a'.repeat(9_000)} HTTP/1.1\r\n${host}\r\n`, 414],
    ['a header that is too long', `GET /a HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['a flood of headers', `GET /a HTTP/1.1\r\n${host}${'name: value\r\n'.repeat(4_000)}\r\n`, 431],
    [
      'a length and a transfer coding',
      `POST /a HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['two lengths', `POST /a HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`, 400],
    ['a length that is no number', `POST /a HTTP/1.1\r\n${host}Content-Length: +1\r\n\r\nx`, 400],
    ['a transfer coding with HTTP/1.0', `POST /a HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['another transfer coding', `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a transfer coding twice', `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a blank before the colon', `GET /a HTTP/1.1\r\n${host}X : b\r\n\r\n`, 400],
    ['a folded line', `GET /a HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 400],
    ['a control character in a value', `GET /a HTTP/1.1\r\n${host}X: a\u0000b\r\n\r\n`, 400],
    ['a line that ends in LF alone', `GET /a HTTP/1.1\r\nHost: gateway.example\nX: b\r\n\r\n`, 400],
    ['a line that ends in CR alone', `GET /a HTTP/1.1\r\nHost: gateway.example\rX: b\r\n\r\n`, 400],
    ['a request line that ends in LF alone', `GET /a HTTP/1.1\n${host}\r\n`, 400],
    ['a blank line within the head', `GET /a HTTP/1.1\r\n${host} \r\nX: b\r\n\r\n`, 400],
    ['a chunk size that is no number', `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400],
    [
      'a length and a transfer coding',
      `POST /a HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['a version from the future', `GET /a HTTP/2.0\r\n${host}\r\n`, 400],
    ['a version that is none', `GET /a HTTP/9.9\r\n${host}\r\n`, 400],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    [
      'an expectation that nobody meets',
      `POST /a HTTP/1.1\r\n${host}Expect: miracles\r\nContent-Length: 0\r\n\r\n`,
      417,
    ],
  ])('%s', async (_what, bytes, status) => {
    const client = await rawClient(gateway.url);
    client.write(bytes);
    const answer = await client.answer();
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    const problem = JSON.parse(answer.body.toString()) as { type: string; status: number; title: string };
    expect(problem).toMatchObject({ status, type: expect.stringMatching(/^urn:unstale:problem:[a-z-]+$/) });
    await client.ended();
    await client.close();
    expect(origin.seen.length, 'the origin saw nothing').toBe(seenBefore);
  });

  test('a Content-Length behind thousands of header lines is not hidden', async () => {
    // Within the bound on bytes, beyond the 2,000 lines that Node keeps by default.
    const wide = await startGateway(origin.url, 'server: { listen: "127.0.0.1:0", limits: { headers: 64KiB } }');
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: gateway.example\r\n\r\n';
    const bytes = `GET /a HTTP/1.1\r\n${host}${'a: b\r\n'.repeat(2_500)}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`;
    // Hidden, it would be a GET without a body: stored, for everybody.
    const [answer] = await rawExchange(wide.url, bytes);
    expect(answer?.headers['cache-status']).toContain('fwd=bypass');
    await wide.stop();
    expect(origin.seen.some(({ url }) => url.includes('smuggled'))).toBe(false);
  });
});

describe('re-framed', () => {
  test('chunk extensions and trailers of an upload do not reach the origin', async () => {
    const bytes = `POST /up HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2;evil=1\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: 7\r\n\r\n`;
    const [answer] = await rawExchange(gateway.url, bytes, ['POST']);
    expect(answer?.status).toBe(200);
    const seen = origin.requests('POST /up').at(-1);
    expect(seen?.body.toString()).toBe('abc');
    expect(seen?.rawHeaders.join('\n')).not.toMatch(/evil|x-sum/i);
  });
});

describe('served', () => {
  test('an absolute target of the same host', async () => {
    const [answer] = await rawExchange(gateway.url, `GET http://gateway.example/same HTTP/1.1\r\n${host}\r\n`);
    expect(answer?.status).toBe(200);
    expect(origin.seen.at(-1)?.url).toBe('/same');
  });

  test('several requests in one piece, in their order', async () => {
    const one = (path: string): string => `GET ${path} HTTP/1.1\r\n${host}\r\n`;
    await rawExchange(gateway.url, one('/hit'));
    const answers = await rawExchange(gateway.url, one('/hit') + one('/cold') + one('/hit'), ['GET', 'GET', 'GET']);
    const statuses = answers.map(({ headers }) => String(headers['cache-status']).split(';')[1]?.trim());
    expect(statuses).toEqual(['hit', 'fwd=uri-miss', 'hit']);
  });

  test('HTTP/1.0, on a connection that closes', async () => {
    const client = await rawClient(gateway.url);
    client.write(`GET /old HTTP/1.0\r\n${host}\r\n`);
    const answer = await client.answer();
    expect(answer.body.toString()).toBe('answer');
    await client.ended();
    await client.close();
  });

  test('an upgrade to h2c is not taken up: the read is answered, and the connection closes', async () => {
    const client = await rawClient(gateway.url);
    client.write(
      `GET /h2c HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    );
    const answer = await client.answer();
    expect(answer.status).toBe(200);
    await client.ended();
    await client.close();
    const sent = origin.seen.at(-1)?.rawHeaders.map((text) => text.toLowerCase()) ?? [];
    expect(sent).not.toContain('upgrade');
    expect(sent).not.toContain('http2-settings');
  });

  test('a body with an expectation of 100', async () => {
    const client = await rawClient(gateway.url);
    client.write(`POST /a HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
    client.write('body');
    const answer = await client.answer();
    expect(answer.status).toBe(200);
    expect(origin.seen.at(-1)?.body.toString()).toBe('body');
    await client.close();
  });

  test('a GET with a body is forwarded with it, and neither stored nor answered from the store', async () => {
    await get(`${gateway.url}/fat`);
    for (let i = 0; i < 2; i++) {
      const answer = await get(`${gateway.url}/fat`, { body: 'q' });
      expect(answer.headers['cache-status']).toBe('unstale; fwd=bypass; fwd-status=200');
      expect(origin.seen.at(-1)?.body.toString()).toBe('q');
    }
  });

  test.each(['OPTIONS', 'PROPFIND'])('%s passes through', async (method) => {
    const answer = await get(`${gateway.url}/other`, { method });
    expect(answer.status).toBe(200);
    expect(origin.seen.at(-1)?.method).toBe(method);
    expect(gateway.logs.some((line) => line.msg === 'write' && line.method === method)).toBe(false);
  });

  test.each(['M-SEARCH', 'PURGE', 'MKCOL'])('%s is a write', async (method) => {
    await get(`${gateway.url}/written-${method}`);
    await get(`${gateway.url}/written-${method}`, { method });
    expect((await get(`${gateway.url}/written-${method}`)).headers['cache-status']).toContain('fwd=uri-miss');
  });
});
