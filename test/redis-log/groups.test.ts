import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noContact, type Step } from '../../src/coherence/bus.ts';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { hitting, writeTo } from '../coherence/log-contract.ts';
import { until } from '../support/barrier.ts';
import { type RedisLog, RedisRig } from './redis-rig.ts';
import { RedisServer } from './redis-server.ts';

const paths = ['/a/1', '/a/2', '/a/3', '/a/4', '/a/5', '/a/6', '/a/7', '/a/8'];

describe('a group of steps', () => {
  let server: RedisServer;
  let redis: ReturnType<RedisServer['connect']>;
  let bus: RedisBus;
  beforeEach(async () => {
    server = await RedisServer.start();
    redis = await server.connected();
    bus = new RedisBus({ commands: redis, blocking: redis, prefix: 'test', scope: 's' });
    await bus.createEpoch('1_e', 100);
    await renewed();
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  /** In the same epoch only if the counts in the state are those of the keys. */
  const renewed = async () => {
    const renewal = { member: 'a', applied: 0, intentsFrom: 1, recordsFrom: 1, quarantines: false };
    const answer = await bus.renew('1_e', renewal, { ...noContact, number: 1 });
    return answer.ok ? answer.seq : answer;
  };
  const record = (ref: string) => ({ payload: '{}', ref, quarantine: true, probes: '', asOf: 0, hold: false });
  const append = (ref: string): Step => ({ kind: 'append', append: record(ref) });
  const intend = (id: string): Step => ({ kind: 'intend', note: { id, posts: 'x,y', payload: '{}' } });
  const kindsOf = async (steps: readonly Step[], contact = { ...noContact, number: 2 }) => {
    const answer = await bus.group('1_e', 'a', steps, contact);
    return answer.ok ? answer.answers.map(({ kind }) => kind) : answer;
  };

  test('is made in its order, in one command', async () => {
    const answer = await bus.group('1_e', 'a', [intend('a:1'), append('a:1'), append('a:2'), append('a:3')]);
    expect(answer).toMatchObject({ answers: [{ kind: 'intend' }, { seq: 1 }, { seq: 2 }, { seq: 3 }] });
    const batch = await bus.read('1_e', 0, 0);
    expect(batch.ok && batch.entries.map(({ seq, ref }) => [seq, ref])).toEqual([
      [1, 'a:1'],
      [2, 'a:2'],
      [3, 'a:3'],
    ]);
  });

  test('in which one fails makes the others, and leaves nothing of that one', async () => {
    const malformed = append('no number');
    expect(await kindsOf([append('a:1'), malformed, append('a:2'), intend('a:3')])).toEqual([
      'append',
      'failed',
      'append',
      'intend',
    ]);
    expect(await renewed()).toBe(2);
  });

  test('in which a number gets no record ends the epoch, and keeps the intent: somebody else has written to the log', async () => {
    await redis.xadd('test:{s}:log:1_e', '9-0', 'p', '{}');
    const recorded: Step = { kind: 'append', append: { ...record('a:1'), intent: 'a:1' } };
    expect(await kindsOf([intend('a:1'), recorded])).toEqual({ ok: false, epoch: null });
    expect(await redis.hkeys('test:{s}:intents')).toEqual(['a:1']);
    expect(await renewed()).toEqual({ ok: false, epoch: null });
  });

  test('on a server that is full fails, and leaves nothing', async () => {
    await redis.config('SET', 'maxmemory', '1');
    await expect(kindsOf([intend('a:1'), append('a:1')])).rejects.toThrow('OOM');
    await redis.config('SET', 'maxmemory', '0');
    expect(await renewed()).toBe(0);
    expect(await redis.hlen('test:{s}:intents')).toBe(0);
  });

  test('on a server that is full makes what takes no memory', async () => {
    await kindsOf([intend('a:1')]);
    await redis.config('SET', 'maxmemory', '1');
    const [refused, made] = (await kindsOf([intend('a:2'), { kind: 'withdraw', intent: 'a:1' }])) as string[];
    await redis.config('SET', 'maxmemory', '0');
    expect([refused, made]).toEqual(['failed', 'withdraw']);
    expect(await renewed()).toBe(0);
    expect(await redis.hkeys('test:{s}:intents')).toEqual([]);
  });

  test.each([
    ['another epoch', (steps: readonly Step[]) => bus.group('1_other', 'a', steps)],
    ['a Redis that was set back', (steps: readonly Step[]) => bus.group('1_e', 'a', steps, { ...noContact, seq: 9 })],
  ])('makes none of its steps in %s', async (_, group) => {
    expect(await group([append('a:1'), intend('a:1')])).toMatchObject({ ok: false });
    expect([await redis.xlen('test:{s}:log:1_e'), await redis.hlen('test:{s}:intents')]).toEqual([0, 0]);
  });
});

describe('concurrent writes of three nodes', () => {
  let rig: RedisRig;
  let nodes: [RedisLog, RedisLog, RedisLog];
  beforeEach(async () => {
    rig = await RedisRig.create();
    nodes = [await rig.open(), await rig.open(), await rig.open()];
    // Then the barrier of the epoch is over.
    await nodes[0].log.append(hitting('/first'));
  });
  afterEach(() => rig.close());

  const covered = ({ records }: RedisLog): string[] =>
    records.flatMap(({ coverage }) => [...coverage.tags]).filter((tag) => tag.startsWith('p:/a/'));
  const tags = paths.map((path) => `p:${path}`);
  const appendAll = ({ log }: RedisLog) => Promise.allSettled(paths.map((path) => log.append(hitting(path))));

  test('share round trips, and are applied in one order everywhere', async () => {
    const client = await rig.server.connected();
    const scripts = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
    const before = await scripts();
    await Promise.all(
      nodes.flatMap(({ log }, n) =>
        Array.from({ length: 40 }, async (_, i) => {
          const path = `/a/${n}/${i}`;
          const note = await log.note(writeTo(path));
          await log.append(hitting(path), { note });
        }),
      ),
    );
    // One by one, it takes 240 for the notes and the records alone. Leases are renewed meanwhile, as long as it takes.
    expect((await scripts()) - before).toBeLessThan(200);
    client.disconnect();
    const [one = [], ...others] = nodes.map(({ records }) => records.map(({ id }) => id));
    expect(one).toHaveLength(121);
    for (const other of others) expect(other).toEqual(one);
  });

  test('whose node dies with their notes under way are taken over, each once', async () => {
    const [first, ...others] = nodes;
    const noted = Promise.allSettled(paths.map((path) => first.log.note(writeTo(path))));
    await Promise.race([noted, until(() => first.log.status().intents === paths.length)]);
    const answers = await noted;
    expect(answers.every(({ status }) => status === 'fulfilled')).toBe(true);
    first.die();
    await rig.until(() => others.every((node) => new Set(covered(node)).size === paths.length));
    const quarantines = others.map(({ records }) => records.filter(({ quarantine }) => quarantine === true).length);
    expect(quarantines).toEqual([paths.length, paths.length]);
  });

  test('whose node dies when they have been sent are in the log all together, or none of them is', async () => {
    const [first, second, third] = nodes;
    void appendAll(first);
    // The group leaves at the end of this turn; nobody hears its answer.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    first.die();
    await rig.until(() => !second.log.status().members.includes('n1') && !third.log.status().members.includes('n1'));
    for (const node of [second, third]) expect([0, paths.length]).toContain(new Set(covered(node)).size);
    await second.log.append(hitting('/b'));
    expect(covered(second)).toEqual(covered(third));
  });

  test('are appended once each, though Redis was stopped in between and their outcome was unknown', async () => {
    rig.server.signal('SIGSTOP');
    const appended = appendAll(nodes[0]);
    await rig.until(() => nodes.every(({ log }) => !log.serving()));
    rig.server.signal('SIGCONT');
    expect((await appended).every(({ status }) => status === 'fulfilled')).toBe(true);
    for (const node of nodes) expect(covered(node).sort()).toEqual(tags);
  });

  test('reach the next epoch, though Redis was killed with them and lost everything', async () => {
    const appended = appendAll(nodes[0]);
    await rig.server.kill();
    await rig.server.launch();
    expect((await appended).every(({ status }) => status === 'fulfilled')).toBe(true);
    await rig.until(() => nodes.every(({ log }) => log.serving()));
    // A node that had not joined when they were appended has emptied its memory since.
    expect(new Set(covered(nodes[0])).size).toBe(paths.length);
    for (const { log, resets } of nodes) expect([log.epoch, resets.length]).toEqual([nodes[0].log.epoch, 2]);
  });

  test('that conflict learn of each other, though they were noted in one group', async () => {
    const write = writeTo('/a/1');
    const [one, other] = await Promise.all([nodes[0].log.note(write), nodes[0].log.note(write)]);
    const [early, late] = await Promise.all([
      nodes[0].log.append(hitting('/a/1'), { note: one, probes: write.posts }),
      nodes[0].log.append(hitting('/a/1'), { note: other, probes: write.posts }),
    ]);
    expect([early.conflicting?.length, early.held]).toEqual([1, true]);
    // The first is recorded before the second, which had not applied it.
    expect([late.conflicting?.length, late.held]).toEqual([0, true]);
  });
});
