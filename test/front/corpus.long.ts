import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { isCi } from '../support/budget.ts';
import { newHost, type Pair, pair, type Script } from './differential.ts';
import { chunked, configuration, lines, linesOfWrites, oddities, targets, text } from './requests.ts';

/*
 * With the front and without it, the same bytes get the same answers, in the same order, and the same lines of the log.
 * Each row is played behind requests that have stored what there is to store, and before one that is a hit.
 */

let gateways: Pair;
beforeAll(async () => {
  gateways = await pair(configuration);
});
afterAll(() => gateways.close());

const get = (target: string, ...fields: string[]): string => text({ method: 'GET', target, lines: fields });
const head = (target: string, ...fields: string[]): string => text({ method: 'HEAD', target, lines: fields });
const put = (target: string, body: string): string => text({ method: 'PUT', target, lines: [], body });
const HIT = get('/hit/1');

const same = async (...scripts: Script[]): Promise<void> => {
  const { on, off } = await gateways.play(scripts);
  expect(on.sent).toEqual(off.sent);
  expect(on.logs).toEqual(off.logs);
};
/** One request behind the other. */
const inTurn = (requests: readonly string[]): Script =>
  requests.map((bytes, i) => ({
    bytes,
    behind: requests.slice(0, i).map((request) => request.split(' ', 1)[0] as string),
  }));
/** Whatever has been answered. */
const atOnce = (...requests: readonly string[]): Script => requests.map((bytes) => ({ bytes }));
const STORED = inTurn([get('/hit/1'), get('/hit/2')]);

test.each(targets)('%s', (target) =>
  same(inTurn([get(target), get(target), head(target), HIT, get(target)]), inTurn([get(target), head(target)])),
);

/** Which of the resources a field is about, besides those that any field may spoil. */
const about: [RegExp, string][] = [
  [/^Connection: |^Accept-Language/, '/vary/1'],
  [/^If-(?:None-)?Match|^If-Range|^Range/, '/tagged/1'],
  [/^Authorization|^Cookie|^X.Acme-Key/, '/public/1'],
  [/^Cache-Control|^Pragma/, '/deaf/1'],
  [/^If-(?:Un)?[Mm]odified-Since/, '/dated/1'],
];
const others = about.map(([, target]) => target);
/** Without CI: what is always a hit, what the field is about, and else one of the others in turn. */
function askedWith(line: string, i: number): readonly string[] {
  if (isCi) return ['/hit/1', ...others];
  const concerned = about.filter(([field]) => field.test(line)).map(([, target]) => target);
  return ['/hit/1', ...(concerned.length > 0 ? concerned : others.slice(i % others.length).slice(0, 1))];
}

describe('a request with', () => {
  test.each(lines.map((line, i) => [line, askedWith(line, i)] as const))('%s', (line, asked) => {
    const fields = ['Accept: */*', line];
    return same(
      STORED,
      ...asked.map((target) => inTurn([get(target), get(target, line), get(target, ...fields), get(target)])),
      ...asked.map((target) => inTurn([head(target, line), HIT])),
    );
  });

  test.each(oddities)('%j', (odd) => {
    const bytes = HIT.replace('Host', `${odd}Host`);
    const behind = HIT.replace(/\r\n$/, `${odd}\r\n`);
    return same(
      STORED,
      atOnce(HIT, bytes, HIT),
      atOnce(HIT, behind, HIT),
      atOnce(HIT + bytes + HIT),
      atOnce(odd + HIT, HIT),
    );
  });
});

// Without CI: one method.
describe.each(['PUT', ...(isCi ? ['POST', 'PATCH', 'DELETE'] : [])])('a %s with', (method) => {
  test.each(linesOfWrites)('%s', (line) => {
    const bytes = (path: string): string => `${method} ${path} HTTP/1.1\r\nHost: a.example\r\n${line}\r\n\r\nbody`;
    return same(STORED, ...['/child/1', '/hit/1', '/off/1'].map((path) => atOnce(HIT, bytes(path), HIT)));
  });
});

test('what a trusted proxy forwards is another site, and the same one from both', async () => {
  const trusting = await pair(configuration, ', trustedProxies: [127.0.0.1]');
  const forwarded = [
    ['X-Forwarded-For: 192.0.2.1'],
    ['X-Forwarded-Host: other.example'],
    ['X-Forwarded-Proto: https'],
    ['X-Forwarded-Proto: https', 'X-Forwarded-Host: other.example'],
    ['Forwarded: for=192.0.2.7;host=b.example;proto=https'],
    ['Forwarded: nonsense'],
  ];
  const asked = forwarded.flatMap((fields) => [get('/hit/1', ...fields), get('/hit/1', ...fields)]);
  const { on, off } = await trusting.play([STORED, inTurn(asked), inTurn(asked)]);
  await trusting.close();
  expect(on).toEqual(off);
});

test('a body that is compressed behind the first answer', async () => {
  const host = newHost();
  const play = (...requests: string[]) => gateways.play([inTurn(requests)], host);
  const coded = get('/text/1', 'Accept-Encoding: gzip');
  const isCoded = async (): Promise<boolean> => {
    const { on, off } = await play(coded);
    return [on, off].every(({ sent }) => sent[0]?.includes('Content-Encoding: gzip'));
  };
  await until(isCoded);
  const etag = /^ETag: (.*)$/m.exec((await play(coded)).on.sent[0] ?? '')?.[1];
  const accepts = ['gzip', 'br, gzip', 'br', 'gzip;q=0', 'identity'].map((value) => `Accept-Encoding: ${value}`);
  const asked = accepts.flatMap((line) => [[line], [line, `If-None-Match: ${etag}`]]);
  const { on, off } = await play(get('/text/1'), coded, ...asked.map((fields) => get('/text/1', ...fields)), coded);
  expect(on).toEqual(off);
});

/** A request that one part of the gateway could see where another sees a part of the request before it. */
const SMUGGLED = get('/hit/2');
describe('in one connection:', () => {
  test.each<[string, string[]]>([
    ['several requests in one piece', [HIT + HIT + head('/hit/1') + HIT]],
    ['a hit and half a request', [`${HIT}GET /hit/1 HT`, 'TP/1.1\r\nHost: a.example\r\n\r\n']],
    ['a request and half a head that requests complete', [`${HIT}GET /miss/3 HTTP/1.1\r\nX: `, HIT, HIT]],
    [
      'a difference in queries that has come not to matter',
      [get('/search/1?utm=1'), get('/search/1?utm=2'), get('/search/1?utm=1'), get('/search/1?utm=3')],
    ],
    ['half a head that a request completes', ['GET /miss/1 HTTP/1.1\r\nHost: a.example\r\nX: ', HIT, HIT]],
    ['a line that a request completes', ['GET /miss/2 HTTP/1.1\r\nX:', HIT]],
    ['a body that is a request', [text({ method: 'PUT', target: '/child/9', lines: [], body: SMUGGLED }), HIT]],
    [
      'a body that is a request, apart',
      [`PUT /child/9 HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`, SMUGGLED, HIT],
    ],
    [
      'a body of a GET that is a request',
      [`GET /hit/1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`, SMUGGLED, HIT],
    ],
    ['a chunk that is a request', [chunked('/child/9', SMUGGLED), HIT]],
    [
      'a chunk that is a request, apart',
      [
        `PUT /child/9 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n`,
        SMUGGLED,
        '\r\n0\r\n',
        '\r\n',
        HIT,
      ],
    ],
    [
      'trailers that are a request',
      ['PUT /child/9 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ', SMUGGLED, HIT],
    ],
    [
      'a chunk extension',
      [
        'PUT /child/9 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n',
        HIT,
        HIT,
      ],
    ],
    ['a write and what it drops', [HIT, put('/child/1', 'x'), HIT, HIT]],
    ['a write of the resource itself', [HIT, put('/hit/1', 'x'), HIT, HIT, head('/hit/1')]],
    ['a chunked write', [HIT, chunked('/hit/1', 'x'), HIT, HIT]],
    ['what passes through', [HIT, get('/off/1'), HIT, get('/off/1'), HIT]],
    ['an empty line ahead of a request', [`\r\n${HIT}`, HIT]],
    ['empty lines behind a request', [`${HIT}\r\n\r\n`, HIT]],
    ['a malformed request behind a hit', [HIT, 'hello\r\n\r\n', HIT]],
    ['another version', [HIT, HIT.replace('HTTP/1.1', 'HTTP/1.0'), HIT]],
    ['an absolute target', [HIT, HIT.replace('/hit/1', 'http://a.example/hit/1'), HIT]],
    ['a name in other letters', [HIT, HIT.replace('a.example', 'A.Example'), HIT.replace('a.example', 'b.example')]],
    ['a method in other letters', [HIT, HIT.replace('GET', 'get'), HIT]],
    ['a long head', [HIT, get('/hit/1', `X: ${'x'.repeat(9_000)}`), HIT]],
    ['a head that is too long', [HIT, get('/hit/1', `X: ${'x'.repeat(40_000)}`), HIT]],
    ['a long target', [HIT, get(`/hit/${'x'.repeat(7_000)}`), HIT, get(`/hit/${'x'.repeat(9_000)}`)]],
    ['an event stream', [HIT, get('/_unstale/events'), HIT]],
    ['no Host', [HIT, 'GET /hit/1 HTTP/1.1\r\n\r\n', HIT]],
    ['a question', [HIT, text({ method: 'OPTIONS', target: '/hit/1', lines: [] }), HIT]],
    ['a tunnel', [HIT, 'CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\n', HIT]],
  ])('%s', (_, requests) => same(STORED, atOnce(...requests), STORED, atOnce(requests.join(''))));
});

test.each([
  ['a hit', HIT],
  ['two hits', HIT + HIT],
  ['a write and a hit', put('/child/2', 'body') + HIT],
  ['a chunked write and a hit', chunked('/child/2', 'body') + HIT],
])('%s, cut at every octet', { timeout: 60_000 }, (_, bytes) => {
  const everywhere = Array.from({ length: bytes.length - 1 }, (_each, i) => i + 1);
  // Without CI: before and behind whatever ends something, and at every third octet.
  const places = everywhere.filter((at) => isCi || at % 3 === 0 || /[^\w.-]/.test(bytes.slice(at - 1, at + 1)));
  return same(STORED, ...places.map((place) => [{ bytes, cuts: [place] }, { bytes: HIT }]));
});
