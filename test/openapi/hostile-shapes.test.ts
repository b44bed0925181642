import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { covers } from '../../src/openapi/pattern-sets.ts';
import { coversTarget } from '../../src/openapi/target-sets.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { warningsOf } from '../config/parse.ts';

/* APIs whose shapes invite a draft that leaves something stale. Each row names what a write has to reach. */

const content = (schema: object) => ({ content: { 'application/json': { schema } } });
const answers = (schema: object) => ({ responses: { 200: content(schema) } });
const gone = { responses: { 204: {} } };
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const many = (items: object) => ({ type: 'array', items });
const object = (properties: object) => ({ type: 'object', properties });
const [integer, string] = [{ type: 'integer' }, { type: 'string' }];
const sent = (schema: object, responses: object = answers(schema)) => ({ requestBody: content(schema), ...responses });

const schemas = {
  Order: object({ id: integer, status: string, customerId: integer, lines: many(ref('Line')) }),
  Line: object({ id: integer, quantity: integer, product: ref('Product') }),
  Product: object({ id: integer, name: string }),
  Customer: object({ id: integer, name: string, orderCount: integer }),
  Task: object({ id: integer, title: string, projectId: integer, tagIds: many(integer) }),
  Project: object({ id: integer, title: string, settings: ref('Settings') }),
  Settings: object({ theme: string, color: string }),
  Tag: object({ id: integer, label: string }),
  Member: object({ userId: integer, role: string }),
  User: object({ id: integer, login: string, bio: string }),
  Article: object({ slug: string, title: string, body: string }),
  Comment: object({ id: integer, body: string, author: { oneOf: [integer, ref('User')] } }),
  Room: object({ id: integer, label: string, owner_id: integer, owner_name: string }),
  Owner: object({ id: integer, name: string }),
};

const orders = {
  '/orders': { get: answers(object({ data: many(ref('Order')), total: integer })) },
  '/orders/{id}': { get: answers(object({ data: ref('Order') })), put: sent(ref('Order'), gone), delete: gone },
  '/orders/{orderId}/status': { get: answers(object({ status: string })), patch: gone },
  '/orders/{orderId}/lines': { get: answers(many(ref('Line'))) },
  '/lines/{id}': { get: answers(ref('Line')) },
  '/products/{id}': { get: answers(ref('Product')), patch: sent(ref('Product')) },
  '/customers/{id}': { get: answers(ref('Customer')), delete: gone },
  '/customers/{id}/orders': { get: answers(many(ref('Order'))) },
};
const projects = {
  '/{tenant}/projects': { get: answers(many(ref('Project'))) },
  '/{tenant}/projects/{id}': { get: answers(ref('Project')) },
  '/{tenant}/projects/{projectId}/tasks': { get: answers(many(ref('Task'))) },
  '/{tenant}/projects/{projectId}/settings': { get: answers(ref('Settings')), put: sent(ref('Settings')) },
  '/{tenant}/tasks/{id}': { get: answers(ref('Task')) },
  '/{tenant}/tasks/{taskId}/move': { post: { requestBody: content(object({ projectId: integer })), ...gone } },
  '/{tenant}/tasks/bulk-update': {
    post: { requestBody: content(object({ ids: many(integer), projectId: integer })), ...gone },
  },
  '/{tenant}/tags/{id}': { get: answers(ref('Tag')), delete: gone },
};
const teams = {
  '/projects': { get: answers(many(ref('Project'))) },
  '/projects/{id}': { get: answers(ref('Project')) },
  '/projects/{projectId}/members': { get: answers(many(ref('Member'))) },
  '/projects/{projectId}/members/{userId}': { get: answers(ref('Member')), put: gone, delete: gone },
  '/users/{login}': { get: answers(ref('User')), patch: sent(ref('User')) },
  '/users/{login}/projects': { get: answers(many(ref('Project'))) },
  '/comments': { get: answers(object({ items: many(ref('Comment')) })) },
};
const articles = {
  '/articles/{slug}': { get: answers(ref('Article')), put: sent(ref('Article')) },
  '/articles/{slug}/comments': { get: answers(many(ref('Comment'))) },
  '/comments/{id}': { get: answers(ref('Comment')), delete: gone },
};
const rooms = {
  '/rooms': { get: answers(many(ref('Room'))) },
  '/rooms/{id}': { get: answers(ref('Room')) },
  '/owners/{id}': { get: answers(ref('Owner')), patch: sent(ref('Owner')), delete: gone },
};

/** What it is about, an API, a write, and what it must reach. */
const cases: [string, object, string, string[]][] = [
  [
    'a part that the lists of its parent show, too',
    orders,
    'PATCH /orders/:orderId/status',
    ['/orders/{orderId}', '/orders/{orderId}/status', '/orders', '/customers/*/orders'],
  ],
  [
    'an envelope, and an answer without a body',
    orders,
    'PUT /orders/:orderId',
    ['/orders', '/customers/{before.data.customerId, response.data.customerId}/orders'],
  ],
  ['children that have paths of their own', orders, 'PUT /orders/:orderId', ['/orders/{orderId}/lines', '/lines/*']],
  ['what is embedded two levels down', orders, 'PATCH /products/:id', ['product:{id}']],
  ['what names a deleted one by a plain id', orders, 'DELETE /customers/:id', ['/orders', '/orders/*']],
  [
    'an action that moves, and answers nothing',
    projects,
    'POST /:tenant/tasks/:id/move',
    ['/{tenant}/tasks/{id}', '/{tenant}/projects/{before.projectId, request.projectId}/tasks'],
  ],
  [
    'a change of many below a tenant',
    projects,
    'POST /:tenant/tasks/bulk-update',
    ['/{tenant}/tasks/{request.ids[*]}', '/{tenant}/projects/*/tasks'],
  ],
  [
    'a singleton that its parent shows',
    projects,
    'PUT /:tenant/projects/:projectId/settings',
    ['/{tenant}/projects/{projectId}', '/{tenant}/projects'],
  ],
  ['an id in an array', projects, 'DELETE /:tenant/tags/:id', ['/{tenant}/tasks/*', '/{tenant}/projects/*/tasks']],
  [
    'a membership, seen from the other side',
    teams,
    'PUT /projects/:projectId/members/:userId',
    ['/projects/{projectId}/members', '/projects', '/users/*/projects'],
  ],
  [
    'a user under a new login, and what is below the old one',
    teams,
    'PATCH /users/:login',
    ['/users/{login, response.login}', '/users/{login}/projects', 'user:{login}'],
  ],
  [
    'an article under a new slug, and what is below the old one',
    articles,
    'PUT /articles/:slug',
    ['/articles/{slug, response.slug}', '/articles/{slug}/comments'],
  ],
  [
    'what only a path above names, deleted where that path does not show',
    articles,
    'DELETE /comments/:id',
    ['/articles/*/comments'],
  ],
  ['a copied name', rooms, 'PATCH /owners/:id', ['owner:{id}']],
  ['what has a copied name, and loses it', rooms, 'DELETE /owners/:id', ['/rooms', '/rooms/*']],
];
test.each(cases)('%s', (_, paths, write, wanted) => {
  const draft = draftConfig(JSON.stringify({ openapi: '3.1.0', paths, components: { schemas } }));
  const [method = '', pattern = ''] = write.split(' ');
  const found = draft.rules
    .filter((rule) => rule.methods.includes(method) && covers(rule.pattern, pattern))
    .flatMap(({ targets }) => targets.map(({ text }) => text));
  expect(wanted.filter((each) => !found.some((other) => coversTarget(other, each)))).toEqual([]);
  expect(warningsOf(writeDraft(draft, 'x'))).toEqual([]);
});

test('what has a copied name carries the tag of what it is copied from', () => {
  const { routes } = draftConfig(JSON.stringify({ openapi: '3.1.0', paths: rooms, components: { schemas } }));
  const tags = (match: string) => routes.find((route) => route.match === match)?.tags;
  expect(tags('/rooms')).toContain('owner:{response[*].owner_id}');
  expect(tags('/rooms/:id')).toContain('owner:{response.owner_id}');
});
