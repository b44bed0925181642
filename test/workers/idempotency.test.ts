import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { RedisServer } from '../redis-log/redis-server.ts';
import { gate, until } from '../support/barrier.ts';
import { type Answer, get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { program } from '../support/shared.ts';
import { type Running, serve } from './serve.ts';

/* Two gateways in processes of their own over a real Redis, of which one is killed in the midst of keyed writes. */

const ORDERS = 40;
/** The outcome of a write whose node has died is unknown after fifteen seconds. */
const UNKNOWN_PATIENCE_MS = 40_000;

let origin: ScriptedOrigin;
/** How often the API has carried out each order. */
let carriedOut: Map<string, number>;
beforeAll(program, 120_000);
beforeEach(async () => {
  origin = await scriptedOrigin();
  carriedOut = new Map();
});
afterEach(() => origin.close());

async function start(): Promise<readonly [Running, Running]> {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const yaml = `store: { redis: { url: "unix:${redis.socket}" } }
coherence: { lease: 1s, settle: 300ms }
writes: [{ on: POST /orders, idempotency: { key: required } }]`;
  const nodes = await Promise.all([serve(origin.url, 1, yaml), serve(origin.url, 1, yaml)]);
  onTestFinished(async () => void (await Promise.all(nodes.map(({ end }) => end('SIGTERM')))));
  for (const { adminUrl } of nodes) {
    await until(async () => (await get(`${adminUrl}/readyz`)).status === 200, 'a node to serve', 60_000);
  }
  return nodes as [Running, Running];
}

const post = ({ url }: Running, order: string): Promise<Answer> =>
  get(`${url}/orders`, { method: 'POST', body: { order }, headers: { host: 'api.example', 'Idempotency-Key': order } });

/** The answer. */
function carryOut(body: Buffer): string {
  const { order } = JSON.parse(body.toString()) as { order: string };
  const times = (carriedOut.get(order) ?? 0) + 1;
  carriedOut.set(order, times);
  return JSON.stringify({ order, times });
}

const problemOf = (answer: Answer | undefined): string | undefined =>
  /"type":"urn:unstale:problem:([a-z-]+)"/.exec(answer?.text ?? '')?.[1];

test('killed while the API works: the retry is answered 409, then that nobody knows, and is never sent', {
  timeout: 90_000,
}, async () => {
  const [first, second] = await start();
  const held = gate();
  origin.on('POST /orders', async (_request, response, { body }) => {
    const text = carryOut(body);
    await held.pass();
    response.writeHead(201, { 'content-type': 'application/json' }).end(text);
  });
  const lost = post(first, 'k').catch(() => undefined);
  await held.arrived();
  await first.end('SIGKILL');
  expect(await lost).toBeUndefined();
  const told = new Set<string | undefined>();
  await until(
    async () => {
      const answer = await post(second, 'k');
      if (answer.status !== 503) told.add(problemOf(answer));
      return told.has('idempotency-key-unknown');
    },
    'the outcome to be unknown',
    UNKNOWN_PATIENCE_MS,
  );
  held.release();
  expect(problemOf(await post(second, 'k'))).toBe('idempotency-key-unknown');
  expect([...told]).toEqual(['idempotency-key-in-use', 'idempotency-key-unknown']);
  expect([...carriedOut]).toEqual([['k', 1]]);
});

test('killed among many, at any point of each: none is carried out twice, and an answer is the first one', {
  timeout: 90_000,
}, async () => {
  const [first, second] = await start();
  origin.on('POST /orders', async (_request, response, { body }) => {
    const text = carryOut(body);
    // Some orders are carried out and not answered yet when the node is killed.
    await new Promise((resolve) => setImmediate(resolve));
    response.writeHead(201, { 'content-type': 'application/json' }).end(text);
  });
  const orders = Array.from({ length: ORDERS }, (_, i) => `order-${i}`);
  const answered = new Map<string, string>();
  // Four clients, so that some orders are answered, some under way and some not begun.
  const client = async (from: number): Promise<void> => {
    for (let i = from; i < ORDERS; i += 4) {
      const answer = await post(first, `order-${i}`).catch(() => undefined);
      if (answer?.status === 201) answered.set(`order-${i}`, answer.text);
    }
  };
  const clients = [0, 1, 2, 3].map(client);
  await until(() => carriedOut.size >= ORDERS / 2, 'half of the orders', 20_000);
  await first.end('SIGKILL');
  await Promise.all(clients);

  const again = new Map<string, Answer>();
  await until(
    async () => {
      for (const order of orders) {
        const known = again.get(order);
        if (known === undefined || known.status === 503) again.set(order, await post(second, order));
      }
      return [...again.values()].every(({ status }) => status !== 503);
    },
    'the other node to answer',
    20_000,
  );
  expect([...carriedOut.values()].every((times) => times === 1)).toBe(true);
  for (const [order, answer] of again) {
    const first = answered.get(order);
    if (first !== undefined)
      expect([order, answer.headers['idempotency-replayed'], answer.text]).toEqual([order, 'true', first]);
    else if (answer.status === 201) expect(answer.text).toBe(JSON.stringify({ order, times: 1 }));
    else expect([order, answer.status]).toEqual([order, 409]);
  }
  expect(answered.size).toBeGreaterThan(0);
});
