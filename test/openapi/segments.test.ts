import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { warningsOf } from '../config/parse.ts';

/* Parameters: what they are called, and what stands around them in a segment. */

const json = (schema: object) => ({ responses: { 200: { content: { 'application/json': { schema } } } } });
const thing = { type: 'object', properties: { id: { type: 'string' }, name: { type: 'string' } } };
const list = json({ type: 'array', items: thing });
const one = { get: json(thing), put: json(thing) };

/** What it is about, paths, the path that is written, and the targets of that write; or its pattern alone. */
const cases: [string, object, string, string[]][] = [
  [
    'an ending',
    { '/things.json': { get: list }, '/things/{id}.json': one },
    'PUT /things/:id.json',
    ['/things/{id}.json', '/things.json'],
  ],
  [
    'what is below a path with an ending, which is called otherwise there',
    {
      '/things.json': { get: list },
      '/things/{id}.json': { get: json(thing) },
      '/things/{thing}/parts/{part}.json': { get: json({ type: 'object', properties: { part: {} } }), delete: {} },
    },
    'DELETE /things/:id/parts/:part.json',
    ['/things/{id}/parts/{part}.json', '/things/{id}.json', '/things.json'],
  ],
  [
    'what is below a deleted one with an ending',
    { '/things/{id}.json': { get: json(thing), delete: {} }, '/things/{id}/parts.json': { get: list } },
    'DELETE /things/:id.json',
    ['/things/{id}/**'],
  ],
  [
    'every format of one',
    { '/things/{id}.{format}': one, '/things.{format}': { get: list } },
    'PUT /things/:id.:format',
    ['/things/*'],
  ],
  ['a text before it', { '/v{version}/me': { patch: {} } }, 'PATCH /v:version/me', []],
  ['two of them', { '/compare/{base}-{head}': one }, 'PUT /compare/:base-:head', ['/compare/{base}-{head}']],
  ['what other tools have a meaning for', { '/<upload_url>': { put: {} } }, 'PUT /*', []],
  ['nothing between two', { '/compare/{base}{head}': one }, 'PUT /compare/*', ['/compare/*']],
  ['letters after it, which would belong to its name', { '/things/{id}_x': one }, 'PUT /things/*', ['/things/*']],
  ['what patterns have another meaning for', { '/things/{id}:publish': one }, 'PUT /things/*', ['/things/*']],
  [
    'one that is called otherwise below',
    { '/users/{id}': { get: json(thing) }, '/users/{userId}/posts': { get: list, post: json(thing) } },
    'POST /users/:id/posts',
    ['/users/{id}', '/users/{id}/posts'],
  ],
  [
    'an action on one that is called otherwise',
    { '/users/{id}': { get: json(thing) }, '/users/{user}/ban': { post: {} } },
    'POST /users/:id/ban',
    ['/users/{id}'],
  ],
  [
    'a tenant, which is all that a path begins with',
    { '/{tenant}/orders': { get: list }, '/{tenant}/orders/{id}': one },
    'PUT /:tenant/orders/:id',
    ['/{tenant}/orders/{id}', '/{tenant}/orders'],
  ],
  [
    'a collection that is named by a parameter',
    { '/{collection}': { get: list, post: json(thing) }, '/{collection}/{id}': one },
    'PUT /:collection/:id',
    ['/{collection}/{id}', '/{collection}'],
  ],
];
test.each(cases)('%s', (_, paths, on, targets) => {
  const draft = draftConfig(JSON.stringify({ openapi: '3.1.0', paths }), { condense: false });
  const rules = draft.rules.filter((rule) => rule.methods.some((method) => `${method} ${rule.pattern}` === on));
  expect(rules.length).toBeGreaterThan(0);
  const found = rules.flatMap((rule) => rule.targets.map(({ text }) => text));
  for (const target of targets) expect(found).toContain(target);
  expect(warningsOf(writeDraft(draft, 'x'))).toEqual([]);
});

test('text around a parameter comes before a parameter alone, and the longest before others', () => {
  const get = json(thing);
  const paths = { '/a/{id}': { get }, '/a/{id}.json': { get }, '/a/{x}-{y}.json': { get }, '/a/b': { get } };
  const { routes } = draftConfig(JSON.stringify({ openapi: '3.1.0', paths }));
  expect(routes.map(({ match }) => match)).toEqual(['/a/b', '/a/:x-:y.json', '/a/:id.json', '/a/:id']);
});
