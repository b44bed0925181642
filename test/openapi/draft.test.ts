import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { draftConfig } from '../../src/openapi/draft.ts';
import { idOfWhat, plainWord, singular } from '../../src/openapi/words.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';

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
  ['shop.json', '/api/v1/exports/*', [], []],
  [
    'shop.json',
    '/api/v1/products/:productId',
    ['category:{response.category.slug}'],
    ['product:{response.related[*].id}'],
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
];
test.each(edges)('%s: %s', (name, part, present, absent) => {
  const { routes, rules } = draftConfig(readFileSync(`${folder}/${name}`, 'utf8'));
  const route = routes.find(({ match }) => match === part);
  const rule = rules.find((each) => each.name === part);
  const found = route?.tags ?? rule?.targets.map(({ text }) => text);
  expect(found).toBeDefined();
  for (const each of present) expect(found).toContain(each);
  for (const each of absent) expect(found).not.toContain(each);
});

test('what depends on who asks is not kept', () => {
  const off = documents.flatMap((name) =>
    draftConfig(readFileSync(`${folder}/${name}`, 'utf8'))
      .routes.filter(({ off }) => off)
      .map(({ match }) => match),
  );
  expect(off.sort()).toEqual(['/api/v1/cart', '/dashboard', '/users/me']);
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

test('what leads nowhere is named', () => {
  const text = writeDraft(
    draftConfig(
      api({
        '/a': { get: operation({ $ref: '#/components/schemas/Nope' }), put: operation({ $ref: 'other.yaml#/A' }) },
      }),
    ),
    'x',
  );
  expect(text).toContain('# TODO: #/components/schemas/Nope leads nowhere in this document');
  expect(text).toContain('# TODO: other.yaml#/A leads nowhere in this document');
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

test('ten thousand paths take as long as ten thousand paths do', () => {
  const paths = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, i) => [
      [`/things${i}`, { get: operation({ type: 'array', items: object('id') }), post: operation(object('id')) }],
      [`/things${i}/{id}`, { get: operation(object('id', 'things0Id')), put: operation(object('id')) }],
    ]).flat() as [string, object][],
  );
  const { routes, rules } = draftConfig(api(paths));
  expect([routes.length, rules.length]).toEqual([10_000, 10_000]);
});

const words: [string, string][] = [
  ...([
    'accommodations accommodation',
    'categories category',
    'movies movie',
    'people person',
    'addresses address',
    'boxes box',
    'statuses status',
    'series series',
    'news news',
    'bus bus',
    'analysis analysis',
    'order_items order_item',
    'orderItems orderItem',
    'keys key',
    'media medium',
  ].map((pair) => pair.split(' ')) as [string, string][]),
];
test.each(words)('%s is many a %s', (many, one) => expect(singular(many)).toBe(one));

test.each([
  ['stepId', 'step', false],
  ['step_id', 'step', false],
  ['stepID', 'step', false],
  ['stepIds', 'step', true],
  ['orderItemId', 'order-item', false],
  ['person_uuid', 'person', false],
] as const)('%s names a %s', (field, resource, many) => expect(idOfWhat(field)).toEqual({ resource, many }));
test.each(['id', 'valid', 'paid', 'grid', 'ids', 'step'])('%s names nothing', (field) =>
  expect(idOfWhat(field)).toBeUndefined(),
);
test('words are alike however they are joined', () => {
  expect(['orderItem', 'order_item', 'order-item', 'OrderItem'].map(plainWord)).toEqual(Array(4).fill('order-item'));
});

test.each([
  ['{', /neither YAML nor JSON/],
  ['[1]', /no OpenAPI document/],
  ['', /no OpenAPI document/],
  ['swagger: "2.0"', /Swagger 2.0/],
  ['openapi: 2.9', /no OpenAPI 3/],
  ['openapi: 3.0.0', /no paths/],
  ['openapi: 3.0.0\npaths: []', /no paths/],
  [
    `openapi: 3.0.0\na: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(100)}]\nc: &c [${'*b,'.repeat(100)}]\npaths: {/a: {get: *c}}`,
    /alias/i,
  ],
])('%j is refused', (text, says) => {
  expect(() => draftConfig(text)).toThrow(says);
});
