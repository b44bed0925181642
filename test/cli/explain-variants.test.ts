import { describe, expect, it } from 'vitest';
import { configFile, run } from './run.ts';

const config = `origin: { url: http://127.0.0.1:4000, ignoreInPaths: [case] }
credentialParams: [api_key]
rules:
  - name: post
    on: PUT /posts/:id
    onlyIfChanged: true
    invalidate: [/posts]
  - name: patched
    on: PUT /posts/:id/notes
    patch: [{ path: "/lists/{before.list, response.list}", at: "", key: id, with: response }]
  - { name: shown, on: PUT /shown/:id, patch: [{ path: "/lists/{response.list}", at: "", key: id, with: response }] }
  - { name: other, on: PUT /shown/:id, invalidate: ["/lists/{response.other}"] }
`;
const same = ['--before', '{"id":1,"list":7}', '--response', '{"id":1,"list":7}'];
const explained = async (...argv: string[]): Promise<string> =>
  (await run(['explain', '-c', configFile(config), ...argv])).stdout;

describe('whether a read gets what was written', () => {
  it.each([
    ['/posts/1', [], 'unchanged'],
    ['/posts/1?api_key=1', [], 'unchanged'],
    ['/posts/1?lang=de', [], 'applied'],
    ['/posts/1', ['--header', 'Content-Language: de'], 'applied'],
    ['/posts/1', ['--response-header', 'Content-Location: /posts/2'], 'applied'],
  ])('onlyIfChanged: PUT %s %j: %s', async (path, argv, outcome) => {
    expect(await explained('PUT', path, ...same, ...argv)).toContain(`\n${outcome}`);
  });

  it.each([
    ['/posts/1/notes', true],
    ['/posts/1/notes?api_key=1', true],
    ['/posts/1/notes?lang=de', false],
    ['/posts/1/notes?api_key=1&lang=de', false],
  ])('patch: PUT %s: %s', async (path, isPatched) => {
    const text = await explained('PUT', path, ...same);
    expect(text.includes('may name another variant')).toBe(!isPatched);
  });
});

it.each<[string, string[], boolean]>([
  ['/posts/1/notes', ['--header', 'Authorization: Bearer me'], true],
  ['/posts/1/notes?api_key=1', [], true],
  ['/posts/1/notes', [], false],
  [
    '/posts/1/notes',
    ['--header', 'Authorization: Bearer me', '--response-header', 'Cache-Control: public, max-age=0'],
    false,
  ],
])('an answer that may not be shared is put into no parent: PUT %s %j: %s', async (path, argv, isSecret) => {
  const text = await explained('PUT', path, ...same, ...argv);
  const why = '(not patched: the write has credentials, and its answer may not be shared)';
  expect(text.includes(why)).toBe(isSecret);
});

it.each(['7b', '7B'])('a parent that another rule covers as /lists/%s is not patched', async (other) => {
  const text = await explained('PUT', '/shown/1', '--response', `{"id":1,"list":"7B","other":"${other}"}`);
  expect(text).toContain('another target also covers it');
});
