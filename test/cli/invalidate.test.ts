import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { run, start } from './run.ts';

const token = '0123456789abcdef';
let api: SmallApi;
let gateway: TestGateway;
beforeAll(async () => {
  api = await smallApi();
  gateway = await startGateway(api.origin.url, `admin: { listen: "127.0.0.1:0", token: ${token} }`);
});
afterAll(async () => {
  await gateway.stop();
  await api.origin.close();
});

const env = (): NodeJS.ProcessEnv => ({ UNSTALE_ADMIN_URL: gateway.adminUrl, UNSTALE_ADMIN_TOKEN: token });
const isHit = async (path: string): Promise<boolean> =>
  /hit/.test((await fetch(gateway.url + path)).headers.get('cache-status') ?? '');

describe.each(['invalidate', 'purge'])('unstale %s', (command) => {
  it('lists with --dry-run what it would remove, and then removes it', async () => {
    await fetch(`${gateway.url}/steps/7`);
    await fetch(`${gateway.url}/steps/7?a=b`);
    const dry = await run([command, '/steps/*', '--dry-run'], { env: env() });
    expect(dry).toEqual({
      code: 0,
      stdout:
        '/steps/*: 2 stored responses\n  /steps/7\n  /steps/7?a=b\nwould remove 2 stored responses on this node; nothing was changed\n',
      stderr: '',
    });
    expect(await isHit('/steps/7')).toBe(true);
    const done = await run([command, '/steps/*'], { env: env() });
    expect(done.code).toBe(0);
    expect(done.stdout).toMatch(
      /removed 2 stored responses on this node; effective on every node as of position \d+\n$/,
    );
    expect(await isHit('/steps/7')).toBe(false);
  });

  it('takes tags, everything, and speaks JSON', async () => {
    await fetch(`${gateway.url}/steps/7`);
    const { stdout } = await run([command, '--tag', 'a', '--tag', 'b*', '--all', '--json'], { env: env() });
    expect(JSON.parse(stdout).targets.map(({ target }: { target: string }) => target)).toEqual([
      '/**',
      'tag:a',
      'tag:b*',
    ]);
    expect(await isHit('/steps/7')).toBe(false);
  });
});

it.each([
  [['invalidate'], {}, 2, /give paths, --tag or --all/],
  [
    ['invalidate', 'steps', '--tag', 'a b'],
    {},
    2,
    /the gateway refused the request:\n {2}paths\[0\]: a path must start with a slash \(write \/steps\)\n {2}tags\[0\]/,
  ],
  [['invalidate', '/a'], { UNSTALE_ADMIN_TOKEN: 'wrong' }, 1, /requires the admin token: set UNSTALE_ADMIN_TOKEN/],
  [['invalidate', '/a', '--gateway', 'nonsense'], {}, 2, /"nonsense" is not a URL/],
  [['invalidate', '/a', '--gateway', 'http://127.0.0.1:1'], {}, 1, /cannot reach the admin port/],
])('%j %j: %d', async (argv, more, code, says) => {
  const result = await run(argv, { env: { ...env(), ...more } });
  expect(result.code).toBe(code);
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(says);
});

it('recognises a server that is not an admin port', async () => {
  const { code, stderr } = await run(['invalidate', '/a', '--gateway', api.origin.url], { env: env() });
  expect(code).toBe(1);
  expect(stderr).toMatch(/answered 200; is it an admin port\?/);
});

describe('unstale tail', () => {
  it('follows events, a line each, until it is interrupted', async () => {
    const tail = start(['tail', '--url', gateway.url, '--match', '/steps/:id', '--since', 'unknown-1'], {});
    await tail.printed('resync');
    await run(['invalidate', '/trips/1'], { env: env() });
    await run(['invalidate', '/steps/7', '--tag', 'a'], { env: env() });
    await tail.printed('invalidate /steps/7 tag:a by POST admin:/invalidate\n');
    tail.signal();
    expect(await tail.code).toBe(0);
    expect(tail.stdout()).not.toContain('/trips');
    expect(tail.isListening()).toBe(false);
  });

  it('--json: each event as JSON', async () => {
    const tail = start(['tail', '--url', gateway.url, '--json', '--since', 'unknown-1'], {});
    await tail.printed('resync');
    await run(['invalidate', '/steps/7'], { env: env() });
    await tail.printed('/steps/7');
    tail.signal();
    await tail.code;
    const lines = tail
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([{ type: 'resync' }, { type: 'invalidate', paths: ['/steps/7'], tags: [] }]);
  });

  it('resumes after the last event when the stream breaks off', async () => {
    const other = await startGateway(api.origin.url, 'server: { listen: "127.0.0.1:0" }');
    const tail = start(['tail', '--url', other.url, '--since', 'unknown-1'], {});
    await tail.printed('resync');
    await other.stop();
    const { host } = new URL(other.url);
    const again = await startGateway(api.origin.url, `server: { listen: "${host}" }`);
    // Another epoch: what was missed is not known, and that is said.
    await tail.printed('resync\nresync\n');
    tail.signal();
    expect(await tail.code).toBe(0);
    await again.stop();
  });

  it.each([
    [['tail', '--url', 'http://127.0.0.1:1'], 1, /cannot reach .*: set the URL of the gateway/],
    [['tail', '--url', 'nonsense'], 2, /is not a URL/],
  ])('%j: %d', async (argv, code, says) => {
    const result = await run(argv);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(says);
  });

  it('reports a refusal', async () => {
    const { code, stderr } = await run(['tail', '--url', gateway.url, '--match', 'steps']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/answered 400: .*match/);
  });
});
