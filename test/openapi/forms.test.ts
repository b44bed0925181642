import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';

/* Forms of descriptions: Swagger 2.0, several files, parts of one. */

const pet = {
  type: 'object',
  properties: { id: { type: 'integer' }, name: { type: 'string' }, ownerId: { type: 'integer' } },
};
const swagger = {
  swagger: '2.0',
  host: 'api.example.com',
  basePath: '/v1',
  schemes: ['http', 'https'],
  parameters: { pet: { in: 'body', name: 'pet', schema: { $ref: '#/definitions/Pet' } } },
  responses: { Pet: { description: 'one', schema: { $ref: '#/definitions/Pet' } } },
  securityDefinitions: { basic: { type: 'basic' } },
  paths: {
    '/pets': { get: { responses: { 200: { schema: { type: 'array', items: { $ref: '#/definitions/Pet' } } } } } },
    '/pets/{petId}': {
      parameters: [{ in: 'path', name: 'petId', type: 'integer' }],
      get: { responses: { 200: { $ref: '#/responses/Pet' } } },
      put: { parameters: [{ $ref: '#/parameters/pet' }], responses: { 200: { $ref: '#/responses/Pet' } } },
    },
    '/owners/{id}': { get: { responses: { 200: { schema: { properties: { id: { type: 'integer' } } } } } } },
  },
  definitions: { Pet: pet },
};

test('Swagger 2.0: host and base path, bodies, responses, parameters and security', () => {
  const { origin, rules, notes, credentials } = draftConfig(JSON.stringify(swagger));
  expect(origin).toEqual({ url: 'https://api.example.com' });
  expect(notes.join()).toContain('Swagger 2.0');
  expect(credentials?.userKey).toContain('authorization');
  expect(rules[0]?.targets.map(({ text }) => text)).toEqual([
    '/v1/pets/{petId}',
    'pet:{petId}',
    '/v1/pets',
    '/v1/owners/{before.ownerId, response.ownerId}',
  ]);
});

const files: Record<string, string> = {
  'paths/pets.yml':
    "get: { responses: { '200': { $ref: '../responses/pet.yml#/Pet' } } }\nput: { responses: { '204': {} } }",
  'responses/pet.yml': "Pet: { content: { application/json: { schema: { $ref: '../models/pet.yml' } } } }",
  'models/pet.yml':
    'type: object\nproperties: { id: { type: integer }, owner: { $ref: "#/definitions/Owner" } }\ndefinitions: { Owner: { properties: { id: { type: integer } } } }',
};
const split =
  'openapi: 3.0.3\npaths:\n  /pets/{id}: { $ref: ./paths/pets.yml }\n  /owners/{id}: { get: { responses: { "200": { content: { application/json: { schema: { $ref: "models/pet.yml#/definitions/Owner" } } } } } }, put: { responses: { "204": {} } } }\n';

test('references are followed from file to file', () => {
  const { routes, notes } = draftConfig(split, { read: (path) => files[path] });
  expect(routes.find(({ match }) => match === '/pets/:id')?.tags).toEqual(['pet:{id}', 'owner:{response.owner.id}']);
  expect(notes.join()).not.toContain('not followed');
});

test.each(['../secret.yml', '/etc/passwd', 'https://example.com/a.yml', 'file:///etc/passwd', 'nowhere.yml'])(
  'a reference to %s is not followed, and the draft says so',
  (target) => {
    const asked: string[] = [];
    const read = (path: string): string | undefined => void asked.push(path);
    const text = `openapi: 3.0.3\npaths: { /a: { get: { responses: { "200": { $ref: "${target}#/A" } } } } }`;
    expect(draftConfig(text, { read }).notes.join()).toContain('was not followed');
    expect(asked).toEqual(target === 'nowhere.yml' ? ['nowhere.yml'] : []);
  },
);

test('--only keeps what makes its routes stale, and stores nothing else', () => {
  const { routes, rules } = draftConfig(JSON.stringify(swagger), { only: ['/owners/**'] });
  expect(routes.map(({ match, off }) => [match, off])).toEqual([
    ['/v1/owners/:id', false],
    ['/**', true],
  ]);
  expect(rules.map(({ name, targets }) => [name, targets.map(({ text }) => text)])).toEqual([
    ['pet-changed', ['/v1/owners/{before.ownerId, response.ownerId}']],
  ]);
});

test('a draft begins with what it consists of', () => {
  const text = writeDraft(draftConfig(JSON.stringify(swagger)), 'pets.json');
  const lines = text.split('\n').slice(0, 9);
  expect(lines.join('\n')).toMatch(/# 3 routes may be stored, 0 are not; 1 rule, /);
  expect(lines).toContain('#   pet (by id): /pets/{petId} and 1 more');
});
