import type { IncomingMessage } from 'node:http';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { gate, until, withPatience } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { type Answer, get, stream } from '../support/request.ts';
import type { Inn } from '../support/small-api.ts';
import { isHit, type Nodes, PATIENT_TIER, startNodes, status } from './rig.ts';

/* What the nodes share behind their memories: the Redis tier. */

const rules = `
routes:
  - { match: "/steps/:id", tags: ["inn:{response.inns[*].id}"] }
rules:
  - { name: inn, on: "* /inns/:id", invalidate: ["/steps/{before.stepId, response.stepId}"] }
  - { name: wide, on: "* /wide/:id", invalidate: ["/steps/*"] }
  - { name: tagged, on: "* /tagged/:id", invalidate: [{ tag: "inn:*" }] }
`;

/** What a gateway stores at most of one response. */
const LARGE = 4 * 1024 * 1024;

let nodes: Nodes;
afterEach(() => nodes.stop());

test('what one node has stored, another need not fetch', async () => {
  nodes = await startNodes(2, rules);
  await nodes.ask(0, 'GET', '/steps/7');
  const reads = nodes.api.reads('/steps/7');
  // The second node asks once; by then the first has put it there, or is about to.
  const second = await nodes.ask(1, 'GET', '/steps/7');
  expect(second.json()).toEqual(nodes.api.step(7));
  const third = await nodes.add();
  const found = status(await nodes.ask(third, 'GET', '/steps/7'));
  expect(found).toMatch(/^unstale; hit; ttl=\d+; detail=redis$/);
  expect(nodes.api.reads('/steps/7')).toBeLessThanOrEqual(reads + 1);
  expect(isHit(await nodes.ask(third, 'GET', '/steps/7'))).toBe(true);
});

test('what memory does not admit is kept for all nodes, and served from there', async () => {
  nodes = await startNodes(1, rules);
  const store = `store: { redis: { url: "unix:${nodes.redis.socket}", ${PATIENT_TIER} }, memory: { maxSize: 1MiB, maxEntry: 1MiB, admission: frequency } }`;
  const full = await startGateway(nodes.api.origin.url, `${store}\n${rules}`);
  onTestFinished(() => full.stop());
  await until(async () => (await get(`${full.adminUrl}/readyz`)).status === 200);
  const ask = (id: number): Promise<Answer> => get(`${full.url}/steps/${id}`, { headers: { host: 'api.example' } });
  for (let id = 100; id < 115; id++) {
    nodes.api.origin.on(`GET /steps/${id}`, (_, response) => {
      const body = JSON.stringify({ ...nodes.api.step(id), padding: 'x'.repeat(100_000) });
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' }).end(body);
    });
  }
  for (let round = 0; round < 3; round++) for (let id = 100; id < 112; id++) await ask(id);
  const refused = await ask(114);
  expect(status(refused)).toBe('unstale; fwd=uri-miss; fwd-status=200; detail=not-admitted');
  const redis = await nodes.redis.connected();
  // Asked for more often than the others, it would be admitted.
  await until(async () => (await redis.keys('*/steps/114*')).length > 0, 'it to be in Redis');
  redis.disconnect();
  const found = await ask(114);
  expect([found.text, status(found)]).toEqual([refused.text, expect.stringMatching(/; detail=redis$/)]);
  expect(isHit(await nodes.ask(0, 'GET', '/steps/114'))).toBe(true);
  expect(nodes.api.reads('/steps/114')).toBe(1);
});

const writes: [string, string, string][] = [
  ['a path', 'PATCH', '/inns/42'],
  ['a pattern', 'PATCH', '/wide/1'],
  ['a tag with a wildcard', 'PATCH', '/tagged/1'],
];
test.each(writes)(
  'after a write whose rule names %s, a node that has just begun finds nothing old',
  async (_, method, path) => {
    nodes = await startNodes(2, rules);
    for (let i = 0; i < 5; i++) {
      for (const node of [0, 1]) await nodes.warm(node, '/steps/7');
      nodes.api.inns.set(43, { id: 43, stepId: 7, name: `N${i}`, updatedAt: i });
      await nodes.ask(i % 2, method, path, { body: { name: `N${i}` } });
      const fresh = await nodes.add();
      expect((await nodes.ask(fresh, 'GET', '/steps/7')).json()).toEqual(nodes.api.step(7));
      for (const node of [0, 1]) expect((await nodes.ask(node, 'GET', '/steps/7')).json()).toEqual(nodes.api.step(7));
    }
  },
);

test.each([
  ['small', 0],
  ['large', 700_000],
])('one cold key, asked for at every node at once, is one request to the origin: a %s one', async (_, padding) => {
  nodes = await startNodes(3, rules);
  for (let id = 100; id < 105; id++) {
    const slow = gate();
    let asked = 0;
    nodes.api.origin.on(`GET /steps/${id}`, async (_request, response) => {
      asked += 1;
      await slow.pass();
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' })
        .end(JSON.stringify({ ...nodes.api.step(id), inns: [], padding: 'x'.repeat(padding) }));
    });
    const asking = [0, 1, 2].flatMap((node) => [0, 1, 2, 3].map(() => nodes.ask(node, 'GET', `/steps/${id}`)));
    await slow.arrived();
    slow.release();
    for (const answer of await Promise.all(asking)) expect(answer.status).toBe(200);
    expect(asked).toBe(1);
  }
});

test('a Redis that is stopped or gone stalls no read for long, and nothing old comes back', async () => {
  nodes = await startNodes(2, rules, '', 'tier: { timeout: 250ms }');
  await nodes.warm(0, '/steps/7');
  nodes.redis.signal('SIGSTOP');
  expect((await nodes.ask(0, 'GET', '/steps/9')).status).toBe(200);
  nodes.redis.signal('SIGCONT');
  for (const node of [0, 1]) await nodes.ready(node);
  await nodes.ask(1, 'PATCH', '/inns/42', { body: { name: 'New' } });
  expect((await nodes.ask(0, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns[0]?.name).toBe('New');
});

test('a Redis that has forgotten everything gives nothing back', async () => {
  nodes = await startNodes(2, rules);
  await nodes.warm(0, '/steps/7');
  const redis = await nodes.redis.connected();
  await redis.flushall();
  for (const node of [0, 1]) await nodes.ready(node);
  nodes.api.inns.set(42, { id: 42, stepId: 7, name: 'Behind its back', updatedAt: 9 });
  expect((await nodes.ask(1, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns.map(({ name }) => name)).toContain(
    'Behind its back',
  );
  redis.disconnect();
});

test('a Redis that is set back in place gives nothing back that was written since, to nobody', async () => {
  nodes = await startNodes(2, rules);
  const redis = await nodes.redis.connected();
  for (const node of [0, 1]) await nodes.warm(node, '/steps/7');
  await redis.call('SAVE');
  await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'New' } });
  // It has seen neither the response nor the record that covers it: it can only learn of both from Redis.
  const fresh = await nodes.add();
  await redis.call('DEBUG', 'RELOAD', 'NOSAVE');
  const answers = await Promise.all([fresh, 1, 0].map((node) => nodes.ask(node, 'GET', '/steps/7')));
  for (const answer of answers) expect(answer.json()).toEqual(nodes.api.step(7));
  for (let i = 0; i < 3; i++) {
    await nodes
      .ask(0, 'PATCH', '/inns/42', { body: { name: `Newer ${i}` } })
      .then(({ status }) => expect([200, 503]).toContain(status));
    for (const node of [1, fresh]) expect((await nodes.ask(node, 'GET', '/steps/7')).json()).toEqual(nodes.api.step(7));
  }
  redis.disconnect();
});

test('nothing of one user, and no credentials, are kept there', async () => {
  nodes = await startNodes(
    1,
    'routes:\n  - match: /steps/:id\n    cache: { ttl: 60s, credentials: perUser, userKey: [authorization] }\n',
  );
  const headers = { authorization: 'Bearer secret-of-mine' };
  await nodes.ask(0, 'GET', '/steps/7', { headers });
  expect(isHit(await nodes.ask(0, 'GET', '/steps/7', { headers }))).toBe(true);
  const redis = await nodes.redis.connected();
  expect(await redis.keys('*:e:*')).toEqual([]);
  redis.disconnect();
});

test('off: each node fetches its own', async () => {
  nodes = await startNodes(2, rules, '', 'tier: off');
  await nodes.warm(0, '/steps/7');
  expect(status(await nodes.ask(1, 'GET', '/steps/7'))).toContain('fwd=uri-miss');
});

test('a node that uses no tier still publishes its writes to it: others may use it', async () => {
  nodes = await startNodes(1, rules);
  await nodes.warm(0, '/steps/7');
  const without = await nodes.add('tier: off');
  await nodes.ask(without, 'PATCH', '/inns/42', { body: { name: 'New' } });
  const fresh = await nodes.add();
  const answer = await nodes.ask(fresh, 'GET', '/steps/7');
  expect(answer.json()).toEqual(nodes.api.step(7));
});

/* A fill lease on a key is for as long as something may be stored there, not for as long as a client takes to read. */
test.each<[string, Record<string, string>, number]>([
  ['must not be stored', { 'Cache-Control': 'no-store' }, 10],
  ['says that it is too large', { 'Cache-Control': 'max-age=60', 'Content-Length': String(2 * LARGE) }, LARGE],
  ['turns out to be too large', { 'Cache-Control': 'max-age=60' }, 1.5 * LARGE],
])('what %s is no longer leased while a slow client gets it', async (_what, headers, bytes) => {
  nodes = await startNodes(2, rules);
  nodes.api.origin.on('GET /slow', (_request, response) => {
    response.writeHead(200, headers).write(Buffer.alloc(bytes));
  });
  const clients = new AbortController();
  const redis = await nodes.redis.connected();
  const leases = async (): Promise<string[]> => redis.keys('*:fill');
  const head = (node: number): Promise<IncomingMessage> =>
    stream(`${nodes.gateways[node]?.url}/slow`, { headers: { host: 'api.example' }, signal: clients.signal });
  expect((await head(0)).statusCode).toBe(200);
  await withPatience(
    (async () => {
      while ((await leases()).length > 0);
    })(),
    () => 'the fillLease to be given back',
  );
  expect((await head(1)).statusCode).toBe(200);
  clients.abort();
  redis.disconnect();
});
