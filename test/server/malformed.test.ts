import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import { gate } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { rawClient, rawExchange } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { answerForAMinute, every, gateway, origin, useOneScriptedRig } from '../support/scripted-rig.ts';

/*
 * Requests that two parties could read in two ways: 400 and a closed connection, and the origin sees nothing. Sent as
 * raw bytes, because no HTTP client would send them.
 */

useOneScriptedRig('server: { listen: "127.0.0.1:0", limits: { headers: 16KiB } }', () =>
  every((request, response) => {
    handled += 1;
    answerForAMinute(request, response);
  }),
);
let seenBefore: number;
/** Requests that the origin has received whole. */
let handled = 0;
let handledBefore: number;
beforeEach(() => {
  seenBefore = origin.seen.length;
  handledBefore = handled;
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
    ['a transfer coding that is none', `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
    ['identity as a transfer coding', `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n\r\n`, 400],
    ['a parameter of chunked', `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`, 400],
    [
      'a vertical tab behind chunked',
      `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\u000b\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'a transfer coding on two lines',
      `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['one length twice', `POST /a HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n\r\nx`, 400],
    ['a length in hexadecimal', `POST /a HTTP/1.1\r\n${host}Content-Length: 0x1\r\n\r\nx`, 400],
    ['a length below zero', `POST /a HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\nx`, 400],
    ['an empty length', `POST /a HTTP/1.1\r\n${host}Content-Length:\r\n\r\nx`, 400],
    ['a length that is too long', `POST /a HTTP/1.1\r\n${host}Content-Length: ${'9'.repeat(30)}\r\n\r\nx`, 400],
    ['a vertical tab in a value', `GET /a HTTP/1.1\r\n${host}X-Tenant: \u000bacme\r\n\r\n`, 400],
    ['a name with a blank', `GET /a HTTP/1.1\r\n${host}X-Forwarded-Host : evil\r\n\r\n`, 400],
    ['a Host with a comma', 'GET /a HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n', 400],
    ['a Host with a blank', 'GET /a HTTP/1.1\r\nHost: a.example b.example\r\n\r\n', 400],
    ['an asterisk', `GET * HTTP/1.1\r\n${host}\r\n`, 400],
    ['a loop', `GET /a HTTP/1.1\r\n${host}Via: ${Array(8).fill('1.1 unstale').join(',')}\r\n\r\n`, 508],
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

  test.each([
    ['read', 'GET /h2c', '', ''],
    ['conditional read', 'GET /h2c', 'If-Match: *\r\n', ''],
    ['write', 'POST /h2c', 'Content-Length: 4\r\n', 'body'],
  ])(
    'an upgrade to h2c is not taken up: the %s is answered, and the connection closes',
    async (_, line, field, body) => {
      const client = await rawClient(gateway.url);
      client.write(
        `${line} HTTP/1.1\r\n${host}${field}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n${body}`,
      );
      const answer = await client.answer();
      expect(answer.status).toBe(200);
      expect(origin.seen.at(-1)?.body.toString()).toBe(body);
      await client.ended();
      await client.close();
      const sent = origin.seen.at(-1)?.rawHeaders.map((text) => text.toLowerCase()) ?? [];
      expect(sent).not.toContain('upgrade');
      expect(sent).not.toContain('http2-settings');
    },
  );

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

const chunked = `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;
const post = (fields: string, body = ''): string => `POST /a HTTP/1.1\r\n${host}${fields}\r\n${body}`;

describe('framing that two parties could read in two ways', () => {
  test.each([
    ['a bare LF in a chunk extension', `${chunked}2;a\nab\r\n0\r\n\r\n`],
    ['a bare CR in a chunk extension', `${chunked}2;a\rX\r\nab\r\n0\r\n\r\n`],
    ['a bare LF behind a chunk size', `${chunked}2\nab\r\n0\r\n\r\n`],
    ['a bare LF behind a chunk', `${chunked}2\r\nab\n0\r\n\r\n`],
    ['a blank behind a chunk size', `${chunked}2 \r\nab\r\n0\r\n\r\n`],
    ['a prefixed chunk size', `${chunked}0x2\r\nab\r\n0\r\n\r\n`],
    ['a negative chunk size', `${chunked}-2\r\nab\r\n0\r\n\r\n`],
    ['a chunk size beyond 64 bits', `${chunked}10000000000000002\r\nab\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', `${chunked}2\r\nabc\r\n0\r\n\r\n`],
    ['an end by bare LFs', `${chunked}2\r\nab\r\n0\n\n`],
    ['a folded trailer', `${chunked}2\r\nab\r\n0\r\nX: a\r\n b\r\n\r\n`],
    ['a vertical tab before the coding', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')],
    ['the coding identity', post('Transfer-Encoding: identity\r\n')],
    ['two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n')],
    ['a quoted coding', post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n')],
    ['an empty coding', post('Transfer-Encoding:\r\n')],
    ['one length twice', post('Content-Length: 1\r\nContent-Length: 1\r\n', 'x')],
    ['a list of lengths', post('Content-Length: 1, 1\r\n', 'x')],
    ['an empty length', post('Content-Length:\r\n')],
    ['a negative length', post('Content-Length: -1\r\n')],
    ['a length beyond 64 bits', post('Content-Length: 99999999999999999999\r\n')],
    ['a hexadecimal length', post('Content-Length: 0x1\r\n', 'x')],
    ['a dot segment with parameters', `GET /pub/..;/users/me HTTP/1.1\r\n${host}\r\n`],
    ['an escaped one', `GET /pub/%2e%2e;x/users HTTP/1.1\r\n${host}\r\n`],
    ['an asterisk for a GET', `GET * HTTP/1.1\r\n${host}\r\n`],
    ['a TRACE with a body', `TRACE /a HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`],
  ])('%s: 400, the connection is closed, and nothing complete has reached the origin', async (_, bytes) => {
    const client = await rawClient(gateway.url);
    client.write(bytes);
    expect((await client.answer()).status).toBe(400);
    await client.ended();
    await client.close();
    expect(handled).toBe(handledBefore);
  });
});

describe('what comes behind a request that is still being answered', () => {
  test('a malformed one is refused behind the answer to the first, not in the middle of it', async () => {
    const slow = gate();
    origin.on('GET /slow', async (_, response) => {
      response.writeHead(200, { 'Content-Length': '8' }).write('half');
      await slow.pass();
      response.end('half');
    });
    const client = await rawClient(gateway.url);
    client.write(`GET /slow HTTP/1.1\r\n${host}\r\n`);
    await slow.arrived();
    client.write(`GET /b c HTTP/1.1\r\n${host}\r\n`);
    slow.release();
    expect((await client.answer()).body.toString()).toBe('halfhalf');
    expect((await client.answer()).status).toBe(400);
    await client.ended();
    await client.close();
  });

  test('one that is sent at once with it, too', async () => {
    const client = await rawClient(gateway.url);
    client.write(`GET /p HTTP/1.1\r\n${host}\r\nGET /b c HTTP/1.1\r\n${host}\r\n`);
    expect((await client.answer()).body.toString()).toBe('answer');
    expect((await client.answer()).status).toBe(400);
    await client.close();
  });
});

describe('asked of this server alone', () => {
  test.each([
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, 204],
    ['an OPTIONS that goes no further', `OPTIONS /a HTTP/1.1\r\n${host}Max-Forwards: 0\r\n\r\n`, 204],
    ['a CONNECT', 'CONNECT gateway.example:80 HTTP/1.1\r\nHost: gateway.example:80\r\n\r\n', 405],
  ])('%s', async (_, bytes, expected) => {
    const client = await rawClient(gateway.url);
    client.write(bytes);
    expect((await client.answer()).status).toBe(expected);
    await client.close();
    expect(origin.seen.length).toBe(seenBefore);
  });

  test('a TRACE that goes no further shows what came, but for secrets', async () => {
    const client = await rawClient(gateway.url);
    client.write(`TRACE /a?b HTTP/1.1\r\n${host}Cookie: s=1\r\nMax-Forwards: 0\r\nX: y\r\n\r\n`);
    const { status, body } = await client.answer();
    expect(status).toBe(200);
    expect(body.toString()).toBe(`TRACE /a?b HTTP/1.1\r\n${host}Max-Forwards: 0\r\nX: y\r\n\r\n`);
    await client.close();
    expect(origin.seen.length).toBe(seenBefore);
  });

  test('each gateway on the way counts down', async () => {
    await get(`${gateway.url}/a`, { method: 'OPTIONS', headers: { 'max-forwards': '3' } });
    const lines = origin.seen.at(-1)?.rawHeaders ?? [];
    expect(lines[lines.indexOf('Max-Forwards') + 1]).toBe('2');
  });
});

describe('connections that are handed over', () => {
  const handshake = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`;

  test.each([
    ['a CONNECT', 'CONNECT gateway.example:80 HTTP/1.1\r\nHost: gateway.example:80\r\n\r\n'],
    ['a handshake where events are', `GET /_unstale/events HTTP/1.1\r\n${host}${handshake}\r\n`],
    ['a handshake of a write', `DELETE /a HTTP/1.1\r\n${host}${handshake}\r\n`],
  ])('and broken off do no harm: %s', async (_, bytes) => {
    for (let i = 0; i < 10; i++) {
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(bytes);
      if (i % 2 === 0) await once(socket, 'data');
      socket.resetAndDestroy();
    }
    // An error without a listener ends the process, and this test with it.
    for (let i = 0; i < 10; i++) expect((await get(`${gateway.url}/a`)).status).toBe(200);
  });

  test('a handshake behind a request that is being answered is an ordinary request', async () => {
    const answers = await rawExchange(
      gateway.url,
      `GET /a HTTP/1.1\r\n${host}\r\nGET /a HTTP/1.1\r\n${host}${handshake}\r\n`,
      ['GET', 'GET'],
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });

  test('a handshake with a body is an ordinary request, and the body arrives', async () => {
    const [answer] = await rawExchange(
      gateway.url,
      `POST /a HTTP/1.1\r\n${host}${handshake}Content-Length: 4\r\n\r\nbody`,
      ['POST'],
    );
    expect(answer?.status).toBe(200);
    expect(origin.seen.at(-1)?.body.toString()).toBe('body');
  });

  test('a CONNECT behind a request is refused behind its answer', async () => {
    const slow = gate();
    origin.on('GET /slow2', async (_, response) => {
      response.writeHead(200, { 'Content-Length': '8' }).write('half');
      await slow.pass();
      response.end('half');
    });
    const client = await rawClient(gateway.url);
    client.write(
      `GET /slow2 HTTP/1.1\r\n${host}\r\nCONNECT gateway.example:80 HTTP/1.1\r\nHost: gateway.example:80\r\n\r\n`,
    );
    await slow.arrived();
    slow.release();
    expect((await client.answer()).body.toString()).toBe('halfhalf');
    expect((await client.answer()).status).toBe(405);
    await client.close();
  });
});
