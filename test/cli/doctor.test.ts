import { expect, onTestFinished, test } from 'vitest';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { configFile, run } from './run.ts';

/* `unstale doctor`: what a configuration makes of an API's answers, in plain words. */

async function api(headers: Record<string, string>, body = '{}'): Promise<ScriptedOrigin> {
  const origin = await scriptedOrigin();
  onTestFinished(() => origin.close());
  origin.on(
    () => true,
    (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(body);
    },
  );
  return origin;
}

const configured = ({ url }: ScriptedOrigin, yaml = '') =>
  configFile(
    `server: { workers: 2 }\nstore: { redis: { url: redis://127.0.0.1:1 } }\norigin: { url: "${url}" }\n${yaml}`,
  );

const ada = ['--header', 'Authorization: Bearer ada'];

test.each([
  ['a lifetime', { 'Cache-Control': 'max-age=60' }, '', [], 'stored: the second request was a hit, fresh for another'],
  ['no-store', { 'Cache-Control': 'no-store' }, '', [], 'force: true'],
  ['no-store, with a ttl', { 'Cache-Control': 'no-store' }, 'defaults: { cache: { ttl: 60s } }', [], 'force: true'],
  [
    'no-cache, with a ttl',
    { 'Cache-Control': 'no-cache', ETag: '"1"' },
    'defaults: { cache: { ttl: 60s } }',
    [],
    'stored, but no hit: the API says no-cache.\n  fix: if the API says so of everything by reflex, cache: { ttl: 60s, force: true }\n',
  ],
  ['nothing', {}, '', [], 'cache: { ttl: 60s }'],
  ['a validator', { ETag: '"1"' }, '', [], 'stored, but no hit: answers have no lifetime'],
  ['credentials', { 'Cache-Control': 'max-age=60' }, '', ada, 'credentials: shared'],
  [
    'a key of the application',
    { 'Cache-Control': 'max-age=60' },
    '',
    ['--header', 'X-API-Key: x'],
    'credentials: { shared: [x-api-key] }',
  ],
  [
    'a key of the application that is shared',
    { 'Cache-Control': 'max-age=60' },
    'defaults: { cache: { credentials: { shared: [x-api-key] } } }',
    ['--header', 'X-API-Key: x'],
    'stored: the second request was a hit',
  ],
  ['a cookie set', { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'a=b' }, '', [], 'setCookie: strip'],
  [
    'a tag without a value',
    {},
    'routes: [{ match: /a, cache: { ttl: 60s }, tags: ["t:{response.id}"] }]',
    [],
    'the tag',
  ],
  ['cache: off', {}, 'routes: [{ match: /a, cache: off }]', [], 'cache: off'],
  ['cookies that bypass', { 'Cache-Control': 'max-age=60' }, '', [], 'cookies: ignore'],
] as const)('%s', async (_what, headers, yaml, options, says) => {
  const origin = await api(headers as Record<string, string>);
  const { code, stdout, stderr } = await run(['doctor', '-c', configured(origin, yaml), ...options, '/a']);
  expect(stderr).toBe('');
  expect(stdout).toContain(says);
  expect(code).toBe(stdout.includes('the second request was a hit') ? 0 : 1);
  expect(new Set(origin.seen.map(({ method }) => method))).toEqual(new Set(['GET']));
});

test('asks for each URL, by its host, and prints lines of JSON', async () => {
  const origin = await api({ 'Cache-Control': 'max-age=60' });
  const { code, stdout } = await run(['doctor', '-c', configured(origin), '--json', 'http://api.example/a?b=1', '/c']);
  const [first, second] = stdout.trim().split('\n');
  expect(JSON.parse(first ?? '')).toMatchObject({ url: 'http://api.example/a?b=1', stored: true, cookiesBypass: true });
  expect(JSON.parse(second ?? '')).toMatchObject({ url: '/c', stored: true });
  expect(code).toBe(0);
  expect(origin.seen[0]?.url).toBe('/a?b=1');
  expect(origin.seen[0]?.rawHeaders.join()).toContain('api.example');
});

test('what breaks off is not stored', async () => {
  const origin = await scriptedOrigin();
  onTestFinished(() => origin.close());
  origin.on(
    () => true,
    (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'max-age=60' });
      // More than is held back, so that the head has been sent.
      response.write('1'.repeat(1_000_000), () => response.destroy());
    },
  );
  const { code, stdout } = await run(['doctor', '-c', configured(origin), '/a']);
  expect([code, stdout]).toEqual([1, expect.stringContaining('/a: 200, not stored: it was sent on before its end')]);
});

test('does not wait for the end of a stream', async () => {
  const origin = await scriptedOrigin();
  onTestFinished(() => origin.close());
  origin.on(
    () => true,
    (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    },
  );
  const { code, stdout } = await run(['doctor', '-c', configured(origin, 'defaults: { cache: { ttl: 60s } }'), '/a']);
  expect([code, stdout]).toEqual([1, expect.stringContaining('not stored: it is a stream')]);
});

test.each([
  [['a'], '"a" is neither a path nor a URL'],
  [['--header', 'x', '/a'], '"x" is not a header field'],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await run(['doctor', '-c', configFile('origin: { url: http://127.0.0.1:1 }'), ...args]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});
