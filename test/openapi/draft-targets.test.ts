import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const operation = (schema: object) => ({ responses: { 200: json(schema) } });
const object = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
});
const api = (paths: object, more: object = {}): string => JSON.stringify({ openapi: '3.1.0', paths, ...more });
const gone = { responses: { 204: {} } };

/** What it is about, paths, rule, targets that are there, targets that are not. */
const cases: [string, object, string, string[], string[]][] = [
  [
    'a list above, where nothing reads a single one',
    {
      '/orders': { get: operation({ type: 'array', items: object('id') }) },
      '/orders/{orderId}/items': { get: operation({}), post: gone },
    },
    'orders-items-changed',
    ['/orders', '/orders/{orderId}/items'],
    [],
  ],
  [
    'what is above the parents of what is made',
    {
      '/trips/{id}': { get: operation(object('id')) },
      '/steps/{id}': { get: operation(object('id', 'tripId')) },
      '/inns': { post: operation(object('id', 'stepId')) },
      '/inns/{id}': { get: operation(object('id', 'stepId')) },
    },
    'inn-created',
    ['/steps/{response.stepId}', '/trips/{step.tripId}'],
    [],
  ],
  [
    'any parent, where neither the request nor the answer tells which',
    {
      '/trips/{id}': { get: operation(object('id')) },
      '/steps/{id}': { get: operation(object('id', 'tripId')) },
      '/inns': { post: { responses: { 201: {} } } },
      '/inns/{id}': { get: operation(object('id', 'stepId')) },
    },
    'inn-created',
    ['/steps/*'],
    ['/steps/{}', '/trips/{step.tripId}'],
  ],
  [
    'one of several, whose schema has no name',
    {
      '/users/me': { get: operation(object('id')), put: gone },
      '/users/{id}': { get: operation(object('id')) },
    },
    'users-me-changed',
    ['/users/{before.id}', 'user:{before.id}'],
    [],
  ],
  [
    'others that an action names',
    {
      '/posts/{id}': { get: operation(object('id')) },
      '/posts/{id}/merge': {
        post: { requestBody: json({ properties: { postIds: { type: 'array', items: {} } } }), responses: {} },
      },
    },
    'post-merge',
    ['/posts/{id}', '/posts/{request.postIds[*]}', 'post:{request.postIds[*]}'],
    [],
  ],
];
test.each(cases)('%s', (_, paths, name, present, absent) => {
  const targets = draftConfig(api(paths))
    .rules.find((rule) => rule.name === name)
    ?.targets.map(({ text }) => text);
  for (const each of present) expect(targets).toContain(each);
  for (const each of absent) expect(targets).not.toContain(each);
});

test('a resource that is created and never changed gets no tag', () => {
  const paths = {
    '/inns': { post: operation(object('id')) },
    '/inns/{id}': { get: operation(object('id')) },
  };
  expect(draftConfig(api(paths)).routes[0]?.tags).toEqual([]);
  const changed = { ...paths, '/inns/{id}': { get: operation(object('id')), put: operation(object('id')) } };
  expect(draftConfig(api(changed)).routes.at(-1)?.tags).toEqual(['inn:{id}']);
});

test('a schema that embeds everything is searched up to the bounds', () => {
  const names = Array.from({ length: 8 }, (_, i) => `kind${String.fromCharCode(97 + i)}`);
  const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
  const properties = { id: {}, ...Object.fromEntries(names.map((name) => [name, reference(name)])) };
  const schemas = Object.fromEntries(names.map((name) => [name, { properties }]));
  const paths = Object.fromEntries(
    names.map((name) => [`/${name}s/{id}`, { get: operation(reference(name)), put: operation(reference(name)) }]),
  );
  const tags = draftConfig(api(paths, { components: { schemas } })).routes.flatMap((route) => route.tags);
  expect(tags.length).toBeLessThan(names.length ** 2 * 2_000);
  expect(tags.filter((tag) => tag.split('.').length > 9)).toEqual([]);
});
