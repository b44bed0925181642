import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { configOf } from '../config/parse.ts';

/* What a draft would leave stale, if it inferred less carefully. */

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const operation = (schema: object) => ({ responses: { 200: json(schema) } });
const gone = { responses: { 204: {} } };
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const many = (items: object) => ({ type: 'array', items });
const object = (properties: object) => ({ type: 'object', properties });
const integer = { type: 'integer' };
const string = { type: 'string' };

const schemas = {
  Issue: object({
    id: integer,
    number: integer,
    title: string,
    milestone: ref('Milestone'),
    labels: many(ref('Label')),
  }),
  Milestone: object({ id: integer, number: integer, title: string, due: string, open_issues: integer }),
  Label: object({ id: integer, name: string, color: string }),
  Comment: object({ id: integer, body: string, issue_url: string }),
  Article: object({ slug: string, title: string, body: string, tagList: many(string), author: ref('Profile') }),
  Profile: object({ username: string, bio: string, image: string }),
  User: object({ username: string, bio: string, image: string, token: string }),
  Folder: object({ id: string, name: string, parent: { allOf: [ref('Folder'), { nullable: true }] } }),
  File: object({ id: string, title: string, size: integer, folder: { oneOf: [string, ref('Folder')] } }),
  Pet: object({ id: integer, name: string, photoUrls: many(string) }),
};
const api = (paths: object): string => JSON.stringify({ openapi: '3.1.0', paths, components: { schemas } });

const repo = '/repos/{owner}/{repo}';
const issues = {
  [`${repo}/issues`]: { get: operation(many(ref('Issue'))), post: operation(ref('Issue')) },
  [`${repo}/issues/{issue_number}`]: { get: operation(ref('Issue')), patch: operation(ref('Issue')) },
  '/search/mine': { get: operation(object({ total_count: integer, items: many(ref('Issue')) })) },
  [`${repo}/milestones`]: { get: operation(many(ref('Milestone'))) },
  [`${repo}/milestones/{milestone_number}`]: { get: operation(ref('Milestone')), patch: operation(ref('Milestone')) },
};
const blog = {
  '/articles': { get: operation(object({ articles: many(ref('Article')), articlesCount: integer })) },
  '/articles/{slug}': {
    get: operation(object({ article: ref('Article') })),
    put: operation(object({ article: ref('Article') })),
  },
  '/tags': { get: operation(object({ tags: many(string) })) },
  '/profiles/{username}': { get: operation(object({ profile: ref('Profile') })) },
  '/user': { get: operation(object({ user: ref('User') })), put: operation(object({ user: ref('User') })) },
};
const box = {
  '/folders': { get: operation(many(ref('Folder'))), post: operation(ref('Folder')) },
  '/folders/{folder_id}': { get: operation(ref('Folder')), put: operation(ref('Folder')) },
  '/folders/{folder_id}/items': { get: operation(object({ entries: many({ oneOf: [ref('File'), ref('Folder')] }) })) },
  '/files/{file_id}': { get: operation(ref('File')), put: operation(ref('File')) },
};

/** What it is about, paths, rule or route, what is among its targets or tags. */
const cases: [string, object, string, string[]][] = [
  [
    'lists elsewhere that return the written schema',
    issues,
    'issue-created',
    ['/search/mine', '/repos/{owner}/{repo}/issues'],
  ],
  [
    'a parameter that is not called as the member',
    issues,
    '/repos/:owner/:repo/milestones/:milestone_number',
    ['milestone:{milestone_number}'],
  ],
  [
    'an embedded one, by the same member',
    issues,
    '/repos/:owner/:repo/issues',
    ['milestone:{response[*].milestone.number}'],
  ],
  [
    'a parent, by the member that its path is made of, and the lists that count its children',
    issues,
    'issue-changed',
    [
      '/repos/{owner}/{repo}/milestones/{before.milestone.number, response.milestone.number}',
      '/repos/{owner}/{repo}/milestones',
    ],
  ],
  ['envelopes with the name of their content', blog, '/articles', ['profile:{response.articles[*].author.username}']],
  ['what is renamed, by both names', blog, 'article-changed', ['/articles/{slug, response.article.slug}', '/tags']],
  [
    'the same thing under another schema',
    blog,
    'user-changed',
    [
      '/profiles/{before.user.username, response.user.username}',
      'profile:{before.user.username, response.user.username}',
    ],
  ],
  ['a list of several kinds', box, 'folder-created', ['/folders/{response.parent.id}/items']],
  ['one in another of its kind', box, 'folder-changed', ['/folders/{before.parent.id, response.parent.id}']],
  ['a plain id, or an expanded object', box, 'file-changed', ['/folders/{before.folder, response.folder}']],
  ['an expanded object, where it may be a plain id', box, '/files/:file_id', ['folder:{response[?@.id].id}']],
  [
    'a list below one of the same kind, where nothing tells which',
    {
      '/topics/{id}': { get: operation(object({ id: integer, text: string })), put: gone },
      '/topics/{id}/subtopics': { get: operation(many(ref('Label'))) },
      '/topics/{id}/related': { get: operation(many(object({ id: integer, text: string }))) },
      '/topics/{id}/topics': { get: operation(many(object({ id: integer, text: string }))) },
    },
    'topic-changed',
    ['/topics/*/topics'],
  ],
  [
    'a child whose own path does not name its parent',
    {
      ...issues,
      [`${repo}/issues/{issue_number}/comments`]: { get: operation(many(ref('Comment'))) },
      [`${repo}/comments/{comment_id}`]: { get: operation(ref('Comment')), delete: gone },
    },
    'comment-changed',
    ['/repos/{owner}/{repo}/comments/{comment_id}', '/repos/{owner}/{repo}/issues/*/comments'],
  ],
  [
    'what names it in its path, elsewhere, when it is deleted',
    {
      '/collections/{id}': { get: operation(object({ id: string })), delete: gone },
      '/items/{collection}': { get: operation(many(object({ id: string, text: string }))) },
    },
    'collection-deleted',
    ['/items/{id}'],
  ],
  [
    'one that only the body of the request names',
    { '/pet': { put: operation(ref('Pet')) }, '/pet/{petId}': { get: operation(ref('Pet')) } },
    'pet-batch',
    ['/pet/{request.id, response.id}'],
  ],
];
test.each(cases)('%s', (_, paths, part, present) => {
  const bodies = JSON.parse(api(paths)) as { paths: Record<string, { put?: object }> };
  const pet = bodies.paths['/pet']?.put;
  if (pet !== undefined) Object.assign(pet, { requestBody: json(ref('Pet')) });
  const { routes, rules } = draftConfig(JSON.stringify(bodies), { condense: false });
  const found =
    routes.find(({ match }) => match === part)?.tags ??
    rules.find(({ name }) => name === part)?.targets.map(({ text }) => text);
  for (const each of present) expect(found).toContain(each);
});

test('a parameter that could be two members falls back to a wildcard', () => {
  const place = object({ slug: string, name: string, region: ref('Profile') });
  const { rules } = draftConfig(
    api({
      '/places': { get: operation(many(place)) },
      '/places/{place}': { get: operation(place), put: gone },
      '/spots/{place}/{x}': { get: operation(object({ place })) },
    }),
  );
  expect(rules[0]?.targets.map(({ text }) => text)).not.toContain('place:{place}');
});

const named = (summary: string, more: object = operation({})) => ({ ...more, summary });
test.each([
  ['/things/search', operation({}), 'reads'],
  ['/things/search', named('Search things'), 'reads'],
  ['/things/searchByName', operation({}), 'reads'],
  ['/documents.list', named('List all documents'), 'reads'],
  // A name, or a description, that says otherwise.
  ['/things/search', named('Create a saved search'), 'nothing'],
  ['/things/query', { ...operation({}), operationId: 'startQuery' }, 'nothing'],
  ['/things.list', operation({}), 'rule'],
  ['/things.list', named('Adds to the list'), 'rule'],
  // A mutation has the same path; a login makes a session.
  ['/graphql', operation({}), 'nothing'],
  ['/login', operation({}), 'nothing'],
  ['/searches', operation({}), 'rule'],
  ['/things/search', { responses: { 201: json({}) } }, 'rule'],
  ['/things/search', gone, 'rule'],
  ['/things.archived', named('List archived things'), 'rule with TODO'],
])('POST %s with %j: %s', (path, post, drafted) => {
  const draft = draftConfig(api({ [path]: { post } }));
  expect(draft.reads.map(({ pattern }) => pattern)).toEqual(drafted === 'reads' ? [path] : []);
  expect(draft.rules).toHaveLength(drafted.startsWith('rule') ? 1 : 0);
  expect(/only reads/.test(draft.rules[0]?.comments.join() ?? '')).toBe(drafted.endsWith('TODO'));
  expect(configOf(writeDraft(draft, 'x')).reads).toHaveLength(draft.reads.length);
});

test('a POST is no read if its pattern also matches one that writes', () => {
  const paths = {
    '/{index}/search': { post: operation({}) },
    '/saved/search': { post: { responses: { 201: json({}) } } },
  };
  expect(draftConfig(api(paths)).reads).toEqual([]);
});

test('a member that is named like a resource, and has no id, leaves a TODO', () => {
  const pet = object({ id: integer, owner: object({ first: string }) });
  const paths = {
    '/owners/{id}': { get: operation(object({ id: integer })) },
    '/pets/{id}': { get: operation(pet), put: operation(pet) },
  };
  expect(draftConfig(api(paths)).rules[0]?.comments.join()).toMatch(/TODO: pet\.\{owner\}: named like other resources/);
});

test.each([
  ['counts', { '/stats': { get: operation(object({ total: integer })) } }],
  ['what is not described', { '/extra': { get: { responses: { 200: {} } } } }],
  [
    'records that the API makes by itself',
    { '/audit-logs': { get: operation(many(object({ id: string, at: string }))) } },
  ],
])('%s: not stored', (_, more) => {
  const { routes } = draftConfig(api({ ...issues, ...more }));
  expect(routes.find(({ match }) => match === Object.keys(more)[0])?.off).toBe(true);
});
