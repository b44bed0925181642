import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { budget } from '../support/budget.ts';

const folder = 'test/openapi/documents';
const documents = readdirSync(folder);
const draftOf = (name: string): string => writeDraft(draftConfig(readFileSync(`${folder}/${name}`, 'utf8')), name);
const parsed = (text: string) =>
  parseConfig(text, { file: 'draft.yaml', env: {}, readFile: () => '', readFolder: () => [] });

describe.each(documents)('%s', (name) => {
  test('the draft is a configuration without an error or a warning, and always the same', () => {
    const text = draftOf(name);
    const { config, warnings } = parsed(text);
    expect(warnings).toEqual([]);
    expect(config.rules.length).toBeGreaterThan(3);
    expect(draftOf(name)).toBe(text);
  });

  test('every route and every rule says what it was inferred from', () => {
    const lines = draftOf(name).split('\n');
    for (const [i, line] of lines.entries()) {
      if (/^ {2}- (?:match|name):/.test(line)) expect(lines[i - 1], line).toMatch(/^ {2}# ./);
    }
  });
});

/** Document, rule (or route), what is among its targets (or tags), and what is not. */
const edges: [string, string, string[], string[]][] = [
  // travel
  [
    'travel.yaml',
    '/steps/:stepId',
    ['step:{stepId}', 'accommodation:{response.accommodations[*].id}'],
    ['trip:{response.tripId}'],
  ],
  [
    'travel.yaml',
    '/trips/:id',
    ['step:{response.steps[*].id}'],
    ['accommodation:{response.steps[*].accommodations.id}'],
  ],
  // What several schemas inherit from says nothing about which of them a reference to it means.
  ['travel.yaml', '/steps', [], ['trip:{response.steps[*].id}', 'accommodation:{response.steps[*].id}']],
  ['travel.yaml', '/users/:id', ['user:{id}'], []],
  [
    'travel.yaml',
    'accommodation-changed',
    [
      '/accommodations/{id}',
      '/accommodations',
      'accommodation:{id}',
      '/steps/{before.stepId, response.stepId}',
      '/trips/{before.tripId, response.tripId}',
    ],
    ['/users/me', '/countries'],
  ],
  [
    'travel.yaml',
    'accommodation-created',
    ['/accommodations/{response.id}', '/steps/{response.stepId}'],
    ['/steps/{before.stepId, response.stepId}'],
  ],
  [
    'travel.yaml',
    'accommodation-batch',
    ['accommodation:{request[*].id, response[*].id}', '/steps/{request[*].stepId, response[*].stepId}'],
    [],
  ],
  [
    'travel.yaml',
    'steps-thumbnail-changed',
    ['/steps/{stepId}/thumbnail', '/steps/{stepId}', 'step:{stepId}', '/steps'],
    ['/trips'],
  ],
  ['travel.yaml', 'step-deleted', ['/steps/{stepId}/**'], ['/steps/{stepId}']],
  [
    'travel.yaml',
    'users-me-changed',
    ['/users/me', '/users/{before.id, response.id}', 'user:{before.id, response.id}'],
    ['/users/me/**'],
  ],
  // shop
  [
    'shop.json',
    '/api/v1/orders/:order_id',
    ['order:{order_id}', 'product:{response.lines[*].product.id}'],
    ['customer:{response.customer_id}'],
  ],
  ['shop.json', '/api/v1/exports/:name.csv', [], []],
  [
    'shop.json',
    '/api/v1/products/:productId',
    // A product that another one shows has its name there, too.
    ['category:{response.category.slug}', 'product:{response.related[*].id}'],
    [],
  ],
  [
    'shop.json',
    'order-changed',
    [
      '/api/v1/orders',
      '/api/v1/customers/{before.customer_id, response.customer_id}/orders',
      '/api/v1/customers/{before.customer_id, response.customer_id}',
    ],
    ['/api/v1/customers'],
  ],
  [
    'shop.json',
    'order-cancel',
    ['/api/v1/orders/{order_id}', '/api/v1/customers/{before.customer_id}'],
    ['/api/v1/orders/{order_id}/cancel'],
  ],
  [
    'shop.json',
    'product-batch',
    [
      '/api/v1/products/{request.items[*].id, response.data[*].id}',
      '/api/v1/categories/{request.items[*].category.slug, response.data[*].category.slug}',
    ],
    [],
  ],
  // tracker
  [
    'tracker.yaml',
    '/v2/orgs/:orgId/projects/:projectId',
    ['issue:{response.issues[*].id}', 'issue:{response.issues[*].duplicateOf.id}'],
    ['label:{response.id}', 'issue:{response.issues[*].duplicateOf.duplicateOf.id}'],
  ],
  [
    'tracker.yaml',
    'issue-changed',
    [
      '/v2/orgs/{orgId}/projects/{projectId}',
      '/v2/labels/{before.label_ids[*], response.label_ids[*]}',
      'project:{projectId}',
    ],
    ['/v2/comments/*'],
  ],
  [
    'tracker.yaml',
    'comment-changed',
    ['/v2/orgs/*/projects/*/issues/{before.issue.id, response.issue.id}/comments', 'comment:{commentId}'],
    [],
  ],
  // blog
  ['blog.yaml', '/posts/:slug', ['post:{slug}', 'person:{response.data.author.id}'], []],
  ['blog.yaml', 'post-created', ['/posts/{response.data.slug}', '/posts'], []],
  ['blog.yaml', 'post-publish', ['/posts/{slug}', 'post:{slug}'], []],
  ['blog.yaml', 'settings-changed', ['/settings'], []],
  // forum
  [
    'forum.yaml',
    '/boards/:boardId/threads',
    ["post:{response.threads[*]['lastPost', :0].id}", 'user:{response.threads[*].author.username}'],
    ['post:{response.threads[*].lastPost.id}', 'thread:{response.threads[*].id}'],
  ],
  ['forum.yaml', 'post-created', ['/boards/*/threads', '/threads/{threadId}', 'thread:{threadId}'], ['/boards/*']],
  ['forum.yaml', 'item-created', ['/orders', 'order:{orderId}'], ['/posts/*', '/orders/*']],
  ['forum.yaml', 'item-changed', ['/orders', '/orders/{before.orderId, response.orderId}'], ['/orders/*']],
  ['forum.yaml', 'order-deleted', ['/orders/{orderId}/**', '/items/*'], ['/orders/{orderId}', '/orders/*/items']],
  ['forum.yaml', 'order-changed', ['/orders/{orderId}', '/orders'], ['/orders/{orderId}/**']],
  ['forum.yaml', 'post-deleted', ['/posts/{postId}/**', '/attachments/*'], []],
  [
    'forum.yaml',
    'users-me-changed',
    ['/users/me', '/users/{before.username, response.username}', 'user:{before.username, response.username}'],
    ['/users/*'],
  ],
  [
    'forum.yaml',
    'moderation-bulk-delete-changed',
    ['/posts/{request.post_ids[*]}', 'post:{request.post_ids[*]}', '/threads/*/posts', '/threads/*'],
    ['/posts/*'],
  ],
  ['forum.yaml', 'posts-mark-read-changed', ['/posts/{request.ids[*]}'], ['/posts/mark-read']],
  [
    'forum.yaml',
    'attachment-created',
    ['/attachments/{responseHeader.location[-1]}', '/posts/{postId}', '/posts/{postId}/attachments'],
    ['/attachments/{response.id}', '/posts/{postId, response.postId}'],
  ],
];
test.each(edges)('%s: %s', (name, part, present, absent) => {
  const { routes, rules } = draftConfig(readFileSync(`${folder}/${name}`, 'utf8'), { condense: false });
  const route = routes.find(({ match }) => match === part);
  const rule = rules.find((each) => each.name === part);
  const found = route?.tags ?? rule?.targets.map(({ text }) => text);
  expect(found).toBeDefined();
  for (const each of present) expect(found).toContain(each);
  for (const each of absent) expect(found).not.toContain(each);
});

test('what depends on the user, or is computed of what nobody names, is not cached', () => {
  const off = documents.flatMap((name) =>
    draftConfig(readFileSync(`${folder}/${name}`, 'utf8'))
      .routes.filter(({ off }) => off)
      .map(({ match }) => match),
  );
  expect(off.sort()).toEqual(['/api/v1/cart', '/api/v1/paid', '/dashboard', '/users/me', '/users/me']);
});

test('literals come before parameters, whatever the order of the document', () => {
  const matches = draftConfig(readFileSync(`${folder}/travel.yaml`, 'utf8')).routes.map(({ match }) => match);
  expect(matches.indexOf('/users/me')).toBeLessThan(matches.indexOf('/users/:id'));
});

test('an action has its representation read where the item lives', () => {
  const { routes } = draftConfig(readFileSync(`${folder}/blog.yaml`, 'utf8'));
  expect(routes.find(({ match }) => match === '/posts/:slug/publish')?.before).toBe('GET /posts/{slug}');
});

const operation = (schema: object) => ({ responses: { 200: { content: { 'application/json': { schema } } } } });
const object = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
});
const api = (paths: object, more: object = {}): string => JSON.stringify({ openapi: '3.1.0', paths, ...more });

test('what is above the parents is reached by a lookup, where the written resource does not name it', () => {
  const { rules } = draftConfig(
    api({
      '/trips/{id}': { get: operation(object('id')) },
      '/steps/{id}': { get: operation(object('id', 'tripId')) },
      '/inns/{id}': { get: operation(object('id', 'stepId')), put: operation(object('id', 'stepId')) },
    }),
  );
  expect(rules[0]?.lookups).toEqual({ step: '/steps/{before.stepId, response.stepId}' });
  expect(rules[0]?.targets.map(({ text }) => text)).toContain('/trips/{step.tripId}');
});

/** Where the id of what was made is, by what is declared of the answer. */
const located = { headers: { location: { schema: { type: 'string' } } } };
const json = (schema: object) => ({ content: { 'application/json': { schema } } });
test.each([
  ['a representation', json(object('id')), '/inns/{response.id}'],
  ['a representation, and a Location', { ...json(object('id')), ...located }, '/inns/{response.id}'],
  ['a Location', located, '/inns/{responseHeader.location[-1]}'],
  ['a Location, and no id', { ...json(object('ok')), ...located }, '/inns/{responseHeader.location[-1]}'],
  ['nothing', {}, '/inns/{response.id, responseHeader.location[-1]}'],
])('the id of what was made is where the answer has it: %s', (_, answer, target) => {
  const { rules } = draftConfig(
    api({
      '/inns': { post: { responses: { 201: answer } } },
      '/inns/{id}': { get: operation(object('id', 'name')) },
    }),
  );
  expect(rules[0]?.targets.map(({ text }) => text)).toContain(target);
});

test('what was made belongs to what was asked for, where the answer is without a body', () => {
  const { rules } = draftConfig(
    api({
      '/steps/{id}': { get: operation(object('id')) },
      '/inns': { post: { requestBody: json(object('stepId')), responses: { 201: located } } },
      '/inns/{id}': { get: operation(object('id', 'stepId')) },
    }),
  );
  expect(rules[0]?.targets.map(({ text }) => text)).toContain('/steps/{request.stepId}');
});

/** Schema of the body of a DELETE of several. */
test.each([
  ['ids', json({ type: 'object', properties: { ids: { type: 'array', items: {} } } }), '{request.ids[*]}'],
  ['inn_ids', json({ type: 'object', properties: { inn_ids: { type: 'array', items: {} } } }), '{request.inn_ids[*]}'],
  ['an array of them', json({ type: 'array', items: { type: 'integer' } }), '{request[*]}'],
  ['an array of objects', json({ type: 'array', items: object('id') }), '{request[*].id}'],
  ['nothing that tells', json({ type: 'object' }), '*'],
])('many are deleted by %s', (_, requestBody, ids) => {
  const draft = draftConfig(
    api({
      '/steps/{id}': { get: operation(object('id')) },
      '/inns': { delete: { requestBody, responses: { 204: {} } } },
      '/inns/{id}': { get: operation(object('id', 'stepId')) },
    }),
  );
  const targets = draft.rules[0]?.targets.map(({ text }) => text);
  expect(targets).toContain(`/inns/${ids}`);
  expect(targets).toContain(`inn:${ids}`);
  expect(parsed(writeDraft(draft, 'x')).warnings).toEqual([]);
});

test('where no member is marked as required, the draft says what that means', () => {
  const Inn = object('id', 'name');
  const step = (more: object) => ({
    '/steps/{id}': { get: operation({ ...object('id'), ...more, properties: { id: {}, inn: Inn } }) },
    '/inns/{id}': { get: operation(Inn), put: operation(Inn) },
  });
  const textOf = (more: object): string => writeDraft(draftConfig(api(step(more))), 'x');
  expect(textOf({})).toMatch(/# TODO: the document marks no member as required/);
  expect(textOf({})).toContain('inn:{response.inn.id}');
  expect(textOf({ required: ['id'] })).not.toContain('TODO: the document marks');
  expect(textOf({ required: ['id'] })).toContain(`inn:{response['inn', :0].id}`);
  expect(textOf({ required: ['inn'] })).toContain('inn:{response.inn.id}');
  // Of two alternatives only one has it for certain; an alternative that is null is none.
  const either = (...anyOf: object[]) => textOf({ required: ['id'], anyOf });
  expect(either({ required: ['inn'] }, { type: 'null' })).toContain('inn:{response.inn.id}');
  expect(either({ required: ['inn'] }, {})).toContain(`inn:{response['inn', :0].id}`);
  expect(textOf({ required: ['id'], allOf: [{ required: ['inn'] }, {}] })).toContain('inn:{response.inn.id}');
});

test('schemas that refer to each other end', () => {
  const Node = {
    type: 'object',
    properties: {
      id: {},
      parent: { $ref: '#/components/schemas/Node' },
      nodes: { type: 'array', items: { $ref: '#/components/schemas/Node' } },
    },
  };
  const Loop = { $ref: '#/components/schemas/Loop' };
  const Endless = { allOf: [{ $ref: '#/components/schemas/Endless' }] };
  const $ref = '#/components/schemas/Node';
  for (const schema of [{ $ref }, { $ref: '#/components/schemas/Loop' }, { $ref: '#/components/schemas/Endless' }]) {
    const draft = draftConfig(
      api(
        { '/nodes/{id}': { get: operation(schema), put: operation(schema) } },
        { components: { schemas: { Node, Loop, Endless } } },
      ),
    );
    expect(parsed(writeDraft(draft, 'x')).warnings).toEqual([]);
  }
});

test('a reference to a missing schema is reported', () => {
  const text = writeDraft(
    draftConfig(
      api({
        '/a': { get: operation({ $ref: '#/components/schemas/Nope' }), put: operation({ $ref: 'other.yaml#/A' }) },
      }),
    ),
    'x',
  );
  expect(text).toContain('# TODO: #/components/schemas/Nope was not followed');
  expect(text).toContain('# TODO: other.yaml#/A was not followed');
});

test('nothing in a document can break out of its comments or its scalars', () => {
  const evil = '/a"\n  - match: /evil #{x}';
  const paths = {
    [evil]: { get: { ...operation({}), operationId: 'x\nroutes: []' } },
    '/b/{x: y}': { get: operation({}) },
    '/c/{a}-{b}': { put: operation({}) },
  };
  const text = writeDraft(draftConfig(api(paths, { servers: [{ url: 'http://x/ # y\n{a}' }] })), 'f\nevil: 1');
  expect(text).not.toMatch(/^evil|^ {2}- match: \/evil/m);
});

test('thousands of paths take as long as thousands of paths do', () => {
  const length = budget({ local: 1_500, ci: 5_000 });
  const paths = Object.fromEntries(
    Array.from({ length }, (_, i) => [
      [`/things${i}`, { get: operation({ type: 'array', items: object('id') }), post: operation(object('id')) }],
      [`/things${i}/{id}`, { get: operation(object('id', 'things0Id')), put: operation(object('id')) }],
    ]).flat() as [string, object][],
  );
  const { routes, rules } = draftConfig(api(paths));
  expect([routes.length, rules.length]).toEqual([2 * length, 2 * length]);
});

test.each([
  ['{', /neither YAML nor JSON/],
  ['[1]', /not an OpenAPI document/],
  ['', /not an OpenAPI document/],
  ['swagger: "2.0"', /no paths/],
  ['swagger: "1.2"', /it is Swagger 1.2/],
  ['openapi: 2.9', /not an OpenAPI 3/],
  ['openapi: 3.0.0', /no paths/],
  ['openapi: 3.0.0\npaths: []', /no paths/],
  [
    `openapi: 3.0.0\na: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(100)}]\nc: &c [${'*b,'.repeat(100)}]\npaths: {/a: {get: *c}}`,
    /alias/i,
  ],
])('%j is refused', (text, says) => {
  expect(() => draftConfig(text)).toThrow(says);
});
