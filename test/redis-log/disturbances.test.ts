import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hitting, writeTo } from '../coherence/log-contract.ts';
import { type RedisLog, RedisRig } from './redis-rig.ts';

const write = writeTo('/a/1');

describe('three nodes over a real Redis', () => {
  let rig: RedisRig;
  let nodes: RedisLog[];
  beforeEach(async () => {
    rig = await RedisRig.create();
    nodes = [await rig.open(), await rig.open(), await rig.open()];
  });
  afterEach(() => rig.close());

  const [first, second, third] = [0, 1, 2].map((i) => () => nodes[i] as RedisLog) as [
    () => RedisLog,
    () => RedisLog,
    () => RedisLog,
  ];

  test('a record is applied on every node when append resolves, and announced on every node', async () => {
    const { record } = await first().log.append(hitting('/a/1'));
    for (const { records } of nodes) expect(records.map(({ id }) => id)).toEqual([record.id]);
    await rig.until(() => nodes.every(({ told }) => told.some((line) => line.startsWith('committed'))));
  });

  test('a node that dies holds writers up for a lease at most; its intents become indeterminate records, whose quarantines end', async () => {
    await first().log.note(write);
    first().die();
    await second().log.append(hitting('/b'));
    expect(first().records).toEqual([]);
    await rig.until(() =>
      [second(), third()].every(({ records }) => records.some(({ endsQuarantine }) => endsQuarantine !== undefined)),
    );
    for (const { records } of [second(), third()]) {
      const quarantines = records.filter(({ quarantine }) => quarantine === true);
      expect(quarantines.map(({ coverage }) => [...coverage.tags])).toEqual([['p:/a/1']]);
      expect(records.filter(({ endsQuarantine }) => endsQuarantine === quarantines[0]?.position)).toHaveLength(1);
    }
  });

  test('a write waits for one on another node that conflicts with it', async () => {
    // Until a first record is committed, the epoch may be behind its barrier, and an append does not tell conflicts.
    await third().log.append(hitting('/b'));
    await rig.until(() => [first(), second()].every(({ records }) => records.length > 0));
    const early = await first().log.note(write);
    const note = await second().log.note(write);
    const { conflicting = [] } = await second().log.append(hitting('/a/1'), { note, probes: write.posts });
    let known = false;
    const others = second()
      .log.ended(conflicting)
      .then(() => {
        known = true;
      });
    await third().log.append(hitting('/c'));
    expect(known).toBe(false);
    await first().log.append(hitting('/a/1'), { note: early });
    await others;
    expect(known).toBe(true);
  });

  const redis = () => rig.server.connect();
  const command = async (...[name = '', ...args]: string[]): Promise<void> => {
    const client = redis();
    await new Promise((resolve) => client.once('ready', resolve));
    await client.call(name, ...args);
    client.disconnect();
  };
  const losses: [string, () => Promise<void>][] = [
    ['FLUSHALL', () => command('FLUSHALL')],
    ['an evicted key', () => command('DEL', 'unstale:{default}:members')],
    ['a key whose part was lost', () => command('HDEL', 'unstale:{default}:members', 'n2')],
    [
      'a restart without data',
      async () => {
        await rig.server.kill();
        await rig.server.launch();
      },
    ],
    [
      'a restart with its data, which may not be all',
      async () => {
        await command('SAVE');
        await rig.server.kill();
        await rig.server.launch();
      },
    ],
    ['a promotion', () => command('DEBUG', 'CHANGE-REPL-ID')],
  ];
  test.each(losses)('%s begins a new epoch: every node empties itself, and all go on', async (_, lose) => {
    await first().log.append(hitting('/a/1'));
    const { epoch } = first().log;
    await lose();
    await rig.until(() => nodes.every(({ log, resets }) => resets.length === 2 && log.serving()));
    for (const { log, resets, records } of nodes) {
      expect(log.epoch).not.toBe(epoch);
      expect(resets[1]).toBeGreaterThan(records[0]?.position ?? 0);
    }
    const { record } = await second().log.append(hitting('/a/2'));
    for (const { records, errors } of nodes) {
      expect(records.at(-1)?.id).toBe(record.id);
      expect(errors).toEqual([]);
    }
  });

  /**
   * A VM that is set back to a snapshot, a dump that is restored: `run_id` and `master_replid` stay, positions come
   * again.
   */
  const goBack = () => command('DEBUG', 'RELOAD', 'NOSAVE');
  const setBacks: [string, () => Promise<void>, () => Promise<void>][] = [
    ['to before the last records', () => command('SAVE'), goBack],
    [
      'to before a member had joined, with no record less',
      () => command('SAVE'),
      async () => {
        await rig.open();
        await goBack();
      },
    ],
    [
      'to an epoch that all have left',
      async () => {
        await command('SAVE');
        await command('DEL', 'unstale:{default}:members');
        await rig.until(() => nodes.every(({ resets }) => resets.length === 2));
      },
      goBack,
    ],
    [
      'by one key',
      () => command('COPY', 'unstale:{default}:state', 'unstale:{default}:kept'),
      () => command('COPY', 'unstale:{default}:kept', 'unstale:{default}:state', 'REPLACE'),
    ],
  ];
  test.each(setBacks)('a Redis that is set back in place %s begins a new epoch', async (_, remember, setBack) => {
    await first().log.append(hitting('/a/1'));
    await remember();
    if (nodes.every(({ resets }) => resets.length === 1)) await first().log.append(hitting('/a/2'));
    const before = new Set(nodes.map(({ log }) => log.epoch));
    await setBack();
    await rig.until(() => nodes.every(({ log }) => !before.has(log.epoch) && log.serving()));
    // No node that holds anything from before is passed over.
    const { record } = await second().log.append(hitting('/a/3'));
    for (const { records } of nodes) expect(records.at(-1)?.id).toBe(record.id);
    expect(new Set(nodes.map(({ log }) => log.epoch)).size).toBe(1);
  });

  test('the first write to a Redis that was set back waits for the nodes that still hold older responses', async () => {
    for (let i = 0; i < 4; i++) {
      await rig.until(() => nodes.every(({ log }) => log.serving()));
      await first().log.append(hitting('/a'));
      await command('SAVE');
      await first().log.append(hitting('/b'));
      const held = nodes.map(({ resets }) => resets.length);
      await goBack();
      const { record } = await first().log.append(hitting('/c'));
      for (const [n, { log, records, resets }] of nodes.entries()) {
        const applied = records.some(({ id }) => id === record.id);
        expect(applied || !log.serving() || resets.length > (held[n] ?? 0)).toBe(true);
      }
    }
  });

  test('a stopped Redis fences every node, and writes are refused; it goes on where it stopped', async () => {
    rig.server.signal('SIGSTOP');
    await rig.until(() => nodes.every(({ log }) => !log.serving()));
    await expect(first().log.note(write)).rejects.toMatchObject({ code: 'uncoordinated' });
    rig.server.signal('SIGCONT');
    await rig.until(() => nodes.every(({ log }) => log.serving()));
    await first().log.append(hitting('/a/1'));
    expect(nodes.map(({ resets }) => resets.length)).toEqual([1, 1, 1]);
  });

  test('gateways of another scope neither see nor wait for these', async () => {
    const other = await rig.open({}, 'other');
    await first().log.append(hitting('/a/1'));
    expect(other.records).toEqual([]);
    expect(other.log.status().members).not.toContain('n1');
  });
});
