import { beforeEach, describe, expect, test } from 'vitest';
import { newQueue } from '../../src/webhooks/queue.ts';
import { decodeOrder, decodeQueue, encodeQueue } from '../../src/webhooks/stored-queue.ts';
import { LEASE_MS, Node, Stage } from './stage.ts';

/* One endpoint of several nodes: who delivers, from where the next one goes on, and what is stored. */

const DAY_MS = 24 * 60 * 60 * 1_000;

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});

const begin = async (name: string): Promise<Node> => {
  const node = new Node(stage, name);
  await stage.pass(100);
  return node;
};

describe('one of several nodes', () => {
  test('delivers each event once, in order, after a resync', async () => {
    const nodes = [await begin('a'), await begin('b')];
    for (const path of ['/1', '/2', '/3', '/4', '/5']) {
      stage.commit(path);
      for (const node of nodes) node.wake();
    }
    await stage.pass(1_000);
    expect(stage.arrived).toEqual(['a e-0.resync', 'a e-1', 'a e-2', 'a e-3', 'a e-4', 'a e-5']);
    expect(nodes.map(({ isOpen }) => isOpen)).toEqual([true, false]);
  });

  test('is followed by another when it stops, which begins where it has ended', async () => {
    const [a, b] = [await begin('a'), await begin('b')];
    stage.commit('/1');
    a.wake();
    await stage.pass(100);
    await a.shared.stop();
    stage.commit('/2');
    await stage.pass(LEASE_MS);
    expect(stage.arrived).toEqual(['a e-0.resync', 'a e-1', 'b e-2']);
    expect([a.isOpen, b.isOpen, b.changes]).toEqual([false, true, []]);
  });

  test('is followed when it dies: what it has not stored is delivered again, and nothing is left out', async () => {
    const [a, b] = [await begin('a'), await begin('b')];
    await stage.pass(2_000);
    stage.commit('/1');
    a.wake();
    await stage.pass(1_500);
    stage.commit('/2', '/3');
    a.wake();
    await stage.pass(50);
    a.isPaused = true;
    stage.commit('/4');
    await stage.pass(3 * LEASE_MS);
    expect(stage.arrived).toEqual(['a e-0.resync', 'a e-1', 'a e-2', 'a e-3', 'b e-2', 'b e-3', 'b e-4']);
    expect(b.changes).toEqual([]);
  });

  test('that was paused delivers nothing any more, and stores nothing over what the next one has stored', async () => {
    const [a, b] = [await begin('a'), await begin('b')];
    a.isPaused = true;
    stage.commit('/1', '/2');
    await stage.pass(3 * LEASE_MS);
    const stored = stage.keeper.queue;
    a.isPaused = false;
    a.wake();
    await stage.pass(LEASE_MS);
    expect(stage.arrived.filter((each) => !each.includes('resync'))).toEqual(['b e-1', 'b e-2']);
    expect([a.isOpen, b.isOpen]).toEqual([false, true]);
    expect(decodeQueue(stage.keeper.queue)?.position).toBe('e-2');
    expect(decodeQueue(stored)?.position).toBe('e-2');
  });

  test('delivers nothing while it cannot renew, and goes on once it can', async () => {
    const a = await begin('a');
    await stage.pass(2_000);
    stage.keeper.isAway = true;
    await stage.pass(2 * LEASE_MS);
    stage.commit('/1');
    a.wake();
    await stage.pass(LEASE_MS);
    expect(stage.arrived).toEqual(['a e-0.resync']);
    stage.keeper.isAway = false;
    await stage.pass(LEASE_MS);
    expect(stage.arrived).toEqual(['a e-0.resync', 'a e-1']);
  });

  test('does what operators have left for it', async () => {
    const a = await begin('a');
    stage.answer = { kind: 'gone' };
    stage.commit('/1');
    a.wake();
    await stage.pass(100);
    stage.answer = { kind: 'delivered' };
    await stage.keeper.order('partner', '{"kind":"enable"}');
    await stage.pass(LEASE_MS);
    expect(stage.arrived.slice(1)).toEqual(['a e-1', 'a e-1.resync']);
  });
});

test('after ten attempts a message is a dead letter, delivered when an operator says so', async () => {
  const a = await begin('a');
  stage.answer = { kind: 'failed', reason: 'status 500' };
  stage.commit('/1');
  a.wake();
  await stage.pass(4 * DAY_MS);
  expect(stage.arrived.slice(1)).toEqual(Array.from({ length: 10 }, () => 'a e-1'));
  expect([a.changes, decodeQueue(stage.keeper.queue)]).toMatchObject([
    ['failing', 'dead'],
    { waiting: [], dead: [{ reason: 'status 500', message: { event: { id: 'e-1' } } }] },
  ]);
  stage.answer = { kind: 'delivered' };
  await stage.keeper.order('partner', '{"kind":"redeliver","id":"e-1"}');
  await stage.pass(LEASE_MS);
  expect(stage.arrived.slice(11)).toEqual(['a e-1']);
  expect([a.changes.at(-1), decodeQueue(stage.keeper.queue)?.dead]).toEqual(['recovered', []]);
});

describe('after a restart of all nodes', () => {
  test('what waits for an endpoint that fails is delivered, with its attempts and its pauses', async () => {
    const a = await begin('a');
    stage.answer = { kind: 'failed', reason: 'status 500' };
    stage.commit('/1', '/2');
    a.wake();
    await stage.pass(6_000);
    expect(stage.arrived.slice(1)).toEqual(['a e-1', 'a e-1']);
    await a.shared.stop();
    stage.answer = { kind: 'delivered' };
    await begin('b');
    await stage.pass(250_000);
    expect(stage.arrived).toHaveLength(3);
    await stage.pass(60_000);
    expect(stage.arrived.slice(3)).toEqual(['b e-1', 'b e-2']);
  });

  test('a resync says so where the log does not go back far enough', async () => {
    const a = await begin('a');
    await a.shared.stop();
    stage.commit('/1', '/2', '/3');
    stage.trimmed = 2;
    const b = await begin('b');
    await stage.pass(LEASE_MS);
    expect([stage.arrived, b.changes]).toEqual([['a e-0.resync', 'b e-3.resync'], ['missed']]);
  });

  test('a resync says so where the log has begun anew', async () => {
    const a = await begin('a');
    stage.commit('/1');
    a.wake();
    await stage.pass(100);
    stage.forget('f');
    stage.commit('/2');
    a.wake();
    await stage.pass(100);
    expect(stage.arrived).toEqual(['a e-0.resync', 'a e-1', 'a f-1.resync']);
  });

  test.each(['', 'nonsense', '{"version":2}', '{"version":1,"waiting":{}}'])(
    'a resync says so where %j is stored',
    async (text) => {
      stage.keeper.queue = text;
      stage.commit('/1');
      await begin('a');
      expect(stage.arrived).toEqual(['a e-1.resync']);
    },
  );
});

test('a queue is stored once a second at most, however many events there are', async () => {
  const a = await begin('a');
  for (let i = 0; i < 100; i++) {
    stage.commit(`/${i}`);
    a.wake();
    await stage.pass(20);
  }
  await stage.pass(2_000);
  expect(stage.keeper.saves).toBeLessThanOrEqual(5);
  expect(decodeQueue(stage.keeper.queue)).toMatchObject({ position: 'e-100', waiting: [] });
});

describe('the queue of an endpoint that fails', () => {
  let a: Node;
  beforeEach(async () => {
    a = await begin('a');
    stage.answer = { kind: 'failed', reason: 'status 500' };
    stage.commit('/first');
    a.wake();
    // The second attempt has failed; the third one comes in five minutes.
    await stage.pass(20_000);
  });
  const goOn = async (count: number, ms: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      stage.commit(`/${i}`);
      a.wake();
      await stage.pass(ms);
    }
  };

  test('is stored every ten seconds while no more than the log has is new', async () => {
    const { saves } = stage.keeper;
    await goOn(60, 1_000);
    expect(stage.keeper.saves - saves).toBeLessThanOrEqual(7);
    await stage.pass(10_000);
    expect(decodeQueue(stage.keeper.queue)?.position).toBe('e-61');
  });

  test('is stored after a second when an attempt has failed', async () => {
    await stage.pass(30_000);
    const queue = decodeQueue(stage.keeper.queue);
    // Stored at once: nothing was for long.
    await goOn(1, 100);
    await stage.keeper.order('partner', '{"kind":"enable"}');
    await stage.pass(LEASE_MS / 4 + 1_200);
    const stored = decodeQueue(stage.keeper.queue);
    expect([queue?.attempts, stored?.attempts, stored?.position]).toEqual([2, 3, 'e-2']);
  });

  test('is stored after a second when the log may soon have forgotten what is new', async () => {
    await goOn(1, 2_000);
    await goOn(1_000, 1);
    await stage.pass(1_000);
    expect(Number(decodeQueue(stage.keeper.queue)?.position.slice(2))).toBeGreaterThanOrEqual(1_000);
  });

  test('loses nothing when its node dies before it is stored', async () => {
    const b = await begin('b');
    await goOn(3, 100);
    a.isPaused = true;
    stage.answer = { kind: 'delivered' };
    await stage.pass(10 * 60_000);
    expect(stage.arrived.slice(-4)).toEqual(['b e-1', 'b e-2', 'b e-3', 'b e-4']);
    expect(b.changes).not.toContain('missed');
  });
});

test('payloads that wait survive a log that begins anew', async () => {
  const a = await begin('a');
  stage.answer = { kind: 'failed', reason: 'status 500' };
  stage.payload = { n: 1 };
  stage.commit('/1', '/2');
  a.wake();
  await stage.pass(1_000);
  stage.forget('f');
  stage.payload = undefined;
  stage.answer = { kind: 'delivered' };
  stage.commit('/3');
  a.wake();
  await stage.pass(10_000);
  expect(stage.arrived.slice(1)).toEqual(['a e-1', 'a e-1', 'a e-2', 'a f-1.resync']);
});

test('nothing is missed by a node that has left the log while it read', async () => {
  const a = await begin('a');
  const { read } = stage.feed;
  stage.feed.read = () => {
    stage.isLeft = true;
    return Promise.resolve('lost');
  };
  stage.commit('/1');
  a.wake();
  await stage.pass(100);
  stage.feed.read = read;
  stage.isLeft = false;
  a.wake();
  await stage.pass(100);
  expect([stage.arrived, a.changes]).toEqual([['a e-0.resync', 'a e-1'], []]);
});

describe('what is stored', () => {
  test('is understood again', () => {
    const queue = { ...newQueue('e-1', 1), failure: 'status 500', attempts: 3 };
    expect(decodeQueue(encodeQueue(queue))).toEqual(queue);
  });

  test('has no id that would break out of a header field', () => {
    const text = encodeQueue(newQueue('e-1\r\nX-Injected: 1', 1));
    expect(decodeQueue(text)).toBeUndefined();
  });

  test.each(['', 'null', '{}', '{"kind":"explode"}', '{"kind":"redeliver","id":7}'])('%j is no order', (text) => {
    expect(decodeOrder(text)).toBeUndefined();
  });
});
