import { describe, expect, it } from 'vitest';
import { configFile, run, start } from './run.ts';

/* `--profile` and `UNSTALE_PROFILE`, for every command that reads a configuration. */

const text = `origin: { url: "http://127.0.0.1:1", timeout: 1s }
server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
routes: [{ match: /a }]
rules: [{ name: of-the-file, on: PUT /a, invalidate: [/a] }]
profiles:
  development:
    rules: [{ name: of-development, on: PUT /a, invalidate: [/a, /b] }]
    routes: [{ match: /a }, { match: /b }]
  production:
    admin: { token: "\${ADMIN_TOKEN}" }
`;
const production = { ADMIN_TOKEN: 'the-token-of-production' };
const chosen = { UNSTALE_PROFILE: 'development' };

describe('check', () => {
  it('checks the file, and each profile', async () => {
    expect(await run(['check', '-c', configFile(text)], { env: production })).toEqual({
      code: 0,
      stdout:
        '1 route, 1 rule: ok\nprofile development: 2 routes, 1 rule: ok\nprofile production: 1 route, 1 rule: ok\n',
      stderr: '',
    });
  });

  it('says which profile a problem is of, and exits 2', async () => {
    const file = configFile(`${text}  staging: { log: { level: loud } }\n`);
    const { code, stdout, stderr } = await run(['check', '-c', file]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.match(/error: .*/g)).toEqual([
      'error: the environment variable ADMIN_TOKEN is not set (profile production)',
      expect.stringMatching(/"loud" is not one of .* \(profile staging\)$/),
    ]);
    expect(stderr).toMatch(/\n2 errors\n$/);
  });

  it('tells once what is wrong in the file, or in several profiles', async () => {
    const token = 'admin: { token: "short" }';
    const wrong = (profiles: string) => run(['check', '-c', configFile(`origin: { url: http://x }\n${profiles}`)]);
    const own = await wrong(`${token}\nprofiles: { a: {}, b: {} }\n`);
    expect(own.stderr.match(/warning: .*/g)).toEqual([
      'warning: the token is short enough to be guessed [short-token]',
    ]);
    const shared = await wrong(`profiles:\n  a: &a\n    ${token}\n  b: *a\n`);
    expect(shared.stderr.match(/warning: .*/g)).toEqual([
      'warning: the token is short enough to be guessed (profile a, b) [short-token]',
    ]);
  });

  it.each([
    ['--profile', ['--profile', 'development'], {}],
    ['the environment', [], chosen],
    ['--profile rather than the environment', ['--profile', 'development'], { UNSTALE_PROFILE: 'production' }],
  ])('checks only the one chosen by %s', async (_, args, env) => {
    expect(await run(['check', '-c', configFile(text), ...args], { env })).toEqual({
      code: 0,
      stdout: '2 routes, 1 rule: ok\n',
      stderr: '',
    });
  });

  it('--json: the counts of each, and the profiles of each problem', async () => {
    const { code, stdout } = await run(['check', '--json', '-c', configFile(text)]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      routes: 1,
      rules: 1,
      problems: [expect.objectContaining({ line: 11, profiles: ['production'] })],
      profiles: { development: { ok: true, routes: 2, rules: 1 }, production: { ok: false } },
    });
  });
});

describe('a profile', () => {
  it('is used by explain', async () => {
    const rules = async (args: readonly string[], env = {}) => {
      const command = ['explain', 'PUT', '/a', '--json', '-c', configFile(text), ...args];
      const { rules } = JSON.parse((await run(command, { env })).stdout) as { rules: { rule: string }[] };
      return rules.map(({ rule }) => rule);
    };
    expect(await rules([])).toEqual(['of-the-file']);
    expect(await rules(['--profile', 'development'])).toEqual(['of-development']);
    expect(await rules([], chosen)).toEqual(['of-development']);
  });

  it('is used by serve', async () => {
    const running = start(['serve', '-c', configFile(text), '--profile', 'production'], { env: production });
    await running.printed('"listening"');
    const { adminUrl } = JSON.parse(
      running
        .stdout()
        .split('\n')
        .find((line) => line.includes('"listening"')) ?? '',
    );
    expect(running.stdout()).toMatch(/"msg":"configuration .*gateway\.yaml, profile production"/);
    expect((await fetch(`${adminUrl}/metrics`, { headers: { Connection: 'close' } })).status).toBe(401);
    running.signal();
    expect(await running.code).toBe(0);
  });

  it('that is not chosen is missing from the log, too', async () => {
    const running = start(['serve', '-c', configFile(text)], { env: { UNSTALE_PROFILE: '' } });
    await running.printed('"listening"');
    expect(running.stdout()).toMatch(/"msg":"configuration .*gateway\.yaml, no profile"/);
    running.signal();
    expect(await running.code).toBe(0);
  });

  it.each([
    ['serve', []],
    ['check', []],
    ['explain', ['PUT', '/a']],
    ['doctor', ['/a']],
    ['replay', ['-']],
  ])('that there is not ends %s with 2, naming those there are', async (command, args) => {
    const { code, stderr } = await run([command, ...args, '-c', configFile(text), '--profile', 'productoin']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/gateway\.yaml:6:1: error: no profile is called "productoin"/);
    expect(stderr).toContain('hint: did you mean "production"? known: development, production\n');
  });
});
