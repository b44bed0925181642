import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { configOf, problemsOf, warningsOf } from './parse.ts';

const given = (listen: string, url: string): string =>
  `server: { listen: "${listen}" }\nadmin: { listen: "127.0.0.1:9191" }\norigins: { default: { url: "${url}" } }\n`;
const [outside] = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4');

describe('an origin is the gateway itself', () => {
  it.each([
    ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['127.0.0.1:8080', 'http://localhost:8080/api'],
    ['localhost:8080', 'http://[::1]:8080'],
    [':8080', 'http://127.0.0.1:8080'],
    ['0.0.0.0:8080', 'http://localhost:8080'],
    ['127.0.0.1:80', 'http://127.0.0.1'],
    ['127.0.0.1:443', 'https://127.0.0.1'],
    ['gateway.example:8080', 'http://gateway.example:8080'],
    ['127.0.0.1:1', 'http://127.0.0.1:9191'],
    ...(outside === undefined ? [] : [[':8080', `http://${outside.address}:8080`] as [string, string]]),
  ])('%s, %s', (listen, url) => {
    expect(problemsOf(given(listen, url)).map(({ message }) => message)).toEqual([
      expect.stringContaining('is this gateway itself') as unknown,
    ]);
  });
});

describe('an origin is not', () => {
  it.each([
    ['127.0.0.1:8080', 'http://127.0.0.1:8081'],
    ['127.0.0.1:8080', 'http://127.0.0.2:8080'],
    ['127.0.0.1:8080', 'http://[::1]:8080'],
    ['127.0.0.1:0', 'http://127.0.0.1'],
    ['127.0.0.1:8080', 'http://api.example:8080'],
    [':8080', 'http://api.example:8080'],
  ])('%s, %s', (listen, url) => {
    expect(configOf(given(listen, url)).origins.default?.url).toBe(url);
  });
});

describe('an origin with a public name gets the Host of clients', () => {
  const codes = (origin: string) => warningsOf(`origin: { ${origin}, ignoreInPaths: [] }`).map(({ code }) => code);
  it.each([
    ['url: http://api.acme.com', ['client-host']],
    ['url: http://api.acme.com, host: origin', []],
    ['url: http://api.acme.com, host: client', []],
    ['url: https://api.acme.com', []],
    ['url: http://api', []],
    ['url: http://api.internal', []],
    ['url: http://10.0.0.5', []],
    ['url: "http://[::1]"', []],
  ])('%s', (origin, expected) => expect(codes(origin)).toEqual(expected));

  it.each([
    ['a path', 'api.example/v2'],
    ['a list', 'a,b'],
    ['nothing', ''],
  ])('a Host cannot be %s', (_what, host) => {
    expect(
      problemsOf(`origin: { url: http://x, host: "${host}" }`).map(({ line, column, message }) => [
        line,
        column,
        message,
      ]),
    ).toEqual([[1, 32, `"${host}" is not a host`]]);
  });
});
