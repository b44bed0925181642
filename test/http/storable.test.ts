import { describe, expect, test } from 'vitest';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { commonCredentials, isCredential } from '../../src/http/credentials.ts';
import { Fields } from '../../src/http/fields.ts';
import { freshnessLifetimeMs } from '../../src/http/freshness.ts';
import { storable } from '../../src/http/storable.ts';

const defaults = {
  ttlMs: undefined,
  force: false,
  credentials: 'bypass',
  setCookie: 'bypass',
  requestDirectives: 'honour',
  sharedCredentials: [],
} as const;

interface Case {
  method?: string;
  status?: number;
  request?: string[];
  response?: string[];
  policy?: Partial<Parameters<typeof storable>[0]['policy']>;
  partial?: boolean;
}

function judge({ method = 'GET', status = 200, request = [], response = [], policy = {}, ...rest }: Case): string {
  const headers = new Fields(response);
  const directives = parseCacheControl(headers.get('cache-control'));
  const { ms, explicit } = freshnessLifetimeMs({
    status,
    headers,
    directives,
    targeted: false,
    respondedAt: Date.now(),
  });
  const verdict = storable({
    ...rest,
    method,
    status,
    credentials: [...new Fields(request).names()].some((name) => isCredential(name, commonCredentials)),
    request: new Fields(request),
    response: headers,
    directives,
    explicit,
    heuristic: !explicit && ms > 0,
    policy: { ...defaults, ...policy },
  });
  if (!verdict.store) return verdict.reason;
  return verdict.shareable ? 'shareable' : 'stored';
}

const cc = (value: string): string[] => ['Cache-Control', value];
const fresh = cc('max-age=60');

describe('RFC 9111 §3: what is stored', () => {
  test.each<[string, Case, string]>([
    ['explicit freshness', { response: fresh }, 'stored'],
    ['were it 0', { response: cc('max-age=0, stale-if-error=60') }, 'stored'],
    ['Expires', { response: ['Expires', '0'] }, 'stored'],
    ...[200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599].map(
      (status): [string, Case, string] => [`${status} with explicit freshness`, { status, response: fresh }, 'stored'],
    ),
    ['heuristic freshness', { response: ['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'] }, 'stored'],
    ['nothing but a validator: to be validated at each use', { response: ['ETag', '"a"'] }, 'stored'],
    ['no-cache with a validator (§5.2.2.4)', { response: [...cc('no-cache'), 'ETag', '"a"'] }, 'stored'],
    ['no-cache for some fields', { response: cc('no-cache="a", max-age=60') }, 'stored'],
    ['private for some fields (§5.2.2.7)', { response: cc('private="a", max-age=60') }, 'stored'],
    ['no-store under must-understand (§5.2.2.3)', { response: cc('no-store, must-understand, max-age=60') }, 'stored'],
    ['a part, for a cache that keeps parts (§3.3)', { status: 206, response: fresh, partial: true }, 'stored'],
    ['unknown directives change nothing', { response: cc('foobar, max-age=60') }, 'stored'],
    ['a Vary', { response: [...fresh, 'Vary', 'Accept'] }, 'stored'],
    ['a GET that says it has no body', { request: ['Content-Length', '0'], response: fresh }, 'stored'],
  ])('%s', (_, input, expected) => {
    expect(judge(input)).toBe(expected);
  });

  test.each<[string, Case, string]>([
    ['no freshness and no validator', {}, 'no-freshness'],
    ['HEAD', { method: 'HEAD', response: fresh }, 'method'],
    ['PUT', { method: 'PUT', response: fresh }, 'method'],
    ['an unknown method', { method: 'M-SEARCH', response: fresh }, 'method'],
    ['POST', { method: 'POST', response: fresh }, 'method'],
    ['a GET with a body', { request: ['Content-Length', '3'], response: fresh }, 'request-body'],
    [
      'a GET with an ambiguous length',
      { request: ['Content-Length', '0', 'Content-Length', '0'], response: fresh },
      'request-body',
    ],
    ['a GET with a chunked body', { request: ['Transfer-Encoding', 'chunked'], response: fresh }, 'request-body'],
    ['§5.2.1.5 request no-store', { request: cc('no-store'), response: fresh }, 'request-no-store'],
    ['§5.2.2.5 no-store', { response: cc('no-store') }, 'no-store'],
    ['no-store with freshness', { response: [...cc('max-age=60, no-store'), 'Expires', 'x'] }, 'no-store'],
    ['§5.2.2.7 private', { response: cc('private, max-age=60') }, 'private'],
    ['private with public', { response: cc('public, private, max-age=60') }, 'private'],
    ['private=""', { response: cc('private="", max-age=60') }, 'private'],
    ['private limited to what is no field', { response: cc('private="a b", max-age=60') }, 'private'],
    ['§5.2.2.4 no-cache that nothing can validate', { response: cc('no-cache, max-age=60') }, 'no-cache'],
    [
      '§5.2.2.3 must-understand and an unknown status',
      { status: 599, response: cc('no-store, must-understand, max-age=60') },
      'status',
    ],
    [
      'must-understand alone and an unknown status',
      { status: 299, response: cc('must-understand, max-age=60') },
      'status',
    ],
    ['an interim response', { status: 103, response: fresh }, 'status'],
    ['101', { status: 101, response: fresh }, 'status'],
    ['304', { status: 304, response: fresh }, 'status'],
    ['what is no status', { status: 600, response: fresh }, 'status'],
    ...[428, 429, 431, 511].map((status): [string, Case, string] => [
      `${status} (RFC 6585)`,
      { status, response: cc('public, max-age=60') },
      'status',
    ]),
    ['§3.3 a part', { status: 206, response: fresh }, 'partial'],
    ['§4.1 Vary: *', { response: [...fresh, 'Vary', 'Accept, *'] }, 'vary-star'],
    ['an illegible Vary', { response: [...fresh, 'Vary', 'a b'] }, 'vary-star'],
    ...[201, 202, 302, 403, 500, 503, 599].map((status): [string, Case, string] => [
      `${status} without explicit freshness (RFC 9110 §15.1)`,
      { status, response: ['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'] },
      'status',
    ]),
  ])('not %s', (_, input, reason) => {
    expect(judge(input)).toBe(reason);
  });

  test('must-understand is about the statuses of RFC 9110 §15, and no others', () => {
    const statuses = Array.from({ length: 400 }, (_, i) => 200 + i);
    const response = cc('no-store, must-understand, max-age=60');
    expect(statuses.filter((status) => judge({ status, response, partial: true }) === 'stored')).toEqual([
      ...[200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 305, 307, 308],
      ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426],
      ...[500, 501, 502, 503, 504, 505],
    ]);
  });

  test('599 with public is stored on a heuristic (§5.2.2.9)', () => {
    expect(judge({ status: 599, response: [...cc('public'), 'Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'] })).toBe(
      'shareable',
    );
  });
});

describe('RFC 9111 §3.5: credentials', () => {
  const authorization = ['Authorization', 'Bearer x'];
  const cookie = ['Cookie', 'a=b'];
  test.each<[string, Case, string]>([
    ['Authorization alone', { request: authorization, response: fresh }, 'credentials'],
    [
      'Authorization and Expires',
      { request: authorization, response: ['Expires', 'Sun, 06 Nov 2094 08:49:37 GMT'] },
      'credentials',
    ],
    ['a cookie', { request: cookie, response: fresh }, 'credentials'],
    ['public', { request: authorization, response: cc('max-age=60, public') }, 'shareable'],
    ['must-revalidate', { request: authorization, response: cc('max-age=60, must-revalidate') }, 'shareable'],
    ['s-maxage', { request: authorization, response: cc('s-maxage=60') }, 'shareable'],
    ['the shortest s-maxage', { request: authorization, response: cc('s-maxage=1') }, 'shareable'],
    ['public for a cookie', { request: cookie, response: cc('max-age=60, public') }, 'shareable'],
    ['an illegible s-maxage permits nothing', { request: authorization, response: cc('s-maxage=x') }, 'credentials'],
    ['nor does public=1', { request: authorization, response: cc('max-age=60, public=1') }, 'credentials'],
    [
      'nor does proxy-revalidate',
      { request: authorization, response: cc('max-age=60, proxy-revalidate') },
      'credentials',
    ],
    ['public does not lift private', { request: cookie, response: cc('public, private') }, 'private'],
    ['a route that keys by user', { request: cookie, response: fresh, policy: { credentials: 'perUser' } }, 'stored'],
    [
      'which does not lift private',
      { request: cookie, response: cc('private, max-age=9'), policy: { credentials: 'perUser' } },
      'private',
    ],
    [
      'a route that says they do not matter',
      { request: cookie, response: fresh, policy: { credentials: 'shared' } },
      'stored',
    ],
    [
      'force does not lift them',
      { request: cookie, response: fresh, policy: { ttlMs: 60_000, force: true } },
      'credentials',
    ],
  ])('%s', (_, input, expected) => {
    expect(judge(input)).toBe(expected);
  });
});

describe('Set-Cookie follows the route', () => {
  const response = [...cc('public, max-age=60'), 'Set-Cookie', 'session=1'];
  test.each<[string, Case, string]>([
    ['bypass', { response }, 'set-cookie'],
    ['bypass, whatever max-stale a client sends', { request: cc('max-stale'), response }, 'set-cookie'],
    ['bypass, under force', { response, policy: { ttlMs: 60_000, force: true } }, 'set-cookie'],
    ['bypass, on a route for all users', { response, policy: { credentials: 'shared' } }, 'set-cookie'],
    ['bypass, the obsolete field', { response: [...fresh, 'Set-Cookie2', 'a=b'] }, 'set-cookie'],
    ['store', { response, policy: { setCookie: 'store' } }, 'shareable'],
    ['strip', { response, policy: { setCookie: 'strip' } }, 'shareable'],
  ])('%s', (_, input, expected) => {
    expect(judge(input)).toBe(expected);
  });
});

describe("a route's ttl", () => {
  const ttl = { ttlMs: 60_000 };
  const forced = { ttlMs: 60_000, force: true };
  test.each<[string, Case, string]>([
    ['gives freshness where there is none', { policy: ttl }, 'stored'],
    ['to a 404', { status: 404, policy: ttl }, 'stored'],
    ['not to an error of the origin', { status: 500, policy: ttl }, 'status'],
    ['not to a refusal', { status: 401, policy: forced }, 'status'],
    ['not to a redirect that is temporary', { status: 302, policy: ttl }, 'status'],
    ['does not lift no-store', { response: cc('no-store'), policy: ttl }, 'no-store'],
    ['does not lift private', { response: cc('private'), policy: ttl }, 'private'],
    ['does not lift no-cache', { response: cc('no-cache'), policy: ttl }, 'no-cache'],
    ['does not lift Vary: *', { response: ['Vary', '*'], policy: forced }, 'vary-star'],
    ['with force lifts no-store', { response: cc('no-store'), policy: forced }, 'stored'],
    ['with force lifts private', { response: cc('private'), policy: forced }, 'stored'],
    ['with force lifts no-cache', { response: cc('no-cache'), policy: forced }, 'stored'],
    ['force without it lifts nothing', { response: cc('no-store, max-age=9'), policy: { force: true } }, 'no-store'],
    ['force does not store a part as a whole', { status: 206, policy: forced }, 'partial'],
    ['force does not outvote a client', { request: cc('no-store'), policy: forced }, 'request-no-store'],
    [
      'a route may ignore clients',
      { request: cc('no-store'), policy: { ...ttl, requestDirectives: 'ignore' } },
      'stored',
    ],
  ])('%s', (_, input, expected) => {
    expect(judge(input)).toBe(expected);
  });
});
