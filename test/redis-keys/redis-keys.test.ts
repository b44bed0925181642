import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KeyStore, KeyStoreAway } from '../../src/idempotency/key-store.ts';
import { RedisKeys } from '../../src/redis/redis-keys.ts';
import { answer, claimOf, keyStoreContract } from '../idempotency/key-contract.ts';
import { RedisServer } from '../redis-log/redis-server.ts';

describe('keys in Redis', () => {
  let server: RedisServer;
  let connection: ReturnType<RedisServer['connect']>;
  const open = (): KeyStore => new RedisKeys({ connection, prefix: 'unstale', scope: 'test' });

  beforeAll(async () => {
    server = await RedisServer.start();
    connection = server.connect(2_000);
    await once(connection, 'ready');
  });
  afterAll(async () => {
    connection.disconnect();
    await server.stop();
  });

  keyStoreContract(open, () => {});

  test('the same owner may ask again: an answer of Redis can be lost', async () => {
    const claim = claimOf({ id: 'again' });
    expect(await open().claim(claim)).toEqual({ kind: 'first' });
    expect(await open().claim(claim)).toEqual({ kind: 'first' });
  });

  test('a step that has no connection to Redis is known not to have been sent', async () => {
    const away = server.connect(2_000);
    await once(away, 'ready');
    away.disconnect();
    await once(away, 'end');
    const store = new RedisKeys({ connection: away, prefix: 'unstale', scope: 'test' });
    const steps = [store.claim(claimOf()), store.renew(claimOf()), store.settle(claimOf(), { kind: 'notRun' })];
    const reasons = (await Promise.allSettled(steps)).map(
      (step) => 'reason' in step && step.reason instanceof KeyStoreAway,
    );
    expect(reasons).toEqual([true, true, true]);
  });

  test('sizes add up to what is kept', async () => {
    await connection.flushall();
    const [kept, given] = [claimOf({ id: 'kept' }), claimOf({ id: 'given' })];
    for (const claim of [kept, given]) await open().claim(claim);
    expect(await connection.hget('unstale:{test}:key-sizes', '')).toBe('1024');
    await open().settle(given, { kind: 'notRun' });
    await open().settle(kept, { kind: 'answered', answer });
    const { kept: bytes, '': total } = await connection.hgetall('unstale:{test}:key-sizes');
    expect(total).toBe(bytes);
    expect(Number(total)).toBeGreaterThan(512 + (answer.body?.byteLength ?? 0));
  });

  test('near the limit of the memory, answers and then keys are refused', async () => {
    await connection.flushall();
    const claim = claimOf({ id: 'small' });
    await open().claim(claim);
    const used = Number(/used_memory:(\d+)/.exec(await connection.info('memory'))?.[1]);
    await connection.config('SET', 'maxmemory', Math.round(used * 1.2));
    try {
      await open().settle(claim, { kind: 'answered', answer });
      const without = { status: 201, lines: [], body: undefined };
      expect(await open().claim(claimOf({ id: 'small' }))).toEqual({ kind: 'answered', answer: without });
      expect(await open().claim(claimOf({ id: 'another' }))).toEqual({ kind: 'full' });
    } finally {
      await connection.config('SET', 'maxmemory', 0);
    }
  });
});
