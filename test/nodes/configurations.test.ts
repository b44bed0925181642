import { afterEach, expect, test } from 'vitest';
import { isHit, type Nodes, startNodes } from './rig.ts';

/* Two configurations at once, as while one is deployed over the other. */

const byPath = `
routes:
  - { match: "/steps/:id" }
rules:
  - { name: inn, on: "* /inns/:id", invalidate: ["/steps/{before.stepId, response.stepId}"] }
`;
const byTag = `
routes:
  - { match: "/steps/:id", tags: ["inn:{response.inns[*].id}"] }
rules:
  - { name: inn, on: "* /inns/:id", before: off, invalidate: [{ tag: "inn:{id}" }] }
`;

let nodes: Nodes;
afterEach(() => nodes.stop());

test.each([0, 1])('a write through one node invalidates what the other has stored: node %i writes', async (writer) => {
  nodes = await startNodes(1, byPath);
  const newer = await nodes.addAnother(byTag);
  for (let i = 0; i < 3; i++) {
    for (const node of [0, newer]) expect(isHit(await nodes.warm(node, '/steps/7'))).toBe(true);
    await nodes.ask([0, newer][writer] ?? 0, 'PATCH', '/inns/42', { body: { name: `N${i}` } });
    for (const node of [0, newer]) {
      expect((await nodes.ask(node, 'GET', '/steps/7')).json()).toEqual(nodes.api.step(7));
    }
  }
});

test('a node that joins later does not find it in the tier either', async () => {
  nodes = await startNodes(1, byPath);
  const newer = await nodes.addAnother(byTag);
  await nodes.warm(0, '/steps/7');
  await nodes.ask(newer, 'PATCH', '/inns/42', { body: { name: 'New' } });
  // The node that generalised the record publishes that to the tier, too. After that nothing is found there.
  expect((await nodes.ask(0, 'GET', '/steps/7')).json()).toEqual(nodes.api.step(7));
  const late = await nodes.add();
  expect((await nodes.ask(late, 'GET', '/steps/7')).json()).toEqual(nodes.api.step(7));
});

test.each([
  ['the path', '/items/b'],
  ['a pattern', '/lists/b'],
  ['a query', '/found?item=b'],
])('a node that begins to ignore case finds %s that another has written under its own spelling', async (_, read) => {
  const yaml = `
defaults: { cache: { ttl: 60s } }
rules:
  - { name: item, on: "PUT /items/:id", before: off, invalidate: ["/Lists/{response.none}", "/Found?item={id}"] }
`;
  nodes = await startNodes(1, yaml);
  const { origin } = nodes.api;
  const newer = await nodes.addAnother(`origin: { url: "${origin.url}", timeout: 2s, ignoreInPaths: [case] }\n${yaml}`);
  let writes = 0;
  origin.on(
    () => true,
    ({ method }, response) => {
      if (method === 'PUT') writes += 1;
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(`{"writes":${writes}}`);
    },
  );
  expect(isHit(await nodes.warm(newer, read))).toBe(true);
  await nodes.ask(0, 'PUT', '/items/B', { body: {} });
  expect((await nodes.ask(newer, 'GET', read)).json()).toEqual({ writes: 1 });
});
