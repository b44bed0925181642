import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, test } from 'vitest';
import { configFile, run } from './run.ts';

const document = 'test/openapi/documents/blog.yaml';

it('drafts to standard output a configuration that check accepts', async () => {
  const { code, stdout, stderr } = await run(['init', '--openapi', document]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const checked = await run(['check', '--strict', '-c', configFile(stdout)]);
  expect(checked).toMatchObject({ code: 0, stdout: '5 routes, 6 rules: ok\n', stderr: '' });
});

it('writes a file, and overwrites one only with --force', async () => {
  const output = join(dirname(configFile('')), 'draft.yaml');
  const first = await run(['init', '--openapi', document, '-o', output]);
  expect(first.stdout).toMatch(/^4 routes may be stored, 0 are not; 6 rules, /);
  expect(first.stdout).toContain(`\n${output}: 5 routes, 6 rules. Review it, then run: unstale check -c ${output}\n`);
  const second = await run(['init', '--openapi', document, '-o', output]);
  expect(second).toMatchObject({ code: 2, stdout: '' });
  expect(second.stderr).toMatch(/already exists: choose another file, or add --force/);
  expect((await run(['init', '--openapi', document, '-o', output, '--force'])).code).toBe(0);
  expect(readFileSync(output, 'utf8')).toContain('match: /posts');
});

test.each([
  [['init'], 2, /required option '--openapi <file>'/],
  [['init', '--openapi', '/nowhere.yaml'], 2, /cannot be read: ENOENT/],
])('%j: %d', async (argv, code, says) => {
  const result = await run(argv);
  expect(result.code).toBe(code);
  expect(result.stderr).toMatch(says);
});

it('says where a document is wrong, and writes no file', async () => {
  const file = configFile('openapi: 3.0.0\npaths:\n  a: [\n');
  const output = `${file}.out`;
  const { code, stderr } = await run(['init', '--openapi', file, '-o', output]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/gateway\.yaml:\d+: the document is neither YAML nor JSON: .*\n {2}hint: /);
  expect(existsSync(output)).toBe(false);
});

it('drafts only what is asked for, in several patterns', async () => {
  const only = ['--only', '/people/**', '--only', '/settings'];
  const { code, stdout } = await run(['init', '--openapi', document, ...only]);
  expect(code).toBe(0);
  const matches = stdout.match(/^ {2}- match: .*/gm);
  expect(matches).toEqual(
    ['people/:id', 'settings', 'posts/:slug/publish', '**'].map((path) => expect.stringContaining(`/${path}`)),
  );
  expect((await run(['check', '--strict', '-c', configFile(stdout)])).code).toBe(0);
  const none = await run(['init', '--openapi', document, '--only', '/nothing']);
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain('no path of test/openapi/documents/blog.yaml matches --only /nothing');
});

it('follows references in the directory of the document, and through no link that leaves it', async () => {
  const outside = configFile('get: { responses: {} }\nput: { responses: {} }\n');
  const file = configFile(
    'openapi: 3.0.0\npaths:\n  /a: { $ref: ./a.yaml }\n  /b: { $ref: ./b.yaml }\n  /c: { $ref: ./c.yaml }\n',
  );
  writeFileSync(join(dirname(file), 'a.yaml'), 'get: { responses: {} }\n');
  symlinkSync(outside, join(dirname(file), 'b.yaml'));
  const { stdout } = await run(['init', '--openapi', file]);
  expect(stdout).toContain('match: /a');
  expect(stdout).not.toContain('match: /b');
  for (const each of ['b.yaml', 'c.yaml']) expect(stdout).toContain(`# TODO: ${each} was not followed`);
});
