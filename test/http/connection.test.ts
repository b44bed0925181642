import { describe, expect, test } from 'vitest';
import { endToEnd, forwardedFields, isLoop, MAX_HOPS } from '../../src/http/connection.ts';

describe('RFC 9110 §7.6.1: fields of one connection', () => {
  test.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'Proxy-Authorization',
    'Trailer',
  ])('%s goes no further', (name) => {
    expect(endToEnd(['A', '1', name, 'close', 'B', '2'])).toEqual(['A', '1', 'B', '2']);
  });

  test.each<[string, string[], string[]]>([
    ['what Connection lists', ['Connection', 'a, B', 'A', '1', 'b', '2', 'c', '3'], ['c', '3']],
    ['on several lines', ['Connection', 'a', 'A', '1', 'connection', 'c', 'B', '2', 'C', '3'], ['B', '2']],
    ['every line of it', ['X', '1', 'x', '2', 'Connection', 'X'], []],
    ['not what is no name', ['Connection', 'a b, "c"', 'a', '1', 'c', '2'], ['a', '1', 'c', '2']],
    ['not what is named elsewhere', ['X-Connection', 'a', 'a', '1'], ['X-Connection', 'a', 'a', '1']],
  ])('nor does %s', (_, lines, expected) => {
    expect(endToEnd(lines)).toEqual(expected);
  });

  test('everything else is as it came', () => {
    const lines = ['hOST', 'a', 'Set-Cookie', 'a=b', 'Set-Cookie', 'c=d', 'Accept', ''];
    expect(endToEnd(lines)).toEqual(lines);
  });
});

describe('what is for all recipients cannot be listed away', () => {
  test.each([
    ['a request becomes one without credentials', 'Authorization'],
    ['and is cached for everyone', 'Cookie'],
    ['a request goes to another host', 'Host'],
    ['the framing is lost', 'Content-Length'],
    ['a body is taken for another kind', 'Content-Type'],
    ['a write loses its precondition', 'If-Match'],
    ['an internal address is believed', 'X-Forwarded-For'],
    ['and the same', 'Forwarded'],
    ['and the same', 'X-Real-IP'],
    ['a loop is not seen', 'Via'],
    ['a prohibition is lost', 'Cache-Control'],
    ['and the same', 'CDN-Cache-Control'],
    ['a variant is served to all', 'Vary'],
    ['a cookie is stored unseen', 'Set-Cookie'],
    ['and the same', 'Set-Cookie2'],
    ['an answer leads elsewhere', 'Location'],
    ['a challenge is lost', 'WWW-Authenticate'],
    ['a validator is lost', 'ETag'],
    ['and the same', 'Last-Modified'],
    ['a lifetime is lost', 'Expires'],
    ['and the same', 'Pragma'],
    ['and the same', 'Surrogate-Control'],
    ['a part is taken for the whole', 'Range'],
    ['queries are told apart, or are not', 'No-Vary-Search'],
    ['a cross-origin permission is lost', 'Access-Control-Allow-Origin'],
    ['an old response is young', 'Age'],
    ['and the same', 'Date'],
    ['a tag is lost', 'Surrogate-Key'],
    ['and the same', 'Cache-Tag'],
    ['and the same', 'Edge-Cache-Tag'],
    ['and the same', 'xkey'],
    ['a cross-site check is lost', 'Origin'],
    ['and the same', 'Sec-Fetch-Site'],
  ])('or else %s: %s', (_, name) => {
    expect(endToEnd(['Connection', `close, ${name}`, name, 'x'])).toEqual([name, 'x']);
    expect(endToEnd(['Connection', name.toLowerCase(), name, 'x'])).toEqual([name, 'x']);
  });
});

describe('the lines that are sent on', () => {
  const received = { peer: '10.0.0.9', trusted: false, scheme: 'http', host: 'example.test:8080' } as const;

  test('tell of this gateway and its peer', () => {
    const lines = ['Host', 'example.test:8080', 'Accept', '*/*', 'Connection', 'keep-alive, x', 'X', '1'];
    expect(forwardedFields(lines, received)).toEqual([
      ...['Host', 'example.test:8080', 'Accept', '*/*'],
      ...['X-Forwarded-For', '10.0.0.9'],
      ...['X-Forwarded-Host', 'example.test:8080'],
      ...['X-Forwarded-Proto', 'http'],
      ...['Forwarded', 'for=10.0.0.9;host="example.test:8080";proto=http'],
      ...['Via', '1.1 unstale'],
    ]);
  });

  test('keep the Via of those before (RFC 9110 §7.6.3)', () => {
    const sent = forwardedFields(['Via', '1.0 fred', 'via', '1.1 p.example'], received);
    expect(sent.slice(0, 4)).toEqual(['Via', '1.0 fred', 'via', '1.1 p.example']);
    expect(sent.slice(-2)).toEqual(['Via', '1.1 unstale']);
  });

  test.each([
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Forwarded-Prefix',
    'X-Forwarded-User',
    'X-Real-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'Client-IP',
    'Fastly-Client-IP',
    'X-Client-IP',
    'X-Cluster-Client-IP',
  ])('hold no %s of a client', (name) => {
    expect(forwardedFields([name, '6.6.6.6'], received)).toEqual(forwardedFields([], received));
  });

  test.each(['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto'])(
    'hold one line of %s, even if the client sent one',
    (name) => {
      const sent = forwardedFields([name, 'host=a', name.toLowerCase(), 'host=b'], { ...received, trusted: true });
      expect(sent.filter((line) => line.toLowerCase() === name.toLowerCase())).toHaveLength(1);
    },
  );

  test('hold them of a trusted proxy, and continue its chain', () => {
    const lines = ['X-Forwarded-For', '1.2.3.4', 'X-Real-IP', '1.2.3.4', 'X-Forwarded-Port', '443'];
    const sent = forwardedFields(lines, { ...received, trusted: true });
    expect(sent.slice(0, 6)).toEqual([
      'X-Real-IP',
      '1.2.3.4',
      'X-Forwarded-Port',
      '443',
      'X-Forwarded-For',
      '1.2.3.4, 10.0.0.9',
    ]);
  });
});

describe('RFC 9110 §7.6.3: loops', () => {
  const through = (times: number): string[] => ['Via', Array.from({ length: times }, () => '1.1 unstale').join(', ')];
  test.each<[string, string[], boolean]>([
    ['no Via', [], false],
    ['one gateway of this name before', through(1), false],
    ['fewer than the bound', through(MAX_HOPS - 1), false],
    ['the bound', through(MAX_HOPS), true],
    ['the bound, on several lines', [...through(MAX_HOPS - 1), 'via', '2.0 UNSTALE, HTTP/1.1 unstale (comment)'], true],
    ['other fields that look like it', ['X-Via', through(MAX_HOPS)[1] ?? ''], false],
    ['others', ['Via', Array.from({ length: 50 }, () => '1.1 varnish').join(', ')], false],
    ['this very gateway', ['Via', '1.0 a, 1.1 unstale (me), 1.1 b'], true],
    ['what is said of others', ['Via', '1.1 unstale (you), 1.1 varnish (me)'], false],
  ])('%s: %s', (_, lines, expected) => {
    expect(isLoop(lines, 'me')).toBe(expected);
  });
});
