import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { deferred, gate, until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import type { Inn } from '../support/small-api.ts';
import { type SseClient, type SseEvent, sseClient } from '../support/sse-client.ts';
import { isHit, type Nodes, startNodes, status } from './rig.ts';

/* Several gateways before one API, over a real Redis: what a write through one made wrong is served by none. */

const rules = `
rules:
  - name: inn
    on: "* /inns/:id"
    invalidate: ["/steps/{before.stepId, response.stepId}"]
    event: inn.changed
`;

let nodes: Nodes;
afterEach(() => nodes.stop());

describe('strict', () => {
  test('once a write is answered, every node fetches again', async () => {
    nodes = await startNodes(3, rules);
    for (const node of [0, 1, 2]) expect(isHit(await nodes.warm(node, '/steps/7'))).toBe(true);
    for (let name = 0; name < 20; name++) {
      expect((await nodes.ask(name % 3, 'PATCH', '/inns/42', { body: { name: `N${name}` } })).status).toBe(200);
      for (const node of [0, 1, 2]) {
        const { inns } = (await nodes.ask(node, 'GET', '/steps/7')).json<{ inns: Inn[] }>();
        expect(inns[0]?.name).toBe(`N${name}`);
      }
      for (const node of [0, 1, 2]) expect(isHit(await nodes.ask(node, 'GET', '/steps/7'))).toBe(true);
    }
  });

  test('a fill is not stored if a write through another node came in between', async () => {
    nodes = await startNodes(2, rules);
    const slow = gate();
    let held = true;
    nodes.api.origin.on('GET /steps/7', async (_, response) => {
      const body = JSON.stringify(nodes.api.step(7));
      if (held) await slow.pass();
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' }).end(body);
    });
    const reading = nodes.ask(0, 'GET', '/steps/7');
    await slow.arrived();
    await nodes.ask(1, 'PATCH', '/inns/42', { body: { name: 'New' } });
    held = false;
    slow.release();
    await reading;
    expect((await nodes.ask(0, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns[0]?.name).toBe('New');
  });

  test('an event reaches the subscribers of every node, with the same id, and only when it is effective everywhere', async () => {
    nodes = await startNodes(2, rules);
    const clients = await Promise.all(nodes.gateways.map(({ url }) => sseClient(`${url}/_unstale/events`)));
    const named = async (node: number, id: number): Promise<string | undefined> =>
      (await nodes.ask(node, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns.find((inn) => inn.id === id)?.name;
    for (let id = 100; id < 110; id++) nodes.api.inns.set(id, { id, stepId: 7, name: 'Old', updatedAt: 0 });
    for (let id = 100; id < 110; id++) {
      await nodes.warm(0, '/steps/7');
      await nodes.warm(1, '/steps/7');
      const writing = nodes.ask(0, 'PATCH', `/inns/${id}`, { body: { name: 'New' } });
      // A write may be announced twice: if conflicting writes were not known in time, it is recorded once more, with
      // all that it may have changed. And the nodes' first epoch has just begun: one `resync` says so.
      const told = async (client: SseClient): Promise<SseEvent> => {
        for (;;) {
          const event = await client.next();
          if (event.json<{ cause?: { path: string } }>().cause?.path === `/inns/${id}`) return event;
        }
      };
      const events = await Promise.all(clients.map(told));
      expect(events.map(({ type }) => type)).toEqual(['inn.changed', 'inn.changed']);
      expect(events[0]?.id).toBe(events[1]?.id);
      for (const node of [0, 1]) expect(await named(node, id)).toBe('New');
      expect((await writing).status).toBe(200);
    }
    // A subscriber that resumes at another node misses nothing, and gets nothing twice.
    const last = clients[0]?.lastEventId ?? '';
    await nodes.ask(1, 'PATCH', '/inns/42', { body: { name: 'Once more' } });
    const back = await sseClient(`${nodes.gateways[1]?.url}/_unstale/events?lastEventId=${last}`);
    expect((await back.next()).json()).toMatchObject({ cause: { method: 'PATCH', path: '/inns/42' } });
    for (const client of [...clients, back]) client.close();
  });

  test('the admin port of one invalidates on all', async () => {
    nodes = await startNodes(2);
    for (const node of [0, 1]) expect(isHit(await nodes.warm(node, '/steps/7'))).toBe(true);
    const answer = await get(`${nodes.gateways[0]?.adminUrl}/invalidate`, {
      method: 'POST',
      body: { paths: ['/steps/*'] },
    });
    expect(answer.status).toBe(200);
    expect(isHit(await nodes.ask(1, 'GET', '/steps/7'))).toBe(false);
  });

  test('concurrent moves through two nodes leave nothing stale', async () => {
    nodes = await startNodes(2, rules);
    for (let round = 0; round < 15; round++) {
      for (const node of [0, 1]) for (const step of [7, 9, 11]) await nodes.warm(node, `/steps/${step}`);
      const target = (i: number): number => [7, 9, 11][(round + i) % 3] ?? 7;
      await Promise.all([0, 1].map((node) => nodes.ask(node, 'PATCH', '/inns/42', { body: { stepId: target(node) } })));
      for (const node of [0, 1]) {
        for (const step of [7, 9, 11]) {
          const shown = (await nodes.ask(node, 'GET', `/steps/${step}`)).json();
          expect(shown, `step ${step} by node ${node}, round ${round}`).toEqual(nodes.api.step(step));
        }
      }
    }
  });

  test('a write that changes nothing invalidates nothing on any node, unless it conflicts with another', async () => {
    nodes = await startNodes(
      2,
      rules.replace('invalidate:', 'onlyIfChanged: { ignoring: [updatedAt] }\n    invalidate:'),
    );
    for (const node of [0, 1]) await nodes.warm(node, '/steps/7');
    await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'Inn' } });
    for (const node of [0, 1]) expect(isHit(await nodes.ask(node, 'GET', '/steps/7'))).toBe(true);
    const slow = gate();
    nodes.api.origin.on('PUT /inns/42', async (_, response) => {
      await slow.pass();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(nodes.api.inns.get(42)));
    });
    const other = nodes.ask(1, 'PUT', '/inns/42', { body: {} });
    await slow.arrived();
    const conflicting = nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'Inn' } });
    const written = () => (nodes.gateways[0]?.logs ?? []).filter(({ msg }) => msg === 'write');
    await until(() => written().length === 2);
    slow.release();
    await Promise.all([other, conflicting]);
    expect(written().map(({ outcome }) => outcome)).toEqual(['unchanged', 'applied']);
  });
});

describe('eventual', () => {
  test('a position token gives a reader its own writes, at any node', async () => {
    nodes = await startNodes(2, rules, ', mode: eventual');
    for (let name = 0; name < 30; name++) {
      await nodes.warm(1, '/steps/7');
      const written = await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: `N${name}` } });
      const token = String(written.headers['unstale-position']);
      expect(token).toMatch(/^[\w]+-\d+$/);
      const read = await nodes.ask(1, 'GET', '/steps/7', { headers: { 'unstale-min-position': token } });
      expect(read.json<{ inns: Inn[] }>().inns[0]?.name).toBe(`N${name}`);
    }
  });

  const seen = () => nodes.api.origin.requests('GET /steps/7').length;
  const readAt = (token: string) => nodes.ask(0, 'GET', '/steps/7', { headers: { 'unstale-min-position': token } });

  test.each(['nonsense', '', `${'x'.repeat(5_000)}-1`, 'queued-0', '__proto__-1, a-1'])(
    'a position that was never issued is ignored: %s',
    async (token) => {
      nodes = await startNodes(1);
      await nodes.warm(0, '/steps/7');
      expect(isHit(await readAt(token))).toBe(true);
    },
  );

  test('a position of an epoch that may be a later one is passed through, until this one has outlasted it', async () => {
    nodes = await startNodes(1);
    await nodes.warm(0, '/steps/7');
    expect(status(await readAt('elsewhere-1'))).toBe('unstale; fwd=bypass; fwd-status=200; detail=not-serving');
    // It is asked again and again, as its client would.
    for (let read = await readAt('elsewhere-2'); !isHit(read); ) read = await readAt('elsewhere-2');
  });

  test('positions that were made up force few requests, and are answered from memory in the end', async () => {
    nodes = await startNodes(1, rules);
    await nodes.warm(0, '/steps/7');
    const position = String(
      (await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'A' } })).headers['unstale-position'],
    );
    await nodes.warm(0, '/steps/7');
    const before = seen();
    const ahead = (n: number): string => position.replace(/\d+$/, (seq) => String(Number(seq) + n));
    const tokens = Array.from({ length: 120 }, (_each, i) => (i % 2 === 0 ? `made_up_${i}-1` : ahead(i)));
    const answers = await Promise.all([...tokens, ahead(1_000_000)].map(readAt));
    expect(answers.every(({ text }) => text.includes('"A"'))).toBe(true);
    // Some at once, and some of those that have waited for a record that does not come.
    expect(seen() - before).toBeLessThanOrEqual(32);
    expect(answers.filter(isHit).length).toBeGreaterThanOrEqual(88);
    expect(isHit(await readAt(position))).toBe(true);
  });
});

describe('without Redis', () => {
  test('reads pass through and nothing is stored; writes are refused before the origin hears of them', async () => {
    nodes = await startNodes(2, rules);
    expect(isHit(await nodes.warm(0, '/steps/7'))).toBe(true);
    await nodes.redis.kill();
    const refused = await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'New' } });
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({
      type: 'urn:unstale:problem:uncoordinated',
      detail: 'the write was not forwarded',
    });
    expect(nodes.api.inns.get(42)?.name).toBe('Inn');
    // Once the lease has run out.
    let answer = await nodes.ask(0, 'GET', '/steps/7');
    while (isHit(answer)) answer = await nodes.ask(0, 'GET', '/steps/7');
    expect(status(answer)).toBe('unstale; fwd=bypass; fwd-status=200; detail=not-serving');
    const ready = await get(`${nodes.gateways[0]?.adminUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(ready.text).toMatch(/not ready: /);
    expect((await get(`${nodes.gateways[0]?.adminUrl}/livez`)).status).toBe(200);
    await nodes.redis.launch();
    for (const node of [0, 1]) await nodes.ready(node);
    expect((await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'New' } })).status).toBe(200);
    expect((await nodes.ask(1, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns[0]?.name).toBe('New');
    expect(isHit(await nodes.warm(1, '/steps/7'))).toBe(true);
  });

  test('the part of an upload that the origin has received is recorded, and its refusal says so', async () => {
    nodes = await startNodes(2, rules);
    const brokenOff = deferred();
    nodes.api.origin.on(
      'PUT /inns/42',
      (request) => {
        // Applies what it has received, and waits for the rest.
        Object.assign(nodes.api.inns.get(42) ?? {}, { name: 'New' });
        request.on('error', brokenOff.resolve).resume();
      },
      { early: true },
    );
    for (const node of [0, 1]) await nodes.warm(node, '/steps/7');
    const body = new PassThrough();
    const writing = nodes.ask(0, 'PUT', '/inns/42', { body });
    body.write(Buffer.alloc(300_000, ' '));
    await until(() => nodes.api.inns.get(42)?.name === 'New', 'the origin to apply the part');
    nodes.redis.signal('SIGSTOP');
    body.end('{}');
    // It could not be noted. The record of the part that was sent arrives once Redis answers again.
    await brokenOff.promise;
    nodes.redis.signal('SIGCONT');
    expect((await writing).json()).toMatchObject({
      type: 'urn:unstale:problem:uncoordinated',
      title: 'The other nodes cannot be reached: the write was refused',
      status: 503,
      detail: 'the origin has received a part of the write, but not its end',
    });
    for (const node of [0, 1]) {
      await nodes.ready(node);
      const name = async (): Promise<string | undefined> =>
        (await nodes.ask(node, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns.find(({ id }) => id === 42)?.name;
      for (let shown = await name(); shown !== 'New'; ) shown = await name();
    }
  });

  test('a large answer that cannot be passed on does not keep its connection to the origin', async () => {
    nodes = await startNodes(1, rules);
    const closed = deferred();
    nodes.api.origin.on('PUT /large', (request, response) => {
      nodes.redis.signal('SIGSTOP');
      request.socket.once('close', closed.resolve);
      response.end(Buffer.alloc(2_000_000));
    });
    expect((await nodes.ask(0, 'PUT', '/large', { body: {} })).json()).toMatchObject({
      type: 'urn:unstale:problem:unconfirmed',
      status: 504,
    });
    nodes.redis.signal('SIGCONT');
    await closed.promise;
  });

  test('with onPartition: queue writes go through, and are announced when Redis is back', async () => {
    nodes = await startNodes(2, rules, ', onPartition: queue');
    for (const node of [0, 1]) await nodes.warm(node, '/steps/7');
    await nodes.redis.kill();
    expect((await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'New' } })).status).toBe(200);
    // This node knows, and serves nothing that the others do not know to be wrong.
    expect((await nodes.ask(0, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns[0]?.name).toBe('New');
    await nodes.redis.launch();
    for (const node of [0, 1]) await nodes.ready(node);
    for (const node of [0, 1]) {
      expect((await nodes.ask(node, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns[0]?.name).toBe('New');
    }
  });

  test('a Redis that forgets everything costs what is stored, and subscribers are told to look again', async () => {
    nodes = await startNodes(2, rules);
    const client = await sseClient(`${nodes.gateways[0]?.url}/_unstale/events`);
    for (const node of [0, 1]) await nodes.warm(node, '/steps/7');
    const redis = await nodes.redis.connected();
    await redis.flushall();
    redis.disconnect();
    expect((await client.next()).type).toBe('resync');
    // A node learns of it by its next renewal; until then its lease from before is good.
    await until(() =>
      nodes.gateways.every(({ logs }) => logs.filter(({ msg }) => msg === 'joined the other nodes').length > 1),
    );
    for (const node of [0, 1]) await nodes.ready(node);
    nodes.api.inns.delete(43);
    for (const node of [0, 1]) expect((await nodes.ask(node, 'GET', '/steps/7')).json()).toEqual(nodes.api.step(7));
    await nodes.ask(1, 'PATCH', '/inns/42', { body: { name: 'New' } });
    expect((await nodes.ask(0, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns[0]?.name).toBe('New');
    client.close();
  });
});

test('gateways before different origins share a Redis without meeting', async () => {
  nodes = await startNodes(1, rules);
  const others = await startNodes(1, rules);
  const redis = await nodes.redis.connected();
  expect((await redis.keys('*')).every((key) => /^unstale:\{[0-9a-f]{16}\}:/.test(key))).toBe(true);
  redis.disconnect();
  await others.stop();
});
