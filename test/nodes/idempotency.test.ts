import { afterEach, describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import type { Answer } from '../support/request.ts';
import { type Nodes, startNodes } from './rig.ts';

/* Idempotency keys of several nodes over a real Redis. */

const yaml = 'writes: [{ on: POST /orders, idempotency: { key: required } }]';
let nodes: Nodes;
afterEach(() => nodes.stop());

const post = (node: number, key: string): Promise<Answer> =>
  nodes.ask(node, 'POST', '/orders', { body: { item: 1 }, headers: { 'Idempotency-Key': key } });
const isReplay = (answer: Answer): boolean => answer.headers['idempotency-replayed'] === 'true';
const orders = (): number => nodes.api.origin.requests('POST /orders').length;
function makesOrders(): void {
  let made = 0;
  nodes.api.origin.on('POST /orders', (_request, response) => {
    made += 1;
    response.writeHead(201, { 'Content-Type': 'application/json' }).end(`{"id":${made}}`);
  });
}

describe('with three nodes', () => {
  test('equal requests at once, to all of them, are carried out once', async () => {
    // A step of the bus has failed after a quarter of the lease: here, a machine that is busy has to be slower than
    // that.
    nodes = await startNodes(3, yaml, ', lease: 4s');
    makesOrders();
    const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => post(i % 3, 'k')));
    const made = answers.filter(({ status }) => status === 201);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(150 - made.length);
    expect(made.filter((answer) => !isReplay(answer))).toHaveLength(1);
    for (const node of [0, 1, 2]) {
      const again = await post(node, 'k');
      expect([again.text, isReplay(again)]).toEqual(['{"id":1}', true]);
    }
    expect(orders()).toBe(1);
  });

  test('a key outlives the node that has used it', async () => {
    nodes = await startNodes(2, yaml);
    makesOrders();
    await post(0, 'k');
    await nodes.gateways[0]?.stop();
    expect(isReplay(await post(1, 'k'))).toBe(true);
    expect(orders()).toBe(1);
  });

  test('while Redis is away, a write with a key is refused, and is carried out once when it is back', async () => {
    nodes = await startNodes(2, yaml);
    makesOrders();
    nodes.redis.signal('SIGSTOP');
    const refused = await post(0, 'k');
    expect(refused.status).toBe(503);
    expect(orders()).toBe(0);
    nodes.redis.signal('SIGCONT');
    // The claim may have reached Redis after all: it is given back there.
    let answer = refused;
    await until(async () => {
      answer = await post(1, 'k');
      return answer.status === 201;
    }, 'the key to be free');
    expect(isReplay(answer)).toBe(false);
    expect(orders()).toBe(1);
  });

  test('an answer that Redis did not hear of is not lost, and nobody carries the write out again', async () => {
    nodes = await startNodes(2, yaml);
    const held = gate();
    nodes.api.origin.on('POST /orders', async (_request, response) => {
      await held.pass();
      response.writeHead(201).end('made');
    });
    const first = post(0, 'k');
    await held.arrived();
    nodes.redis.signal('SIGSTOP');
    held.release();
    // Its record waits for Redis, too; what matters here is the key.
    await first.catch(() => undefined);
    nodes.redis.signal('SIGCONT');
    await Promise.all([nodes.ready(0), nodes.ready(1)]);
    await until(async () => {
      const { status, text } = await post(1, 'k');
      return status === 201 || text.includes('idempotency-key-unknown');
    }, 'the key to be settled');
    expect(orders()).toBe(1);
  });
});
