import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemTimers } from '../../src/clock.ts';
import { nothingCovered } from '../../src/coherence/record.ts';
import { type Coverage, namedTag, pathTag } from '../../src/coherence/tag.ts';
import { commonCredentials } from '../../src/http/credentials.ts';
import { Fields } from '../../src/http/fields.ts';
import { selectingValues } from '../../src/http/vary.ts';
import { type LogView, RedisTier, type RedisTierOptions } from '../../src/redis/tier.ts';
import { VersionBumps } from '../../src/redis/version-bumps.ts';
import type { StoredResponse } from '../../src/store/stored-response.ts';
import { RedisServer } from '../redis-log/redis-server.ts';
import { gate } from '../support/barrier.ts';
import { stored } from '../support/stored.ts';

let server: RedisServer;
let log: { -readonly [Name in keyof LogView]: LogView[Name] };
let now: number;
let connection: ReturnType<RedisServer['connect']>;
beforeEach(async () => {
  server = await RedisServer.start();
  connection = server.connect(100);
  await once(connection, 'ready');
  now = 1_000;
  log = {
    ...{ usable: true, epoch: 'e1', joinedAt: 0, confirm: () => Promise.resolve(true), admits: () => true },
    ...{ seqOf: (position: number) => position, positionOf: (seq: number) => seq },
  };
});
afterEach(async () => {
  connection.disconnect();
  await server.stop();
});

const tier = (options: Partial<RedisTierOptions> = {}): RedisTier =>
  new RedisTier({
    ...{ connection, prefix: 'unstale', scope: 's', shape: 'c', log, monotonic: () => now, timers: systemTimers },
    ...{
      maxBytes: 1_000_000,
      full: () => {},
      maxEntryBytes: 10_000,
      compressAboveBytes: 100,
      ttlMs: 60_000,
      timeoutMs: 250,
      minVersionMs: () => 5_000,
    },
    ...options,
  });
const bump = (coverage: Coverage, epoch: string, seq: number): Promise<void> =>
  new VersionBumps({ connection, prefix: 'unstale', scope: 's', minVersionMs: () => 5_000 }).raise(
    coverage,
    epoch,
    seq,
  );
const anyone = new Fields([]);
const coverage = (...tags: string[]): Coverage => ({ ...nothingCovered, tags: new Set(tags) });
const step = (more: Partial<StoredResponse> = {}): StoredResponse =>
  stored('/steps/7', { asOf: 5, tags: [pathTag('/steps/7'), namedTag('step:7')], ...more });

describe('an entry', () => {
  test('is found by another node, as of when it was filled', async () => {
    const response = step({ body: Buffer.from('x'.repeat(500)) });
    await tier().keep(response);
    const found = await tier().load(response.key, anyone);
    expect(found?.body.equals(response.body)).toBe(true);
    expect(found?.asOf).toBe(5);
    expect(await tier().load('other', anyone)).toBeUndefined();
  });

  test('of a node that joined after it was filled passes the fence from there on', async () => {
    await tier().keep(step());
    log.joinedAt = 100;
    expect((await tier().load(step().key, anyone))?.asOf).toBe(100);
  });

  test.each([
    ['has joined anew', { joinedAt: 7 }],
    ['may not serve any longer', { usable: false }],
    ['is in another epoch', { epoch: 'e2' }],
  ])('is not found by a node that %s while it looks', async (_, later) => {
    await tier().keep(step());
    const loading = tier().load(step().key, anyone);
    Object.assign(log, later);
    expect(await loading).toBeUndefined();
  });

  test('is not found where the log is not what this node was told: both were set back', async () => {
    await tier().keep(step());
    log.confirm = () => Promise.resolve(false);
    expect(await tier().load(step().key, anyone)).toBeUndefined();
  });

  test.each(['accept-language', 'authorization'])('is one variant of several: %s', async (name) => {
    for (const language of ['de', 'en']) {
      const selecting = selectingValues([name], new Fields([name, language]), commonCredentials);
      await tier().keep(step({ vary: [name], selecting, body: Buffer.from(language) }));
    }
    const ask = (language: string) => tier().load(step().key, new Fields([name, language]));
    expect((await ask('de'))?.body.toString()).toBe('de');
    expect((await ask('en'))?.body.toString()).toBe('en');
    expect(await ask('fr')).toBeUndefined();
  });

  test('expires with its freshness, and its versions some time after', async () => {
    await tier().keep(step({ lifetimeMs: 30_000 }));
    const keys = await connection.keys('unstale:s:*');
    const ttls = await Promise.all(keys.map(async (key) => [key.split(':')[2], await connection.pttl(key)] as const));
    for (const [kind, ttl] of ttls) {
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(kind === 'e' ? 30_000 : 120_000);
    }
    await tier().keep(step({ lifetimeMs: 500 }));
  });

  const never: [string, Partial<StoredResponse>][] = [
    ['a part', { part: { start: 0, size: 9, saidEnd: 3, asked: undefined } }],
    ['an error', { status: 404 }],
    ['what is too large', { body: Buffer.alloc(10_001) }],
    ['what is stale in a moment', { lifetimeMs: 900 }],
  ];
  test.each(never)('%s is not kept', async (_, more) => {
    await tier().keep(step(more));
    expect(await connection.keys('*')).toEqual([]);
  });
});

describe('a record', () => {
  const rows: [string, Coverage][] = [
    ['of its path', coverage(pathTag('/steps/7'))],
    ['of its tag', coverage(namedTag('step:7'))],
    ['of a pattern that it lies in', { ...nothingCovered, patterns: ['/steps/*'] }],
    ['of everything', { ...nothingCovered, patterns: ['/**'] }],
    ['of tags with a wildcard', { ...nothingCovered, tagPatterns: [['step:', '']] }],
  ];
  test.each(rows)('%s makes it invalid', async (_, record) => {
    await tier().keep(step());
    await bump(record, 'e1', 6);
    expect(await tier().load(step().key, anyone)).toBeUndefined();
  });

  test('of something else does not', async () => {
    await tier().keep(step());
    await bump({ ...coverage(pathTag('/steps/8')), patterns: ['/trips/*'], tagPatterns: [['trip:', '']] }, 'e1', 6);
    expect(await tier().load(step().key, anyone)).toBeDefined();
  });

  test('since its fill keeps it from being stored at all', async () => {
    await bump(coverage(pathTag('/steps/7')), 'e1', 6);
    await tier().keep(step({ asOf: 5 }));
    expect(await tier().load(step().key, anyone)).toBeUndefined();
    await tier().keep(step({ asOf: 6 }));
    expect(await tier().load(step().key, anyone)).toBeDefined();
  });

  test('that arrives late does not bring back what a newer one invalidated', async () => {
    await bump(coverage(pathTag('/steps/7')), 'e1', 5);
    await tier().keep(step({ asOf: 5 }));
    await bump(coverage(pathTag('/steps/7')), 'e1', 6);
    // The version is that of 6, and stays.
    await bump(coverage(pathTag('/steps/7')), 'e1', 5);
    expect(await tier().load(step().key, anyone)).toBeUndefined();
  });
});

describe('never a hit', () => {
  test('a version that is gone, and what is made in its place', async () => {
    await tier().keep(step());
    for (const key of await connection.keys('unstale:s:v:*')) await connection.del(key);
    expect(await tier().load(step().key, anyone)).toBeUndefined();
    await tier().keep(stored('/steps/7', { key: 'another', asOf: 5, tags: [pathTag('/steps/7'), namedTag('step:7')] }));
    expect(await tier().load(step().key, anyone)).toBeUndefined();
  });

  test('an entry of another epoch, scope, prefix or configuration', async () => {
    await tier().keep(step());
    for (const options of [{ scope: 'x' }, { prefix: 'x' }, { shape: 'x' }]) {
      expect(await tier(options).load(step().key, anyone)).toBeUndefined();
    }
    log.epoch = 'e2';
    expect(await tier().load(step().key, anyone)).toBeUndefined();
  });

  test('a value that is not the gateway’s', async () => {
    await tier().keep(step());
    const [key = ''] = await connection.keys('unstale:s:e:*');
    for (const value of ['', 'nonsense', '\u0001\u0000', '\u0002nonsense', '\u0002{}']) {
      await connection.set(key, value);
      expect(await tier().load(step().key, anyone)).toBeUndefined();
    }
  });
});

describe('a Redis that is away', () => {
  test('costs one timeout, and then nothing for a while', async () => {
    const own = tier();
    server.signal('SIGSTOP');
    expect(await own.load('a', anyone)).toBeUndefined();
    expect(own.usable).toBe(false);
    expect(await own.load('a', anyone)).toBeUndefined();
    now += 1_000;
    expect(own.usable).toBe(true);
    server.signal('SIGCONT');
  });

  test('says so when it has not taken the versions of a record', async () => {
    await server.kill();
    await expect(bump(coverage(pathTag('/a')), 'e1', 1)).rejects.toThrow();
  });

  test('it is not used while the node may not serve', () => {
    expect(tier().usable).toBe(true);
    log.usable = false;
    expect(tier().usable).toBe(false);
  });
});

describe('a cold key', () => {
  test('is leased by one node, which releases it', async () => {
    const [first, second] = await Promise.all([tier().acquireFillLease('a'), tier().acquireFillLease('a')]);
    expect([first, second].filter((fillLease) => fillLease === undefined)).toHaveLength(1);
    (first ?? second)?.();
    await expect.poll(async () => await tier().acquireFillLease('a')).toBeDefined();
  });

  test('a node that waits gets what the other has fetched', async () => {
    const fillLease = await tier().acquireFillLease(step().key);
    const waiting = tier().awaited(step().key, anyone);
    await tier().keep(step());
    fillLease?.();
    expect(await waiting).toBeDefined();
  });

  test('a node that waits goes on by itself if the other has nothing, or is dead', async () => {
    const fillLease = await tier().acquireFillLease('a');
    const waiting = tier().awaited('a', anyone);
    fillLease?.();
    expect(await waiting).toBeUndefined();
  });
});

describe('versions are kept', () => {
  const lifeOf = async (name: string): Promise<number> => connection.pttl(`unstale:s:v:${name}`);
  const tag = namedTag('step:7');

  test('for longer than the entries that name them, whatever is invalidated meanwhile', async () => {
    await tier().keep(step({ lifetimeMs: 20_000 }));
    expect(await lifeOf(tag)).toBeGreaterThan(20_000);
    await tier().keep(step({ lifetimeMs: 40_000 }));
    expect(await lifeOf(tag)).toBeGreaterThan(40_000);
    await bump(coverage(tag), 'e1', 6);
    expect(await lifeOf(tag)).toBeGreaterThan(40_000);
  });

  test('only so long where no entry names them as a fill from before may come', async () => {
    await bump(coverage(tag), 'e1', 6);
    expect(await lifeOf(tag)).toBeGreaterThan(0);
    expect(await lifeOf(tag)).toBeLessThanOrEqual(5_000);
    await tier().keep(step());
    expect(await tier().load(step().key, anyone)).toBeUndefined();
  });
});

describe('while an entry is made', () => {
  const entries = async (): Promise<number> => (await connection.keys('unstale:s:e:*')).length;

  test.each([
    ['another epoch has begun', { epoch: 'e2' }],
    ['the lease has run out', { usable: false }],
    ['a record has covered it', { admits: () => false }],
  ])('%s: it is not stored', async (_, later) => {
    const keeping = tier().keep(step());
    Object.assign(log, later);
    await keeping;
    expect(await entries()).toBe(0);
  });

  test('its key stays leased, so that a node that waits finds it', async () => {
    const holder = tier();
    const release = await holder.acquireFillLease(step().key);
    const slow = gate();
    const set = connection.set.bind(connection);
    const setLater = async (...args: [string, string]): Promise<unknown> => {
      await slow.pass();
      return set(...args);
    };
    Object.assign(connection, { set: setLater });
    const keeping = holder.keep(step());
    release?.();
    await slow.arrived();
    const waiting = tier().awaited(step().key, anyone);
    expect(await connection.keys('*:fill')).toHaveLength(1);
    slow.release();
    expect(await waiting).toBeDefined();
    await keeping;
  });
});

test('a slow Redis costs a read no more than its bound, and is then not asked for a while', async () => {
  const other = await server.connected();
  const slow = tier({ timeoutMs: 50 });
  await other.client('PAUSE', 3_000);
  const startedAt = performance.now();
  expect(await slow.load(step().key, anyone)).toBeUndefined();
  expect(await slow.acquireFillLease(step().key)).toBeDefined();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(slow.usable).toBe(false);
  other.disconnect();
});

describe('its room', () => {
  const large = (i: number, more: Partial<StoredResponse> = {}): StoredResponse =>
    stored(`/large/${i}`, { asOf: 5, body: randomBytes(9_000), ...more });
  const found = async (count: number): Promise<number> => {
    const loads = Array.from({ length: count }, (_, i) => tier().load(large(i).key, anyone));
    return (await Promise.all(loads)).filter((each) => each !== undefined).length;
  };

  test('is bounded: further responses are not kept, nor any version made for them', async () => {
    let full = 0;
    const bounded = tier({ maxBytes: 100_000, full: () => full++ });
    for (let i = 0; i < 30; i++) await bounded.keep(large(i));
    const [kept, keys] = [await found(30), await connection.dbsize()];
    expect(kept).toBeGreaterThan(5);
    expect(kept).toBeLessThan(11);
    expect([bounded.refused, full]).toEqual([30 - kept, 1]);
    now += 2_000;
    for (let i = 30; i < 60; i++) await bounded.keep(large(i));
    expect([await connection.dbsize(), full]).toEqual([keys, 2]);
  });

  test('is shared by all nodes; what is stored again counts once', async () => {
    const [one, other] = [tier({ maxBytes: 100_000 }), tier({ maxBytes: 100_000 })];
    for (let i = 0; i < 60; i++) await (i % 2 === 0 ? one : other).keep(large(i % 6));
    expect([await found(6), one.refused + other.refused]).toEqual([6, 0]);
    for (let i = 6; i < 40; i++) await (i % 2 === 0 ? one : other).keep(large(i));
    expect(await found(40)).toBeLessThan(11);
  });

  test('is there again when what took it has expired, and in another epoch', async () => {
    const bounded = tier({ maxBytes: 30_000 });
    for (let i = 0; i < 3; i++) await bounded.keep(large(i, { lifetimeMs: 1_100 }));
    expect(bounded.refused).toBeGreaterThan(0);
    await expect.poll(() => connection.keys('unstale:s:e:*'), { timeout: 5_000 }).toEqual([]);
    now += 2_000;
    await bounded.keep(large(7));
    expect(await tier().load(large(7).key, anyone)).toBeDefined();
    await bounded.keep(large(8));
    await bounded.keep(large(9));
    Object.assign(log, { epoch: 'e2' });
    now += 2_000;
    await bounded.keep(large(9));
    expect(await tier().load(large(9).key, anyone)).toBeDefined();
  });

  test('ends before the Redis is full, and what it holds is found all the same', async () => {
    await tier().keep(large(0));
    await connection.config('SET', 'maxmemory', '5mb');
    const bounded = tier({ maxBytes: 100_000_000 });
    for (let i = 1; i < 600; i++) {
      now += 2_000;
      await bounded.keep(large(i));
    }
    expect(bounded.refused).toBeGreaterThan(0);
    const used = Number(/used_memory:(\d+)/.exec(await connection.info('memory'))?.[1]);
    expect(used).toBeLessThan(4.2 * 1024 * 1024);
    expect(await connection.set('what others store', 'x')).toBe('OK');
    expect(await bounded.load(large(0).key, anyone)).toBeDefined();
  });

  test('a Redis that others have filled is still read: stored entries are found', async () => {
    const kept = tier();
    await kept.keep(large(0));
    await connection.config('SET', 'maxmemory', '1mb');
    await kept.keep(large(1));
    expect([kept.refused, kept.usable]).toEqual([1, true]);
    expect(await kept.load(large(0).key, anyone)).toBeDefined();
  });
});

describe('a record that names very much', () => {
  const many = <T>(of: (i: number) => T): T[] => Array.from({ length: 1_000 }, (_, i) => of(i));
  const batches: [string, Coverage][] = [
    ['siblings', coverage(...many((i) => [pathTag(`/steps/${i}`), namedTag(`step:${i}`)]).flat())],
    ['things that have nothing in common', coverage(pathTag('/steps/7'), ...many((i) => pathTag(`/${i}/${i}`)))],
  ];
  test.each(batches)('%s: changes few versions, and what it covers is not found', async (_, batch) => {
    await tier().keep(step());
    const keys = await connection.dbsize();
    await bump(batch, 'e1', 9);
    expect((await connection.dbsize()) - keys).toBeLessThan(10);
    expect(await tier().load(step().key, anyone)).toBeUndefined();
  });
});
