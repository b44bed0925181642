import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { run } from './run.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

it('--version is the version of the package', async () => {
  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it('--help lists the commands that there are, and no others', async () => {
  const { code, stdout, stderr } = await run(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const commands = stdout.slice(stdout.indexOf('Commands:')).match(/^ {2}\w+/gm);
  expect(commands?.map((name) => name.trim())).toEqual([
    'serve',
    'check',
    'explain',
    'doctor',
    'invalidate',
    'verify',
    'snapshot',
    'tail',
    'webhooks',
    'init',
    'replay',
    'help',
  ]);
});

it.each(['serve', 'check'])('%s --help names its options', async (command) => {
  const { code, stdout } = await run([command, '--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/-c, --config <file> .*default: "gateway.yaml"/);
  expect(stdout).toContain('--profile <name>');
  expect(stdout).toContain('--json');
});

it.each([
  ['no command', [], /Usage: unstale/],
  ['an unknown command', ['sreve'], /unknown command 'sreve'\n\(Did you mean serve\?\)/],
  ['an unknown option', ['check', '--jsno'], /unknown option '--jsno'\n\(Did you mean --json\?\)/],
  ['an option without its value', ['check', '-c'], /argument missing/],
  ['a command of commands', ['snapshot'], /Usage: unstale snapshot/],
  ['an argument too many', ['check', 'gateway.yaml'], /too many arguments/],
])('%s is a usage error: on standard error, and 2', async (_, argv, says) => {
  const { code, stdout, stderr } = await run(argv);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(says);
});
