import { describe, expect, test } from 'vitest';
import { Framing } from '../../src/server/framing.ts';

const HEAD = 'Host: a.example\r\n';
const MAX_HEAD = 4_096;
const framed = (...pieces: string[]): Framing => {
  const framing = new Framing(MAX_HEAD);
  for (const piece of pieces) framing.receive(Buffer.from(piece, 'latin1'));
  return framing;
};
const GET = `GET /a HTTP/1.1\r\n${HEAD}\r\n`;

describe('between two requests', () => {
  test.each<[string, string, number]>([
    ['nothing', '', 0],
    ['a request', GET, 1],
    ['several', GET.repeat(3), 3],
    ['a body', `PUT /a HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\nabc`, 1],
    ['an empty body', `PUT /a HTTP/1.1\r\n${HEAD}content-length:0 \r\n\r\n`, 1],
    [
      'a body that looks like requests',
      `PUT /a HTTP/1.1\r\n${HEAD}Content-Length: ${GET.length}\r\n\r\n${GET}${GET}`,
      2,
    ],
    [
      'chunks',
      `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0A\r\n0123456789\r\n0\r\n\r\n`,
      1,
    ],
    ['octets beyond ASCII', `GET /a HTTP/1.1\r\n${HEAD}X: caf\u00e9\r\nY:\r\n\r\n`, 1],
  ])('%s, cut anywhere', (_, bytes, requests) => {
    for (let at = 0; at <= bytes.length; at++) {
      const framing = framed(bytes.slice(0, at), bytes.slice(at));
      expect([framing.isBetween, framing.begun]).toEqual([true, requests]);
    }
  });
});

describe('within a request', () => {
  test.each([
    ['a head', GET.slice(0, -1)],
    ['a head that is complete but for its last line', `${GET.slice(0, -2)}X: ${GET.slice(0, -2)}`],
    ['a body', `PUT /a HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\nab`],
    ['the size of a chunk', `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1`],
    ['a chunk', `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na`],
    ['the end of chunks', `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n`],
  ])('%s', (_, bytes) => {
    expect(framed(bytes).isBetween).toBe(false);
  });
});

describe('is lost for good', () => {
  test.each([
    ['a line that ends in LF alone', `GET /a HTTP/1.1\r\n${HEAD}X: a\nY: b\r\n\r\n`],
    ['a line that ends in CR alone', `GET /a HTTP/1.1\r\n${HEAD}X: a\rY: b\r\n\r\n`],
    ['a folded line', `GET /a HTTP/1.1\r\n${HEAD}X: a\r\n b\r\n\r\n`],
    ['a blank before the colon', `GET /a HTTP/1.1\r\n${HEAD}Content-Length : 3\r\n\r\n`],
    ['no fields', 'GET /a HTTP/1.1\r\n\r\n'],
    ['another version', `GET /a HTTP/1.0\r\n${HEAD}\r\n`],
    ['an empty line ahead', `\r\n${GET}`],
    ['two lengths', `PUT /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n${HEAD}\r\nx`],
    ['two lengths apart', `PUT /a HTTP/1.1\r\nContent-Length: 1\r\n${HEAD}Content-Length: 1\r\n\r\nx`],
    [
      'a length and a coding',
      `PUT /a HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a length with a sign', `PUT /a HTTP/1.1\r\n${HEAD}Content-Length: +1\r\n\r\nx`],
    ['an empty length', `PUT /a HTTP/1.1\r\n${HEAD}Content-Length:\r\n\r\nx`],
    ['another coding', `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['an extension of a chunk', `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n`],
    ['a size with many zeros', `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0000000000\r\n\r\n`],
    ['trailers', `PUT /a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n`],
    ['an upgrade', `GET /a HTTP/1.1\r\n${HEAD}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`],
    ['a tunnel', `CONNECT a:1 HTTP/1.1\r\n${HEAD}\r\n`],
    ['no HTTP', 'hello\r\n\r\n'],
    ['a head that is too long', `GET /a HTTP/1.1\r\n${HEAD}X: ${'x'.repeat(MAX_HEAD)}\r\n\r\n`],
  ])('%s', (_, bytes) => {
    expect(framed(bytes, GET, GET).isBetween).toBe(false);
  });

  test('a head in very many pieces', () => {
    expect(framed(...GET, GET).isBetween).toBe(false);
  });
});
