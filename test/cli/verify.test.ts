import { afterEach, beforeEach, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { configFile, run } from './run.ts';

/* `unstale verify`; what it compares is in test/exchange/verify.test.ts. */

let api: SmallApi;
let gateway: TestGateway;
beforeEach(async () => {
  api = await smallApi();
  gateway = await startGateway(
    api.origin.url,
    'routes: [{ match: /trips/*, cache: { credentials: perUser, userKey: [authorization] } }]',
  );
  for (const path of ['/steps/7', '/steps/7?lang=de', '/steps/9', '/inns/42']) await read(path);
});
afterEach(async () => {
  await gateway.stop();
  await api.origin.close();
});

const read = (path: string, headers = {}) => get(gateway.url + path, { headers: { host: 'api.example', ...headers } });
const verify = (args: readonly string[], stdin = '') =>
  run(['verify', ...args], { env: { UNSTALE_ADMIN_URL: gateway.adminUrl }, stdin });

it('exits 0 where everything is as the API says, or not stored', async () => {
  expect(await verify(['/steps/7', '/steps/9', '/steps/8'])).toEqual({
    code: 0,
    stdout:
      '/steps/7: 2 stored responses, as the API says\n/steps/9: stored, as the API says\n/steps/8: not stored in the memory of this node\n',
    stderr: '',
  });
});

it('exits 1 and names each difference', async () => {
  // Past the gateway, as by hand in the database.
  api.inns.delete(42);
  const { code, stdout } = await verify(['/inns/42', '/steps/7', '/steps/9']);
  expect(code).toBe(1);
  expect(stdout.replaceAll(/stored \d+ s ago/g, 'stored 0 s ago')).toBe(
    [
      '/inns/42: stored, different from what the API says',
      '  api.example/inns/42, stored 0 s ago: gone: the API answers 404',
      '/steps/7: 2 stored responses, different from what the API says',
      ...['', '?lang=de'].map(
        (query) =>
          `  api.example/steps/7${query}, stored 0 s ago: /inns [{"id":42,"stepId":7,"name":"Inn","updatedAt":1},{"id":43,"stepId":7,"name":"Other","updatedAt":1}], now [{"id":43,"stepId":7,"name":"Other","updatedAt":1}]`,
      ),
      '/steps/9: stored, as the API says',
      '',
    ].join('\n'),
  );
});

it('exits 1 where something cannot be compared, and says why', async () => {
  await read('/trips/1', { authorization: 'Bearer ada' });
  const { code, stdout } = await verify(['/trips/1']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^\/trips\/1: stored, not compared\n {2}api.example\/trips\/1, .* needs his credentials\n$/);
});

it('exits 1 where the API does not answer', async () => {
  await api.origin.close();
  const { code, stdout } = await verify(['/steps/9']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^\/steps\/9: stored, not compared, for want of an answer\n.*the API cannot be asked: /);
});

it('exits 1 where nothing is stored for the host that is named, but for others', async () => {
  expect(await verify(['https://other.example/steps/9'])).toMatchObject({
    code: 1,
    stdout: 'https://other.example/steps/9: unknown: it is stored for another host: api.example\n',
  });
});

it('takes patterns, as purge does', async () => {
  api.inns.delete(42);
  const { code, stdout } = await verify(['/inns/*', '/rooms/**']);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^\/inns\/\*: stored, different from .*\n {2}api.example\/inns\/42, .*gone.*\n\/rooms\/\*\*: not stored/,
  );
});

it('--from takes one URL per line, from a file or standard input', async () => {
  const list = '# after the clean-up\n/steps/9\n\n  http://api.example/steps/7?lang=de\n';
  const says = '/steps/9: stored, as the API says\nhttp://api.example/steps/7?lang=de: stored, as the API says\n';
  expect(await verify(['--from', configFile(list)])).toMatchObject({ code: 0, stdout: says });
  expect(await verify(['--from', '-'], list)).toMatchObject({ code: 0, stdout: says });
  const many = Array.from({ length: 120 }, (_, i) => `/many/${i}`);
  expect((await verify(['--from', '-'], many.join('\n'))).stdout.match(/not stored/g)).toHaveLength(120);
});

it('--json: one line for each URL', async () => {
  api.inns.delete(42);
  const { code, stdout } = await verify(['--json', '/inns/42', '/steps/8']);
  expect(code).toBe(1);
  const [gone, absent] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(gone).toMatchObject({
    url: '/inns/42',
    outcome: 'differs',
    copies: [{ of: 'api.example/inns/42', differences: [{ kind: 'gone', stored: 200, now: 404 }] }],
  });
  expect(absent).toEqual({ url: '/steps/8', outcome: 'not-stored', copies: [], left: 0, lookedIn: ['memory'] });
});

it.each([
  [[], 2, /give URLs, or --from/],
  [['steps/7'], 2, /"steps\/7" is neither a path nor a URL/],
  [['--from', '/nothing/here'], 2, /--from: ENOENT/],
  [['/steps/7', '--gateway', 'http://127.0.0.1:1'], 1, /cannot reach the admin port/],
])('%j: %d', async (args, code, says) => {
  const result = await verify(args);
  expect(result).toMatchObject({ code, stdout: '' });
  expect(result.stderr).toMatch(says);
});
