import { expect, test } from 'vitest';
import { ask, begin, gateway, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';

/* An origin that takes several paths for the same: what is written under one spelling is fresh under each. */

useScriptedRig();

const rules = `
routes:
  - { match: "/items/:id", cache: { ttl: 60s }, tags: ["item:{id}"] }
  - { match: "/Lists/:id", cache: { ttl: 60s } }
defaults: { cache: { ttl: 60s } }
rules:
  - { name: item, on: "PUT /items/:id", invalidate: ["/Lists/{request.list}", "/plain/{id}"], event: item.changed }
  - { name: moved, on: "PUT /moved/:id", invalidate: ["/ITEMS/{id}.json"] }
`;

/** One counter for all spellings. */
const same = (url: string): string => (url.split('?')[0] ?? '').toLowerCase().replace(/;[^/]*|\.[a-z]+$/g, '');
async function start(ignored: string): Promise<void> {
  await begin(`origin: { url: ${origin.url}, ignoreInPaths: [${ignored}] }\n${rules}`);
  let writes = 0;
  const any = (): boolean => true;
  origin.on(any, (request, response) => {
    if (request.method === 'PUT') writes += 1;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ path: same(request.url ?? ''), writes }));
  });
}

const every = 'case, parameters, extension';
test.each([
  // What is ignored, what is read, what is written.
  ['case', '/items/1', '/ITEMS/1'],
  ['case', '/items/1', '/Items/1/'],
  ['case', '/items/b', '/items/B'],
  ['case', '/other/1', '/OTHER/1'],
  ['case', '/OTHER/1', '/other/1'],
  ['case', '/OTHER/1', '/Other/1'],
  ['case', '/Other/caf%C3%89', '/other/caf%C3%A9'],
  ['parameters', '/items/1', '/items/1;x=2'],
  ['parameters', '/items/1', '/items;a/1'],
  ['parameters', '/other/1;x=2', '/other/1'],
  ['extension', '/items/1', '/items/1.json'],
  ['extension', '/items/1.json', '/items/1'],
  ['extension', '/items/1.json', '/items/1.xml'],
  ['extension', '/other/1.json', '/other/1'],
  [every, '/items/1', '/ITEMS;a/1.Json'],
  // By a rule that names another path.
  ['case', '/Lists/7', '/ITEMS/1'],
  ['extension', '/Lists/7', '/items/1.json'],
  ['case', '/plain/1', '/ITEMS/1'],
  [every, '/items/1', '/moved/1'],
  [every, '/lists/7', '/items/1'],
  ['case', '/items/1?page=2', '/ITEMS/1'],
] as const)('ignoring %s, %s is fresh after a write at %s', async (ignored, read, written) => {
  await start(ignored);
  await ask(read);
  const before = await ask(read);
  const answer = await ask(written, { method: 'PUT', body: { list: 7 } });
  expect(answer.status).toBe(200);
  const after = await ask(read);
  expect([JSON.parse(before.text).writes, JSON.parse(after.text).writes]).toEqual([0, 1]);
});

test.each([
  ['', '/items/1', '/ITEMS/1'],
  ['case', '/items/1', '/items/1.json'],
  ['extension', '/items/1', '/ITEMS/1.json'],
  [every, '/items/1', '/items/2'],
])('ignoring %s, %s stays stored after a write at %s, another path', async (ignored, read, written) => {
  await start(ignored);
  await ask(read);
  await ask(written, { method: 'PUT', body: { list: 7 } });
  expect(isHit(await ask(read))).toBe(true);
});

test('events name the path as the configuration spells it, beside the one that was written', async () => {
  await start(every);
  const stream = await sseClient(`${gateway.url}/_unstale/events?match=/items/:id`);
  await ask('/ITEMS/1.json', { method: 'PUT', body: { list: 7 } });
  const event = await stream.next();
  expect(event.type).toBe('item.changed');
  expect(JSON.parse(event.data).paths).toEqual(expect.arrayContaining(['/ITEMS/1.json', '/items/1']));
  stream.close();
});
