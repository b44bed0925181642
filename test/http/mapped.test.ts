import { describe, expect, test } from 'vitest';
import { type AskedAs, mappedLines, type SeenAs, withHost } from '../../src/http/mapped.ts';

/* What an origin says of itself, as clients see it. */

const asked: AskedAs = { host: 'api.example', url: 'https://api.example/v2' };
const seen: SeenAs = { scheme: 'http', host: 'gateway.local:8080' };
const mapped = (name: string, value: string, by = asked, as = seen): string =>
  mappedLines([name, value], by, as)?.[1] ?? value;

describe('a URL', () => {
  test.each([
    ['its own', 'https://api.example/v2/items/1', 'http://gateway.local:8080/items/1'],
    ['with a query and a fragment', 'https://api.example/v2/a?b=c#d', 'http://gateway.local:8080/a?b=c#d'],
    ['in other letters', 'HTTPS://API.Example/v2/a', 'http://gateway.local:8080/a'],
    ['with a default port', 'https://api.example:443/v2/a', 'http://gateway.local:8080/a'],
    ['of the other scheme', 'http://api.example/v2/a', 'http://gateway.local:8080/a'],
    ['without a scheme', '//api.example/v2/a', 'http://gateway.local:8080/a'],
    ['the base itself', 'https://api.example/v2', 'http://gateway.local:8080/'],
    ['the base with a query', 'https://api.example/v2?a', 'http://gateway.local:8080/?a'],
    ['outside of the base', 'https://api.example/v1/a', 'https://api.example/v1/a'],
    ['that begins as the base does', 'https://api.example/v22/a', 'https://api.example/v22/a'],
    ['of another host', 'https://other.example/v2/a', 'https://other.example/v2/a'],
    ['of another port', 'https://api.example:8443/v2/a', 'https://api.example:8443/v2/a'],
    ['of a longer name', 'https://api.example.evil/v2/a', 'https://api.example.evil/v2/a'],
    ['with somebody before the host', 'https://api.example@evil/v2/a', 'https://api.example@evil/v2/a'],
    ['a path', '/v2/a', '/v2/a'],
    ['a relative one', 'a', 'a'],
    ['another scheme', 'ftp://api.example/v2/a', 'ftp://api.example/v2/a'],
  ])('%s', (_what, url, expected) => {
    for (const name of ['Location', 'content-location']) expect(mapped(name, url)).toBe(expected);
    expect(mapped('Link', `<${url}>; rel="next"`)).toBe(`<${expected}>; rel="next"`);
    expect(mapped('X-Other', url)).toBe(url);
  });

  test('of an origin that is known by another name than it is reached by', () => {
    const named: AskedAs = { host: 'api.example', url: 'http://10.0.0.5:4000' };
    for (const host of ['api.example', 'api.example:4000', '10.0.0.5:4000'])
      expect(mapped('Location', `http://${host}/a`, named)).toBe('http://gateway.local:8080/a');
    expect(mapped('Location', 'http://10.0.0.5/a', named)).toBe('http://10.0.0.5/a');
  });

  test('each of several links, and nothing in quotes', () => {
    const links =
      '<https://api.example/v2/a,b>; rel="https://api.example/v2/", </c>, <https://api.example/v2/d>; title="> \\" <https://api.example/v2/e>"';
    const expected =
      '<http://gateway.local:8080/a,b>; rel="https://api.example/v2/", </c>, <http://gateway.local:8080/d>; title="> \\" <https://api.example/v2/e>"';
    expect(mapped('Link', links)).toBe(expected);
  });

  test.each(['<', '"', '"\\', '<https://api.example/v2/'])('of a link that does not end: %s', (unended) => {
    // Each character is looked at once, or this would take minutes.
    const long = unended.repeat(500_000);
    expect(mapped('Link', long)).toBe(long);
    expect(mapped('Link', `</a>; x=${unended}`)).toBe(`</a>; x=${unended}`);
  });
});

describe('a cookie', () => {
  const at = (host: string): SeenAs => ({ scheme: 'https', host });
  test.each([
    ['for its own name', 'a=b; Domain=api.example; Path=/', 'www.shop.example', 'a=b; Domain=www.shop.example; Path=/'],
    ['for a domain above it', 'a=b; domain=.Example', 'shop.test:8080', 'a=b; domain=shop.test'],
    ['for a domain that both are in', 'a=b; Domain=example', 'shop.example', 'a=b; Domain=example'],
    ['seen by an address', 'a=b; Domain=api.example; Secure', '127.0.0.1:8080', 'a=b; Secure'],
    ['seen by a name without a dot', 'a=b; Domain=api.example', 'localhost', 'a=b'],
    ['for another domain', 'a=b; Domain=other.test', 'shop.test', 'a=b; Domain=other.test'],
    ['without a domain', 'a=domain; Path=/', 'shop.test', 'a=domain; Path=/'],
  ])('%s', (_what, cookie, host, expected) => {
    expect(mapped('Set-Cookie', cookie, asked, at(host))).toBe(expected);
  });
});

test('what needs no mapping is not copied', () => {
  expect(mappedLines(['Location', '/a', 'Set-Cookie', 'a=b'], asked, seen)).toBeUndefined();
});

test('a Host is replaced where it stands', () => {
  expect(withHost(['A', '1', 'host', 'x', 'B', '2'], 'y')).toEqual(['A', '1', 'host', 'y', 'B', '2']);
});
