import { HOST } from './differential.ts';

/** The configuration that the requests are for. */
export const configuration = `
credentialHeaders: [x-acme-key]
credentialParams: [key]
defaults: { cache: { ttl: 1h } }
routes:
  - { match: /off/**, cache: off }
  - { match: /user/:id, cache: { ttl: 1h, credentials: perUser, userKey: [authorization] } }
  - { match: /sorted/:id, cache: { ttl: 1h, key: { order: sort } } }
  - { match: /chosen/:id, cache: { ttl: 1h, key: { query: [a] } } }
  - { match: /keyed/:id, cache: { ttl: 1h, key: { headers: [x-tenant] } } }
  - { match: /deaf/:id, cache: { ttl: 1h, requestDirectives: ignore } }
  - { match: /text/:id, cache: { ttl: 1h }, client: { encode: [gzip] } }
  - { match: /cookies/:id, cache: { ttl: 1h, cookies: ignore } }
rules:
  - { name: child, on: PUT /child/:id, invalidate: ["/hit/{id}"] }
`;

export const targets = [
  '/hit/1',
  '/hit/1?a=b',
  '/hit/1?a=b&c=%20?/',
  '/hit/2',
  '/',
  '/hit/1?',
  '/hit//1',
  '/hit/1/',
  '/hit/%31',
  '/hit/../hit/1',
  '/hit/1?b="',
  '/vary/1',
  '/tagged/1',
  '/dated/1',
  '/large/1',
  '/gone/1',
  '/moved/1',
  '/empty/1',
  '/public/1',
  '/private/1',
  '/soon/1',
  '/odd/1',
  '/off/1',
  '/user/1',
  '/sorted/1?b=1&a=2',
  '/sorted/1?a=2&b=1',
  '/chosen/1?a=1',
  '/chosen/1?a=1&z=2',
  '/chosen/1',
  '/keyed/1',
  '/deaf/1',
  '/cookies/1',
  '/hit/1?key=secret',
  '/search/1?utm=2',
  '/_unstale/nothing',
] as const;

/** Of writes with a body of four octets. */
export const linesOfWrites = [
  ...['4', '04', '0', '3', '5', '+4', '-4', '4.0', '0x4', '4, 4', '4,4', '4 4', '00000000000000004'].map(
    (length) => `Content-Length: ${length}`,
  ),
  'content-length: 4',
  'X: no length',
  'Content-Length: 4\r\nContent-Length: 4',
  'Content-Length: 4\r\nContent-Length: 5',
  'Content-Length: 5\r\nContent-Length: 4',
  'Content-Length: 4\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: 4',
  'Content-Length: 4\r\nTransfer-Encoding: identity',
  'Content-Length: 4\r\nExpect: 100-continue',
  'Content-Length: 4\r\nConnection: content-length',
  'Content-Length: 4\r\nTE: trailers',
  'Content-Length: 4\r\nUpgrade: h2c',
  'Content-Length: 4\r\nIf-Match: "v1"',
  'Content-Length: 4\r\nRange: bytes=0-1',
  'Content-Length: 4\r\nContent-Type: application/json',
  'Content-Length: 4\r\nContent-Encoding: gzip',
  'Content-Length: 4\r\nCookie: a=b',
  'Content-Length: 4\r\nX-HTTP-Method-Override: DELETE',
  'Content-Length: 4\r\nUnstale-Client: me',
];

export const lines = [
  'Accept: */*',
  'User-Agent: test',
  'Connection: keep-alive',
  'connection: Keep-Alive',
  'Connection: accept-language',
  'Connection: keep-alive, accept-language',
  'Accept-Language: en',
  'Accept-Language: de',
  'Accept-Encoding: gzip',
  'Accept-Encoding: br;q=1.0, gzip;q=0.5',
  'If-None-Match: "v1"',
  'If-None-Match: W/"v1"',
  'If-None-Match: "v0", "v1"',
  'If-None-Match: *',
  'If-None-Match: v1',
  'If-Modified-Since: Sat, 01 Jan 2022 00:00:00 GMT',
  'If-Modified-Since: Fri, 01 Jan 2021 00:00:00 GMT',
  'If-Match: "v1"',
  'If-Unmodified-Since: Fri, 01 Jan 2021 00:00:00 GMT',
  'Range: bytes=0-3',
  'If-Range: "v1"',
  'Cache-Control: no-cache',
  'Cache-Control: max-age=0',
  'Cache-Control: max-stale',
  'Cache-Control: only-if-cached',
  'Cache-Control: no-store',
  'Pragma: no-cache',
  'Authorization: Bearer x',
  'Cookie: a=b',
  'Cookie: _ga=1',
  'Cookie: _ga=1; session=2',
  'X-Acme-Key: x',
  'X_Acme_Key: x',
  'X-Tenant: t',
  'Via: 1.1 other',
  'Via: 1.1 unstale',
  `Via: ${Array(8).fill('1.1 unstale').join(', ')}`,
  'X-Forwarded-For: 192.0.2.1',
  'X-Forwarded-Host: other.example',
  'X-Forwarded-Proto: https',
  'Forwarded: for=192.0.2.7;host=b.example',
  'Unstale-Min-Position: 1_URarKa-6',
  'Content-Length: 0',
  'TE: trailers',
  'Expect: 100-continue',
  'Upgrade: h2c',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: close',
  'HTTP2-Settings: AAMAAABk',
  'Host: a.example',
  'Host: b.example',
  'X-Empty:',
  'X-Tab: a\tb',
  'X-Wide: caf\u00e9',
  'X-Tight:1',
  'X-Loose:   1  ',
] as const;

/** What is no request, or one that two parsers could read in two ways. */
export const oddities = [
  ' folded\r\n',
  'X: a\r\n b\r\n',
  'X : 1\r\n',
  'X: a\nY: b\r\n',
  'X: a\rY: b\r\n',
  'X: \u0000\r\n',
  'X: \u007f\r\n',
  ': 1\r\n',
  'no colon\r\n',
  'Content-Length: 5\r\nContent-Length: 6\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: 50\r\n',
  'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  '\r\n',
  '\n',
] as const;

export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly string[];
  readonly body?: string | undefined;
}

/** A request as text; with a body, framed by its length. */
export function text({ method, target, lines: fields, body }: Asked): string {
  const all = [`Host: ${HOST}`, ...fields, ...(body === undefined ? [] : [`Content-Length: ${body.length}`])];
  return `${method} ${target} HTTP/1.1\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${body ?? ''}`;
}

/** A chunked upload. */
export function chunked(target: string, body: string): string {
  const fields = `Host: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  return `PUT ${target} HTTP/1.1\r\n${fields}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}
