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
