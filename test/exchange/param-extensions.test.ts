import { expect, test } from 'vitest';
import { ask, begin, every, isHit, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* An origin that ignores extensions, and patterns in which a parameter is the extension. */

useScriptedRig();

async function start(rest: string): Promise<void> {
  await begin(`
origin: { url: ${origin.url}, ignoreInPaths: [extension] }
defaults: { cache: { ttl: 60s } }
${rest}`);
  let writes = 0;
  every(({ method }, response) => {
    if (method === 'PUT') writes += 1;
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ writes }));
  });
}

const writesSeen = async (path: string): Promise<number> => JSON.parse((await ask(path)).text).writes;

test.each(['/users/7.json', '/users/7'])('a route that is off keeps %s from being stored', async (path) => {
  await start('routes: [{ match: "/users/:id.:ext", cache: off }]');
  await ask(path);
  expect(isHit(await ask(path))).toBe(false);
});

test.each([
  ['of a query of which only a part is in the key', 'PUT', '/noted/b', '/pages/b.json?x=1&y=2'],
  ['of a write without an extension', 'PUT', '/users/7', '/lists/7'],
  ['of a tag that has the extension', 'PUT', '/users/7', '/files/7.json'],
])('a target %s is fresh', async (_what, method, written, read) => {
  await start(`
routes:
  - { match: "/pages/:id.:ext", cache: { ttl: 60s, key: { query: [x] } } }
  - { match: "/files/:id.:ext", cache: { ttl: 60s }, tags: ["file:{id}:{ext}"] }
rules:
  - { name: noted, on: PUT /noted/:id, invalidate: ["/pages/{id}?x=1&y=2"] }
  - { name: user, on: "PUT /users/:id.:ext", invalidate: ["/lists/{id}", { tag: "file:{id}:{ext}" }] }`);
  await ask(read);
  expect(isHit(await ask(read))).toBe(true);
  await send(method, written, { body: '{}' });
  expect(await writesSeen(read)).toBe(1);
});
