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
