import { expect, test } from 'vitest';
import { ask, begin, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* A write of /items/v1.2 has two ids where the API ignores extensions: "v1" and "v1.2". */

useScriptedRig();

test.each([
  ['/items/v1.2', 'equals: { id: [v1.2] }', false],
  ['/items/v1.2', 'equals: { id: [v1] }', false],
  ['/items/v1.2', 'equals: { id: [v1.3] }', true],
  ['/items/v1', 'equals: { id: [v1.2] }', true],
])('a write of %s invalidates what a rule with %s names: kept %s', async (path, condition, isKept) => {
  await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [extension] }
routes: [{ match: "/trips/:id", cache: { ttl: 60s } }]
rules: [{ name: item, on: "PUT /items/:id", when: { ${condition} }, invalidate: ["/trips/7"] }]
`);
  origin.on(
    () => true,
    (_request, response) => void response.setHeader('Content-Type', 'application/json').end('{}'),
  );
  await ask('/trips/7');
  expect(isHit(await ask('/trips/7'))).toBe(true);
  await ask(path, { method: 'PUT', body: {} });
  expect(isHit(await ask('/trips/7'))).toBe(isKept);
});

test.each([
  ['/lists/v1.2/items', false],
  ['/lists/v1/items', false],
  ['/lists/v2/items', true],
])('a parent at %s is patched only if neither id names it as a target of its own: %s', async (parent, isPatched) => {
  await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [extension] }
routes: [{ match: "/lists/:id/items", cache: { ttl: 60s } }]
rules:
  - name: item
    on: PUT /items/:id
    invalidate: ["/lists/{id}/items"]
    patch: [{ path: "${parent}", at: /items, key: id }]
`);
  const item = { id: 1, name: 'old' };
  const changed = { ...item, name: 'new' };
  origin.on(
    () => true,
    (request, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(request.method === 'PUT' ? changed : { items: [item] }));
    },
  );
  await ask(parent);
  await ask('/items/v1.2', { method: 'PUT', body: changed });
  expect(isHit(await ask(parent))).toBe(isPatched);
});

test('an id has nothing of what is ignored in an earlier segment, where the route names an extension', async () => {
  await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [parameters, extension] }
routes: [{ match: "/a/:x/:id.json", cache: { ttl: 60s }, tags: ["x:{x}"] }]
rules: [{ name: by, on: "PUT /by/:x", invalidate: [{ tag: "x:{x}" }] }]
`);
  origin.on(
    () => true,
    (_request, response) => void response.setHeader('Content-Type', 'application/json').end('{}'),
  );
  await ask('/a/1;v=1/2.json');
  expect(isHit(await ask('/a/1;v=1/2.json'))).toBe(true);
  await ask('/by/1', { method: 'PUT', body: {} });
  expect(isHit(await ask('/a/1;v=1/2.json'))).toBe(false);
});
