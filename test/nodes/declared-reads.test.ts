import { afterEach, expect, test } from 'vitest';
import { gate } from '../support/barrier.ts';
import { isHit, type Nodes, startNodes, status } from './rig.ts';

/* Requests that only read, as `reads` says, and whose answers are cached: over several nodes. */

const yaml = `
reads: [{ on: POST /search, cache: { ttl: 60s } }]
rules:
  - { name: inn, on: "PATCH /inns/:id", invalidate: [/search] }
`;

let nodes: Nodes;
/** Raised by what changes the result of every search. */
let version: number;
afterEach(() => nodes.stop());

async function begin(count: number): Promise<void> {
  version = 1;
  nodes = await startNodes(count, yaml);
  nodes.api.origin.on('POST /search', (_request, response, { body }) => {
    response.end(`${body.toString()} of ${version}`);
  });
  nodes.api.origin.on('PATCH /inns/42', (_request, response) => {
    version += 1;
    response.writeHead(204).end();
  });
}

const search = (node: number, body: string) => nodes.ask(node, 'POST', '/search', { body });
const write = (node: number) => nodes.ask(node, 'PATCH', '/inns/42', { body: {} });
const asked = () => nodes.api.origin.requests('POST /search').length;

test('what one node has stored another finds, by the same body alone', async () => {
  await begin(2);
  for (const node of [0, 1]) expect((await search(node, 'a')).text).toBe('a of 1');
  const third = await nodes.add();
  const before = asked();
  const found = await search(third, 'a');
  expect([found.text, status(found)]).toEqual(['a of 1', expect.stringMatching(/^unstale; hit; .*detail=redis$/)]);
  expect(asked()).toBe(before);
  expect((await search(third, 'b')).text).toBe('b of 1');
});

test('a write at one node drops it at each, and in Redis', async () => {
  await begin(2);
  for (const writer of [0, 1]) {
    for (const node of [0, 1, 0, 1]) await search(node, 'a');
    for (const node of [0, 1]) expect(isHit(await search(node, 'a'))).toBe(true);
    await write(writer);
    for (const node of [0, 1, await nodes.add()]) expect((await search(node, 'a')).text).toBe(`a of ${version}`);
  }
});

test('an answer that was on its way at one node while another wrote is stored nowhere', async () => {
  await begin(2);
  const slow = gate();
  nodes.api.origin.on('POST /search', async (_request, response) => {
    const old = version;
    await slow.pass();
    response.end(`a of ${old}`);
  });
  const reading = search(1, 'a');
  await slow.arrived();
  await write(0);
  slow.release();
  expect((await reading).text).toBe('a of 1');
  for (const node of [0, 1, await nodes.add()]) expect((await search(node, 'a')).text).toBe('a of 2');
});
