import { afterEach, beforeEach, expect, test } from 'vitest';
import { hitting } from '../coherence/log-contract.ts';
import { type RedisLog, RedisRig } from './redis-rig.ts';

/* What the log takes of a Redis whose memory is bounded, and that drops nothing. */

let rig: RedisRig;
let nodes: RedisLog[];
let redis: ReturnType<RedisRig['server']['connect']>;
beforeEach(async () => {
  rig = await RedisRig.create();
  redis = await rig.server.connected();
  await redis.config('SET', 'maxmemory', '24mb');
  nodes = [await rig.open(), await rig.open()];
});
afterEach(async () => {
  redis.disconnect();
  await rig.close();
});

const LARGE = Array.from({ length: 1_000 }, (_, i) => `/items/${'x'.repeat(60)}${i}`);

test('records of a size do not fill it: what all nodes have applied goes first', async () => {
  const [first, second] = nodes as [RedisLog, RedisLog];
  for (let i = 0; i < 150; i++) await (i % 2 === 0 ? first : second).log.append(hitting(...LARGE, `/last/${i}`));
  const [key = ''] = await redis.keys('*:log:*');
  expect(Number(await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'))).toBeLessThan(8 * 1024 * 1024);
  for (const { log, records, resets, errors } of nodes) {
    expect([records.length, resets.length, errors, log.serving()]).toEqual([150, 1, [], true]);
  }
});

test('trimmed by hand to nothing, it goes on, and is bounded as before', async () => {
  const [first] = nodes as [RedisLog];
  for (let i = 0; i < 10; i++) await first.log.append(hitting(...LARGE));
  const [key = ''] = await redis.keys('*:log:*');
  await redis.xtrim(key, 'MAXLEN', 0);
  for (let i = 0; i < 60; i++) await first.log.append(hitting(...LARGE));
  expect(Number(await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'))).toBeLessThan(8 * 1024 * 1024);
  for (const { records, errors } of nodes) expect([records.length, errors]).toEqual([70, []]);
});
