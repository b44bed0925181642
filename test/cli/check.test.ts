import { expect, it } from 'vitest';
import { configFile, run } from './run.ts';

const fine = `origin: { url: http://x }
routes: [{ match: /a }, { match: /b }]
rules: [{ name: r, on: PUT /a, invalidate: [/a] }]
`;
const wrong = 'origin: { url: http://x }\nroutes: [{ match: a }]\nlogg: {}\n';
const withWarning = `${fine}coherence: { onPartition: queue }\n`;

it('reports a valid configuration in one line', async () => {
  expect(await run(['check', '-c', configFile(fine)])).toEqual({
    code: 0,
    stdout: '2 routes, 1 rule: ok\n',
    stderr: '',
  });
});

it('reports warnings and exits 0', async () => {
  const { code, stdout, stderr } = await run(['check', '--config', configFile(withWarning)]);
  expect(code).toBe(0);
  expect(stdout).toBe('2 routes, 1 rule: ok, 1 warning\n');
  expect(stderr).toMatch(/gateway\.yaml:4:14: warning: onPartition has no effect/);
});

it('reports every error and exits 2', async () => {
  const file = configFile(wrong);
  const { code, stdout, stderr } = await run(['check', '-c', file]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toBe(
    [
      `${file}:2:19: error: a pattern must start with a slash`,
      '  routes: [{ match: a }]',
      '                    ^',
      '  hint: write /a',
      `${file}:3:1: error: unknown key "logg"`,
      '  logg: {}',
      '  ^',
      '  hint: did you mean "log"?',
      '2 errors',
      '',
    ].join('\n'),
  );
});

it('counts errors and warnings apart', async () => {
  const { code, stderr } = await run(['check', '-c', configFile(`${withWarning}extra: 1\n`)]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/\n1 error, 1 warning\n$/);
});

it('--json: one line for machines, on standard output', async () => {
  const good = await run(['check', '--json', '-c', configFile(fine)]);
  expect(good).toEqual({ code: 0, stdout: '{"ok":true,"routes":2,"rules":1,"problems":[]}\n', stderr: '' });
  const file = configFile(wrong);
  const { code, stdout, stderr } = await run(['check', '--json', '-c', file]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  expect(stdout).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(stdout)).toEqual({
    ok: false,
    problems: [
      {
        file,
        line: 2,
        column: 19,
        message: 'a pattern must start with a slash',
        hint: 'write /a',
        severity: 'error',
        excerpt: 'routes: [{ match: a }]',
      },
      expect.objectContaining({ line: 3, message: 'unknown key "logg"' }),
    ],
  });
});

it('--json: warnings too', async () => {
  const { code, stdout } = await run(['check', '--json', '-c', configFile(withWarning)]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, problems: [{ severity: 'warning' }] });
});

it.each([
  ['a terminal', true, {}, true],
  ['a pipe', false, {}, false],
  ['a terminal and NO_COLOR', true, { NO_COLOR: '1' }, false],
  ['a terminal and an empty NO_COLOR', true, { NO_COLOR: '' }, true],
  ['a dumb terminal', true, { TERM: 'dumb' }, false],
])('colours on %s: %s', async (_, isTTY, env, isColoured) => {
  const { stderr } = await run(['check', '-c', configFile(wrong)], { isTTY, env });
  expect(stderr.includes('\u001b[')).toBe(isColoured);
});

it('takes values from the environment that it was given', async () => {
  const file = configFile(`origin: { url: "$${'{URL}'}" }\n`);
  expect((await run(['check', '-c', file], { env: { URL: 'http://x' } })).code).toBe(0);
  expect((await run(['check', '-c', file])).code).toBe(2);
});

it('looks for gateway.yaml if no file is named', async () => {
  const { code, stderr } = await run(['check']);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^gateway\.yaml:1:1: error: the file cannot be read \(ENOENT\)\n {2}hint: name a configuration/,
  );
});

it.each([
  ['no snapshot', '{}', true],
  ['another folder', '{ store: { snapshot: { path: other, save: stop } } }', true],
  ['the same folder', '{ store: { snapshot: { path: state } } }', false],
])('warns where a profile trusts a snapshot and another one has %s', async (_, other, warns) => {
  const trusts = '{ store: { snapshot: { path: state, load: trust, save: stop } } }';
  const file = configFile(`${fine}profiles:\n  production: ${trusts}\n  clean-up: ${other}\n`);
  const { code, stderr } = await run(['check', '-c', file]);
  expect(code).toBe(0);
  expect(stderr.includes('what a run with the profile clean-up removes comes back')).toBe(warns);
});
