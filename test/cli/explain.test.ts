import { writeFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { smallApi } from '../support/small-api.ts';
import { configFile, run } from './run.ts';

const config = `origin: { url: http://127.0.0.1:4000 }
rules:
  - name: inn
    on: PUT|PATCH|DELETE /inns/:id
    when: { status: 2xx }
    lookup: { step: "GET /steps/{before.stepId, response.stepId}" }
    invalidate:
      - /steps/{before.stepId, response.stepId}
      - /trips/{step.tripId}
      - tag: inn:{id}
    event: { type: inn.changed, payload: { id: id } }
  - name: step
    on: PUT /steps/:id
    invalidate: [/steps]
`;
const explain = (...argv: string[]) => run(['explain', '-c', configFile(config), ...argv]);

it('says which rule, which ids from where, which targets, which events', async () => {
  const file = configFile(config);
  const argv = ['--before', '{"stepId":7}', '--response', '{"stepId":9}', '--lookup', 'step={"tripId":1}'];
  const { code, stdout, stderr } = await run(['explain', '-c', file, 'PATCH', '/inns/42', ...argv]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(
    `PATCH /inns/42
applied: the origin answered 200

✓ inn   PUT|PATCH|DELETE /inns/:id   ${file}:3
    /steps/{before.stepId, response.stepId}
      {before.stepId, response.stepId} = 7, 9
        before.stepId: 7
        response.stepId: 9
    /trips/{step.tripId}
      {step.tripId} = 1
        step.tripId: 1
    inn:{id}
      {id} = 42
        id: 42
    → /steps/7, /steps/9, /trips/1, tag:inn:42

invalidates
  /steps/7
  /steps/9
  /trips/1
  tag:inn:42
  /inns/42   (every write does this)

sends events
  inn.changed (inn) {"id":"42"}
`,
  );
});

it('says what falls back to a wildcard, and why', async () => {
  const { stdout } = await explain('PUT', '/inns/42', '--response', '{"ok":true}', '--before', '{"stepId":7}');
  expect(stdout).toMatch(/\{before\.stepId, response\.stepId\} = \* {3}\(wildcard\)/);
  expect(stdout).toContain('response.stepId: missing\n        unresolved: response.stepId: missing');
  expect(stdout).toContain('step.tripId: not-read');
});

it('says why a rule does not apply, and with --all why it does not match', async () => {
  expect((await explain('PUT', '/inns/42', '--status', '302')).stdout).toContain('✗ inn');
  expect((await explain('PUT', '/inns/42', '--status', '302')).stdout).toContain('    the status is 302\n');
  expect((await explain('PUT', '/elsewhere')).stdout).toContain('no rule matches this method and path');
  const { stdout } = await explain('POST', '/steps/7', '--all');
  expect(stdout).toContain('/steps/7 does not match /inns/:id');
  expect(stdout).toContain('the rule is for PUT, not POST');
});

const outcomes = `origin: { url: http://127.0.0.1:4000 }
routes:
  - { match: /orders/:id, cache: { ttl: 60s } }
rules:
  - name: inn
    on: "* /inns/:id"
    unresolved: reject
    when: { equals: { response.kind: hotel } }
    invalidate: ["/steps/{request.stepId}", "/trips/{response.tripId}"]
  - name: order
    on: "* /orders/:id"
    onlyIfChanged: true
    refresh: [/orders]
`;
const nothing = { implied: [], targets: [], actions: [], tags: [], events: [] };
const refusal = 'rule "inn" needs {request.stepId} for /steps/{request.stepId}: request.stepId: absent';
test.each([
  [['GET', '/orders/5'], 'unchanged', /^GET is a safe method/, nothing],
  [['PUT', '/orders/5', '--status', '404'], 'unchanged', /^the origin refused it with 404$/, nothing],
  [['PUT', '/orders/5', '--before', '{"a":1}', '--response', '{"a":1}'], 'unchanged', /onlyIfChanged/, nothing],
  [['PUT', '/inns/42'], 'refused', new RegExp(`^422, .*: ${refusal.replace(/[{}]/g, '\\$&')}$`), nothing],
  // A refusal comes before the origin has answered anything.
  [['PUT', '/inns/42', '--status', '404'], 'refused', /^422, /, nothing],
  [['PUT', '/inns/42', '--response', '{"kind":"inn"}'], 'refused', /^422, /, nothing],
  [['PUT', '/inns/42', '--request', '{"stepId":7}'], 'applied', /^the origin answered 200$/, { implied: ['/inns/42'] }],
  [['PUT', '/orders/5', '--status', '503'], 'indeterminate', /^the origin answered 503: /, { implied: ['/orders/5'] }],
])('%j: says what is invalidated, and why', async (argv, outcome, reason, rest) => {
  const file = configFile(outcomes);
  const { code, stdout } = await run(['explain', '-c', file, ...argv, '--json']);
  expect(code).toBe(0);
  const explanation = JSON.parse(stdout);
  expect(explanation).toMatchObject({ outcome, ...rest });
  expect(explanation.reason).toMatch(reason);
  const { stdout: text } = await run(['explain', '-c', file, ...argv]);
  expect(text.split('\n')[1]).toBe(`${outcome}: ${explanation.reason}`);
  expect(text.includes('nothing is invalidated, and no event is sent')).toBe(rest === nothing);
});

it.each([
  ['of an origin that is asked by its own name is one of clients', ', host: origin', ['/orders', '/orders/7']],
  ['of one that gets the Host of clients is another host', '', ['/orders']],
])('a Location with the name %s', async (_what, setting, implied) => {
  const file = configFile(outcomes.replace('4000 }', `4000${setting} }`));
  const located = ['--response-header', 'Location: http://127.0.0.1:4000/orders/7'];
  const { stdout } = await run(['explain', '-c', file, 'POST', '/orders', '--status', '201', ...located, '--json']);
  expect(JSON.parse(stdout).implied).toEqual(implied);
});

it('knows an origin whose 5xx change nothing', async () => {
  const file = configFile(outcomes.replace('4000 }', '4000, serverErrors: unchanged }'));
  const { stdout } = await run(['explain', '-c', file, 'PUT', '/orders/5', '--status', '503', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    outcome: 'unchanged',
    ...nothing,
    rules: [{ rule: 'order', applies: false, why: 'nothing has changed' }],
  });
});

const kept = `origin: { url: http://127.0.0.1:4000 }
rules:
  - name: inn
    on: "* /inns/:id"
    refresh: ["/steps/{before.stepId, response.stepId}"]
    patch:
      - { path: "/steps/{response.stepId}/inns", at: /items }
      - { path: /recent, at: /items }
    invalidate: [/inns, /recent]
`;
const bodies = ['--before', '{"id":42,"stepId":7}', '--response', '{"id":42,"stepId":7}'];
test.each([
  [
    'where it is certain',
    kept,
    bodies,
    [
      ['/inns', 'invalidate'],
      ['/recent', 'invalidate', 'not patched: another target also covers it'],
      ['/steps/7', 'refresh'],
      ['/steps/7/inns', 'patch'],
      ['/inns/42', 'invalidate'],
    ],
  ],
  [
    'where the answer does not tell',
    kept,
    ['--before', '{"id":42,"stepId":7}', '--response', '{"ok":true}'],
    [
      ['/inns', 'invalidate'],
      ['/recent', 'invalidate', 'not patched: the change is not certain'],
      ['/steps/*', 'invalidate', 'not refreshed: it does not resolve to one path'],
      ['/steps/*/inns', 'invalidate', 'not patched: the change is not certain'],
      ['/inns/42', 'invalidate'],
    ],
  ],
  [
    'in quarantine',
    kept.replace('/recent, at', '/latest, at'),
    [...bodies, '--status', '500'],
    [
      ['/inns', 'invalidate'],
      ['/recent', 'invalidate'],
      ['/steps/*', 'invalidate', 'not refreshed: the outcome is unknown'],
      ['/steps/*/inns', 'invalidate', 'not patched: the outcome is unknown'],
      ['/latest', 'invalidate', 'not patched: the outcome is unknown'],
      ['/inns/42', 'invalidate'],
    ],
  ],
  [
    'while it settles',
    kept.replace('refresh:', 'settle: 5s\n    refresh:'),
    bodies,
    [
      ['/inns', 'invalidate'],
      ['/recent', 'invalidate', 'not patched: nothing is stored during the quarantine'],
      ['/steps/7', 'invalidate', 'not refreshed: nothing is stored during the quarantine'],
      ['/steps/7/inns', 'invalidate', 'not patched: nothing is stored during the quarantine'],
      ['/inns/42', 'invalidate'],
    ],
  ],
])('says what is done with each target: %s', async (_, yaml, argv, actions) => {
  const { stdout } = await run(['explain', '-c', configFile(yaml), 'PUT', '/inns/42', ...argv, '--json']);
  const said = JSON.parse(stdout).actions as { target: string; action: string; why?: string }[];
  expect(said.map(({ target, action, why }) => (why === undefined ? [target, action] : [target, action, why]))).toEqual(
    actions,
  );
});

it('names it in text, too', async () => {
  const { stdout } = await run(['explain', '-c', configFile(kept), 'PUT', '/inns/42', ...bodies]);
  expect(stdout).toContain('  /steps/7   (refreshed: stored responses are fetched again)\n');
  expect(stdout).toContain('  /steps/7/inns   (patched in place if the stored response allows it)\n');
  expect(stdout).toContain('  /recent   (not patched: another target also covers it)\n');
});

it('takes bodies from files, and fields', async () => {
  const file = configFile('{"stepId":9007199254740993}');
  const { stdout } = await explain(
    'PUT',
    '/inns/42',
    '--response',
    `@${file}`,
    '--response-header',
    'Location: /inns/43',
  );
  expect(stdout).toContain('/steps/9007199254740993');
  expect(stdout).toContain('/inns/43   (every write does this)');
});

it('--json: one line for machines', async () => {
  const { code, stdout } = await explain('PUT', '/steps/7', '--json');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(stdout)).toMatchObject({ targets: ['/steps', '/steps/7'], implied: ['/steps/7'], tags: [] });
});

test.each([
  [['PUT'], /missing required argument 'path'/],
  [['P T', '/a'], /"P T" is not a method/],
  [['PUT', 'a'], /"a" is not a path: write \/a/],
  [['PUT', '/a#b'], /must be escaped/],
  [['PUT', '/a', '--status', '99'], /"99" is not a status/],
  [['PUT', '/a', '--response', '{"a":'], /--response is malformed: write JSON in single quotes, or @file/],
  [['PUT', '/a', '--response', '{"a":1,"a":2}'], /--response is ambiguous/],
  [['PUT', '/a', '--before', '@/nowhere'], /--before: ENOENT/],
  [['PUT', '/a', '--lookup', 'step'], /--lookup step: write name=/],
  [['PUT', '/a', '--header', 'nonsense'], /write "Name: value"/],
])('%j is a usage error', async (argv, says) => {
  const { code, stdout, stderr } = await explain(...argv);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(says);
});

it('reports what is wrong with the configuration', async () => {
  const file = configFile('origin: {}\n');
  const { code, stderr } = await run(['explain', '-c', file, 'PUT', '/a']);
  expect(code).toBe(2);
  expect(stderr).toContain('"url" is missing');
});

it('a repeated field has all its values, with --gateway too', async () => {
  const rules = `rules:
  - { name: note, on: PUT /inns/:id, invalidate: ["/notes/{requestHeader.x-note}", "/steps/{responseHeader.x-step}"] }
`;
  const api = await smallApi();
  const gateway = await startGateway(api.origin.url, rules);
  const file = configFile(`origin: { url: http://127.0.0.1:4000 }\n${rules}`);
  const write = ['PUT', '/inns/42', '--header', 'X-Note: 1', '--header', 'X-Note: 2', '--response-header', 'X-Step: 3'];
  for (const where of [
    ['-c', file],
    ['--gateway', gateway.adminUrl],
  ]) {
    const { stdout, stderr } = await run(['explain', ...where, ...write, '--json']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ targets: ['/notes/1%2C%202', '/steps/3', '/inns/42'] });
  }
  await gateway.stop();
  await api.origin.close();
});

it('asks a running gateway what it would remove', async () => {
  const api = await smallApi();
  const gateway = await startGateway(api.origin.url, config.slice(config.indexOf('rules:')));
  await fetch(`${gateway.url}/steps/7`);
  const { code, stdout, stderr } = await run([
    'explain',
    '--gateway',
    gateway.adminUrl,
    'DELETE',
    '/inns/42',
    '--status',
    '204',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('  /steps/7   1 stored response: /steps/7\n');
  await gateway.stop();
  await api.origin.close();
  // If no gateway answers, the message says what to do.
  const gone = await run(['explain', '--gateway', gateway.adminUrl, 'DELETE', '/inns/42']);
  expect(gone.code).toBe(1);
  expect(gone.stderr).toMatch(/cannot reach the admin port at \S+ \(.*\): set its URL with --gateway/);
});

it('reads the configuration that is named, not the one in the working directory', async () => {
  const file = configFile(config);
  writeFileSync(file, 'origin: [');
  expect((await run(['explain', '-c', file, 'PUT', '/a'])).code).toBe(2);
});
