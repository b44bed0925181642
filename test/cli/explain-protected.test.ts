import { describe, expect, it } from 'vitest';
import { configFile, run } from './run.ts';

const config = `origin: { url: http://127.0.0.1:4000 }
rules:
  - { name: settings, on: PUT /settings, invalidate: ["/by/{request.owner}"] }
writes:
  - { on: PUT /settings, merge: true, preserve: [createdAt], unchanged: skip }
  - { on: PUT /strict, precondition: required }
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
});
