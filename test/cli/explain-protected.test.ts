import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configFile, run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'unstale-explain-'));
afterAll(() => rmSync(folder, { recursive: true }));
const schema = join(folder, 'schema.json');
writeFileSync(schema, '{"type":"object","required":["name"],"properties":{"size":{"maximum":9}}}');

const config = `origin: { url: http://127.0.0.1:4000 }
rules:
  - { name: settings, on: PUT /settings, invalidate: ["/by/{request.owner}"] }
writes:
  - { on: PUT /settings, merge: true, preserve: [createdAt], unchanged: skip }
  - { on: PUT /strict, precondition: required }
  - { on: POST /orders, idempotency: { key: required, keep: 24h } }
  - { on: POST /notes, idempotency: { key: optional } }
  - { on: PUT|PATCH /checked, merge: true, validate: { schema: "${schema}" } }
  - { on: PUT /logged, validate: { schema: "${schema}", mode: log } }
`;

const explain = (...argv: string[]) => run(['explain', '-c', configFile(config), ...argv]);

describe('explain, of a protected write', () => {
  it('shows what it would become, how that differs, and what its rules make of that', async () => {
    const current = '{"owner":7,"createdAt":1,"name":"old"}';
    const { code, stdout } = await explain(
      'PUT',
      '/settings',
      '--body',
      '{"name":"new","createdAt":2}',
      '--current',
      current,
    );
    expect(code).toBe(0);
    expect(stdout).toContain(`    forwarded: it is sent as merged with the current representation
    the API gets {"name":"new","createdAt":1,"owner":7}
    - /name "old"
    + /name "new"
`);
    expect(stdout).toContain('/by/7');
  });

  it.each([
    ['{"name":"old"}', '{"name":"old"}', 'unchanged: the resource is in that state: it is answered without the API'],
    ['{"name":"new"}', '', 'forwarded: there is nothing that it would replace: it is sent as it is'],
    ['{"name":"new"}', '{"a":1,"a":2}', undefined],
  ])('%s over %s', async (body, current, says) => {
    const { code, stdout } = await explain('PUT', '/settings', '--body', body, '--current', current);
    if (says === undefined) expect(code).not.toBe(0);
    else expect(stdout).toContain(says);
  });

  it('says why it would be refused', async () => {
    const { stdout } = await explain('PUT', '/strict', '--body', '{}', '--current', '{}');
    expect(stdout).toContain('refused: 428 This write needs a precondition: send If-Match');
    expect(stdout).toContain('nothing is invalidated, and no event is sent');
    const old = await explain('PUT', '/strict', '--body', '{"a":1}', '--current', '{}', '--header', 'If-Match: "old"');
    expect(old.stdout).toContain('refused: 412 ');
  });

  it('says what is missing', async () => {
    const { stdout } = await explain('PUT', '/settings', '--body', '{}');
    expect(stdout).toContain('it depends on what it replaces: --current shows how');
  });

  const key = ['--header', 'Idempotency-Key: k'];
  it.each([
    ['/orders', [], 'refused: 400 ', 'send an Idempotency-Key'],
    ['/orders', [...key, ...key], 'refused: 400 ', 'send one Idempotency-Key'],
    ['/notes', [], 'forwarded: ', 'no Idempotency-Key: each request is carried out'],
    ['/orders?x=1', key, 'forwarded: ', 'one key of all clients without credentials, for POST localhost/orders?x=1'],
    [
      '/orders',
      [...key, '--header', 'Authorization: Bearer secret'],
      'for 1 d, the same body gets the first answer again, and another one 422',
      'one key of the user told by authorization, for POST localhost/orders',
    ],
  ])('says what its key means: %s %j', async (path, fields, ...says) => {
    const { code, stdout } = await explain('POST', path, '--body', '{}', ...fields);
    expect(code).toBe(0);
    for (const text of says) expect(stdout).toContain(text);
    expect(stdout).not.toContain('secret');
  });

  it.each([
    ['PUT', '/checked', '{"size":10}', 'refused: 422 ', 'body /size must be <= 9'],
    ['PUT', '/checked', '{"size":8}', 'forwarded: ', 'the API gets {"size":8,"name":"a"}'],
    ['PATCH', '/checked', '{"name":null}', 'refused: 422 ', "must have required property 'name'"],
    ['PATCH', '/checked', '{"size":8}', 'forwarded: ', 'the API gets {"size":8}', '+ /size 8'],
    [
      'PUT',
      '/logged',
      '{"size":10}',
      'forwarded: ',
      "not valid, which is only logged: body must have required property 'name'",
    ],
  ])('says whether it is valid: %s %s %s', async (method, path, body, ...says) => {
    const { stdout } = await explain(method, path, '--body', body, '--current', '{"name":"a"}');
    for (const text of says) expect(stdout).toContain(text);
  });
});
