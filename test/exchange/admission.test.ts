import { expect, test } from 'vitest';
import type { Answer } from '../support/request.ts';
import { ask, cacheStatus, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* `store.memory.admission: frequency`: what memory has no room for leaves nothing older in its place. */

useScriptedRig('store: { memory: { maxSize: 1MiB, maxEntry: 1MiB, admission: frequency } }');

const fresh = { 'Cache-Control': 'max-age=60' };

/** Fills memory, but for 35 KiB, with what is asked for much more often than anything else. */
async function fill(): Promise<void> {
  origin.on(
    ({ url = '' }) => /^\/(?:popular|once)/.test(url),
    (_, response) => void response.writeHead(200, fresh).end(Buffer.alloc(100_000)),
  );
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 10; i++) await ask(`/popular/${i}`);
    await ask(`/once/${round}`);
  }
  expect(cacheStatus(await ask('/once/more'))).toContain('detail=not-admitted');
}

const reload = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(path, { headers: { ...headers, 'cache-control': 'no-cache' } });

test('a response that varies by other fields than the one before', async () => {
  let version = 'older';
  origin.on('GET /a', (_, response) => {
    response.writeHead(200, version === 'older' ? fresh : { ...fresh, Vary: 'X-Kind' }).end(version.padEnd(30_000));
  });
  await fill();
  await ask('/a');
  expect(isHit(await ask('/a'))).toBe(true);
  version = 'newer';
  expect((await reload('/a')).text).toMatch(/^newer/);
  expect((await ask('/a')).text).toMatch(/^newer/);
});

test('a response to another request for the same language', async () => {
  let version = 'older';
  origin.on('GET /a', (_, response) => {
    const german = { Vary: 'Accept-Language', 'Content-Language': 'de' };
    response.writeHead(200, { ...german, ...fresh }).end(version.padEnd(30_000));
  });
  await fill();
  const inGerman = { headers: { 'accept-language': 'de' } };
  await ask('/a', inGerman);
  expect(isHit(await ask('/a', inGerman))).toBe(true);
  version = 'newer';
  await reload('/a', { 'accept-language': 'de, en;q=0.5' });
  expect((await ask('/a', inGerman)).text).toMatch(/^newer/);
});

test('a 304 after which the response is known by another key', async () => {
  origin.on('GET /a', (request, response) => {
    const validated = request.headers['if-none-match'] !== undefined;
    const fields = { ...fresh, ETag: '"a"', ...(validated ? { 'No-Vary-Search': 'params' } : {}) };
    response.writeHead(validated ? 304 : 200, fields).end(validated ? undefined : 'a'.padEnd(30_000));
  });
  await fill();
  await ask('/a?x=1');
  expect(isHit(await ask('/a?x=1'))).toBe(true);
  expect(cacheStatus(await reload('/a?x=1'))).toContain('fwd-status=304; detail=not-admitted');
  // An answer without the field: the query is in the key again.
  await reload('/a?y=1');
  expect(isHit(await ask('/a?x=1'))).toBe(false);
});
