import { expect, test } from 'vitest';
import { ask, begin, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* Cascades over routes, rules and tags that spell one thing in different ways. */

useScriptedRig();

const config = `
routes:
  - { match: "/parts/:id", cache: { ttl: 60s }, tags: ["part:{id}"] }
  - { match: "/parts/:id/all.csv", cache: { ttl: 60s }, tags: ["part:{id}"] }
  - { match: "/wholes/:id", cache: { ttl: 60s }, tags: ["whole:{id}", "PART:{response.item}"] }
  - { match: "/pieces/:id", cache: { ttl: 60s }, tags: ["part:{response.item}"] }
  - { match: "/heaps/:id", cache: { ttl: 60s }, tags: ["Whole:{response.item}"] }
rules:
  - { name: part, on: "PUT /part/:id", invalidate: [{ path: "/parts/{id}", cascade: true }] }
  - { name: tag, on: "PUT /tag/:id", invalidate: [{ tag: "Part:{id}", cascade: true }] }
  - { name: any, on: "PUT /any", invalidate: [{ path: "/PARTS/{response.none}", cascade: true }] }
  - { name: all, on: "PUT /all", invalidate: [{ path: "/parts/{response.none}/all.tsv", cascade: true }] }
`;

async function writesSeen(ignored: string, read: string, written: string): Promise<number> {
  await begin(`origin: { url: ${origin.url}, ignoreInPaths: [${ignored}] }\n${config}`);
  let writes = 0;
  origin.on(
    () => true,
    (request, response) => {
      if (request.method === 'PUT') writes += 1;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ writes, item: 'b' }));
    },
  );
  await ask(read);
  expect(isHit(await ask(read))).toBe(true);
  expect((await ask(written, { method: 'PUT', body: {} })).status).toBe(200);
  return JSON.parse((await ask(read)).text).writes;
}

test.each([
  // A tag of what embeds it, in another case: at the first step, at the next, and where a rule names the tag.
  ['case', '/wholes/1', '/part/b'],
  ['case', '/heaps/1', '/part/b'],
  ['case', '/heaps/1', '/tag/b'],
  // A wildcard that begins the cascade, where the route is spelled in another way.
  ['case', '/wholes/1', '/any'],
  ['case', '/pieces/1', '/any'],
  ['extension', '/pieces/1', '/all'],
  ['case, extension', '/wholes/1', '/all'],
])('ignoring %s, %s is fresh after a write at %s', async (ignored, read, written) => {
  expect(await writesSeen(ignored, read, written)).toBe(1);
});

test.each([
  ['', '/wholes/1', '/part/b'],
  ['extension', '/heaps/1', '/tag/b'],
  ['', '/pieces/1', '/any'],
  ['case', '/pieces/1', '/all'],
  // Another id.
  ['case', '/pieces/1', '/part/c'],
])('ignoring %s, %s stays stored after a write at %s, which names something else', async (ignored, read, written) => {
  expect(await writesSeen(ignored, read, written)).toBe(0);
});
