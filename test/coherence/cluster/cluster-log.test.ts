import { describe, expect, test } from 'vitest';
import { nothingCovered } from '../../../src/coherence/record.ts';
import { withMethods } from '../../simulate/mutants.ts';
import { hitting, writeTo } from '../log-contract.ts';
import { LEASE_MS, type SimulatedLog, SimulatedRig, three } from './simulated-rig.ts';

const write = writeTo('/a/1');

const cut = (rig: SimulatedRig, node: SimulatedLog, ms: number): void => {
  node.bus.cutUntil = rig.world.now + ms;
};

describe('a cluster log', () => {
  test('strict: resolves when every member has applied the record', async () => {
    const { rig, nodes } = await three();
    await rig.wait(nodes[0].log.append(hitting('/a')));
    for (const { records } of nodes) expect(records).toHaveLength(1);
  });

  test('strict: a silent member is waited for until its lease has run out, which it notices first', async () => {
    const { rig, nodes } = await three();
    const [writer, , silent] = nodes;
    cut(rig, silent, 2_000);
    let fencedAt = Number.POSITIVE_INFINITY;
    const from = rig.world.now;
    let done = false;
    const appended = writer.log.append(hitting('/a')).then(() => {
      done = true;
    });
    while (!done) {
      await rig.pass(1);
      if (!silent.log.serving()) fencedAt = Math.min(fencedAt, rig.world.now);
    }
    await appended;
    expect(silent.records).toEqual([]);
    expect(fencedAt).toBeLessThan(rig.world.now);
    expect(rig.world.now - from).toBeGreaterThan(LEASE_MS);
    await rig.until(() => silent.log.serving());
    expect(silent.records).toHaveLength(1);
    expect(silent.resets).toHaveLength(1);
  });

  test('eventual: resolves when this node has applied it', async () => {
    const { rig, nodes } = await three({ mode: 'eventual' });
    cut(rig, nodes[2], 2_000);
    const from = rig.world.now;
    const { applied } = await rig.wait(nodes[0].log.append(hitting('/a')));
    expect(applied).toBe(true);
    expect(rig.world.now - from).toBeLessThan(LEASE_MS / 2);
  });

  test('a joining node begins after the existing records, and knows what is quarantined', async () => {
    const { rig, nodes } = await three();
    const { record } = await rig.wait(nodes[0].log.append({ ...hitting('/a'), quarantine: true }));
    let quarantines: readonly unknown[] = [];
    const late = rig.start({
      listener: {
        applied: () => 0,
        committed: () => {},
        reset: (_position: number, open: readonly unknown[]) => {
          quarantines = open;
        },
        caughtUp: () => {},
      },
    });
    await rig.until(() => late.log.serving());
    expect(quarantines).toEqual([expect.objectContaining({ coverage: record.coverage })]);
  });

  test('a node that missed what was trimmed away empties itself, without waiting for the next record', async () => {
    const { rig, nodes } = await three();
    cut(rig, nodes[2], 300);
    await rig.wait(nodes[0].log.append(hitting('/a')));
    rig.server.step((sequencer) => sequencer.trim(0));
    await rig.until(() => nodes[2].log.serving());
    expect([nodes[2].records.length, nodes[2].resets.length]).toEqual([0, 2]);
  });

  test('an entry that is read twice is applied once', async () => {
    const rig = new SimulatedRig();
    const open = rig.start({}, (bus) =>
      withMethods(bus, { read: (epoch, after, from) => bus.read(epoch, Math.max(0, after - 1), from) }),
    );
    await rig.until(() => open.log.serving());
    for (const path of ['/a', '/b', '/c']) await rig.wait(open.log.append(hitting(path)));
    expect(open.records.map(({ announcements }) => announcements[0]?.paths)).toEqual([['/a'], ['/b'], ['/c']]);
  });

  test('a quarantine lasts into a new epoch, until a record ends it', async () => {
    const { rig, nodes } = await three();
    const { record } = await rig.wait(nodes[0].log.append({ ...hitting('/a'), quarantine: true }));
    // The others have joined the new epoch when this one does.
    cut(rig, nodes[0], LEASE_MS);
    rig.server.loseAll();
    await rig.until(() => nodes.every(({ log, resets }) => resets.length === 2 && log.serving()));
    await rig.until(() => nodes[1].records.length === 2);
    const again = nodes[1].records[1];
    expect([again?.quarantine, again?.coverage]).toEqual([true, record.coverage]);
    await rig.pass(3 * LEASE_MS);
    await rig.wait(nodes[0].log.append({ ...hitting('/a'), endsQuarantine: record.position }));
    expect(nodes[1].records.at(-1)?.endsQuarantine).toBe(again?.position);
  });

  test('a node that has stopped is not waited for', async () => {
    const { rig, nodes } = await three();
    await rig.wait(nodes[2].log.stop());
    const from = rig.world.now;
    await rig.wait(nodes[0].log.append(hitting('/a')));
    expect(rig.world.now - from).toBeLessThan(LEASE_MS / 2);
    expect(nodes[2].log.serving()).toBe(false);
  });
});

test('a node that stops when it has withdrawn a write is not waited for, though other steps are under way', async () => {
  const { rig, nodes } = await three();
  for (let i = 0; i < 5; i++) {
    const leaving = await rig.open();
    const note = await rig.wait(leaving.log.note(write));
    void leaving.log.confirm();
    leaving.log.withdraw(note);
    await rig.wait(leaving.log.stop());
    const from = rig.world.now;
    await rig.wait(nodes[0].log.append(hitting('/a')));
    expect(rig.world.now - from).toBeLessThan(LEASE_MS / 2);
  }
});

describe('without the bus', () => {
  test('reject: no write is forwarded', async () => {
    const { rig, nodes } = await three();
    cut(rig, nodes[0], 1_000);
    await expect(rig.wait(nodes[0].log.note(write))).rejects.toMatchObject({ code: 'uncoordinated', status: 503 });
  });

  test('reject: a write that was forwarded is not known to be effective, and its record is appended later', async () => {
    const { rig, nodes } = await three();
    cut(rig, nodes[0], 2_000);
    await expect(rig.wait(nodes[0].log.append(hitting('/a')))).rejects.toMatchObject({ code: 'unconfirmed' });
    await rig.until(() => nodes.every(({ records }) => records.length === 1));
  });

  test('queue: the write goes on, and this node serves nothing until its record is in the log', async () => {
    const { rig, nodes } = await three({ onPartition: 'queue' });
    const [node, other] = nodes;
    cut(rig, node, 100);
    await rig.wait(node.log.note(write));
    await rig.wait(node.log.append(hitting('/a')));
    expect(node.log.status().state).toBe('undelivered');
    await rig.until(() => node.log.serving());
    expect(node.records).toHaveLength(1);
    await rig.until(() => other.records.length === 1);
  });

  test.each([
    ['many', { maxWaiting: 2 }],
    ['much', { maxWaitingCharacters: 1_000 }],
  ])('queue: when too %s waits, one record that covers everything stands for the rest', async (_, bound) => {
    const { rig, nodes } = await three({ onPartition: 'queue', ...bound });
    cut(rig, nodes[0], 100);
    const writes = ['/a', '/b', '/c', '/d'].map((path) => nodes[0].log.append(hitting(path)));
    await rig.wait(Promise.all(writes));
    await rig.until(() => nodes[1].records.length === 3 && nodes[0].log.serving());
    const patterns = nodes[1].records.flatMap(({ coverage }) => coverage.patterns);
    expect(patterns).toEqual(['/**']);
  });

  test('a quarantine that was queued is ended by this node', async () => {
    const { rig, nodes } = await three({ onPartition: 'queue' });
    cut(rig, nodes[0], 100);
    await rig.wait(nodes[0].log.append({ ...hitting('/a'), quarantine: true }));
    await rig.until(() => nodes[1].records.length === 2);
    expect(nodes[1].records[1]?.endsQuarantine).toBe(nodes[1].records[0]?.position);
  });
});

describe('intents', () => {
  test.each([
    ['posts what this one reads', ['e/a/1'], true],
    ['posts one of several things', ['e/b', 'd/a'], true],
    ['posts something else', ['e/a/2', 'd/b'], false],
  ])('of a write on another node that %s: a record is held for it, and waits: %s', async (_, posts, expected) => {
    const { rig, nodes } = await three();
    const other = await rig.wait(nodes[0].log.note({ ...write, posts: new Set(posts) }));
    const note = await rig.wait(nodes[1].log.note(write));
    const probes = new Set(['e/a/1', 'd/a/1', 'd/a', 'd']);
    const { held, conflicting = [] } = await rig.wait(nodes[1].log.append(hitting('/a/1'), { note, probes }));
    expect(held).toBe(expected);
    expect(nodes[2].records.at(-1)?.announcements).toHaveLength(expected ? 0 : 1);
    let ended = false;
    void nodes[1].log.ended(conflicting).then(() => {
      ended = true;
    });
    await rig.pass(100);
    expect(ended).toBe(!expected);
    nodes[0].log.withdraw(other);
    await rig.until(() => ended);
  });

  test.each([
    ['what this one reads', '/a/1', true],
    ['something else', '/a/2', false],
  ])('a record without an intent that covers %s, and is not applied here yet, holds: %s', async (_, path, expected) => {
    const { rig, nodes } = await three();
    const note = await rig.wait(nodes[1].log.note(write));
    cut(rig, nodes[1], 30);
    // As at the end of a quarantine, or when an operator invalidates.
    void nodes[0].log.append(hitting(path));
    await rig.until(() => nodes[2].records.length === 1);
    const probes = new Set(['e/a/1', 'd/a/1', 'd/a', 'd']);
    const { held } = await rig.wait(nodes[1].log.append(hitting('/a/1'), { note, probes }));
    expect([held, nodes[2].records[1]?.announcements.length]).toEqual([expected, expected ? 0 : 1]);
  });

  test('of two writes that conflict with each other, neither waits for more than the record of the other', async () => {
    const { rig, nodes } = await three();
    const probes = new Set(['e/a/1']);
    const notes = await rig.wait(Promise.all([nodes[0].log.note(write), nodes[1].log.note(write)]));
    const [first, second] = await rig.wait(
      Promise.all([0, 1].map((i) => nodes[i as 0 | 1].log.append(hitting('/a/1'), { note: notes[i], probes }))),
    );
    await rig.wait(
      Promise.all([nodes[0].log.ended(first?.conflicting ?? []), nodes[1].log.ended(second?.conflicting ?? [])]),
    );
    expect([first?.held, second?.held]).toEqual([true, true]);
    expect(rig.server.sequencer.intents).toHaveLength(2);
  });

  test('asking which writes conflict resolves once everything recorded by then is committed', async () => {
    const { rig, nodes } = await three();
    cut(rig, nodes[2], 300);
    void nodes[0].log.append(hitting('/a/1'));
    await rig.until(() => nodes[1].records.length === 1);
    const from = rig.world.now;
    const note = await rig.wait(nodes[1].log.note(write));
    expect(await rig.wait(nodes[1].log.conflicting(note, write.posts))).toEqual({ known: true, writes: [] });
    expect(nodes[1].told.at(-1)).toContain('committed');
    expect(rig.world.now - from).toBeGreaterThan(LEASE_MS / 2);
  });

  test('of a writer that gives up become an indeterminate record, whose quarantine ends', async () => {
    const { rig, nodes } = await three();
    const note = await rig.wait(nodes[0].log.note(write));
    nodes[0].log.abandon(note);
    nodes[0].log.abandon(await rig.wait(nodes[0].log.note(write)));
    await rig.until(() => nodes[1].records.filter(({ endsQuarantine }) => endsQuarantine !== undefined).length === 2);
    expect(rig.server.sequencer.intents).toEqual([]);
  });

  test('of a held record that was not confirmed in time are abandoned', async () => {
    const { rig, nodes } = await three({ confirmMs: 50 });
    const other = await rig.wait(nodes[1].log.note(write));
    const note = await rig.wait(nodes[0].log.note(write));
    cut(rig, nodes[0], 100);
    const probes = new Set(['e/a/1']);
    await expect(rig.wait(nodes[0].log.append(hitting('/a/1'), { note, probes }))).rejects.toMatchObject({
      code: 'unconfirmed',
    });
    await rig.until(() => nodes[1].records.some(({ quarantine }) => quarantine === true));
    nodes[1].log.withdraw(other);
    await rig.until(() => rig.server.sequencer.intents.length === 0);
  });

  test('of a dead node are taken over by one of the others, once, and their quarantines end', async () => {
    const { rig, nodes } = await three();
    await rig.wait(nodes[0].log.note(write));
    nodes[0].process.kill();
    await rig.until(() => nodes[1].records.length === 2);
    await rig.pass(5 * LEASE_MS);
    for (const { records } of nodes.slice(1)) {
      expect(records.map(({ quarantine, endsQuarantine }) => [quarantine, endsQuarantine])).toEqual([
        [true, undefined],
        [undefined, records[0]?.position],
      ]);
    }
    expect(rig.server.sequencer.intents).toEqual([]);
  });

  test('of a held record are taken over if their node dies then', async () => {
    const { rig, nodes } = await three();
    const note = await rig.wait(nodes[0].log.note(write));
    await rig.wait(nodes[0].log.append({ coverage: nothingCovered, announcements: [] }, { note, keepsNote: true }));
    nodes[0].process.kill();
    await rig.until(() => nodes[1].records.some(({ quarantine }) => quarantine === true));
    expect([...(nodes[1].records.find(({ quarantine }) => quarantine === true)?.coverage.tags ?? [])]).toEqual([
      'p:/a/1',
    ]);
  });

  test('are noted again in a new epoch', async () => {
    const { rig, nodes } = await three();
    await rig.wait(nodes[0].log.note(write));
    rig.server.loseAll();
    await rig.until(() => nodes.every(({ log, resets }) => resets.length === 2 && log.serving()));
    await rig.until(() => rig.server.sequencer.intents.length === 1);
  });
});

describe('position tokens', () => {
  test('are reached when this node has applied them, and not in another epoch', async () => {
    const { rig, nodes } = await three();
    const { record } = await rig.wait(nodes[0].log.append(hitting('/a')));
    const next = String(record.id).replace(/\d+$/, (seq) => String(Number(seq) + 1));
    const reached = nodes[1].log.reached(next, 500);
    await rig.wait(nodes[2].log.append(hitting('/b')));
    expect(await rig.wait(reached)).toBe(true);
    rig.server.loseAll();
    await rig.until(() => nodes[1].resets.length === 2);
    expect(await rig.wait(nodes[1].log.reached(next, 50))).toBe(false);
  });
});

describe('a quarantine that is longer than the configured one', () => {
  const settledAfterMs = async (leave: (rig: SimulatedRig, node: SimulatedLog) => Promise<void>, intent: boolean) => {
    const { rig, nodes } = await three();
    const [writer, other] = nodes;
    const from = rig.world.now;
    if (intent) await rig.wait(writer.log.note({ ...write, quarantineMs: 5_000 }));
    else await rig.wait(writer.log.append({ ...hitting('/a'), quarantine: true, quarantineMs: 5_000 }));
    await leave(rig, writer);
    await rig.until(() => other.records.some(({ endsQuarantine }) => endsQuarantine !== undefined));
    return rig.world.now - from;
  };
  const killed = async (_: SimulatedRig, node: SimulatedLog): Promise<void> => node.process.kill();
  const stopped = (rig: SimulatedRig, node: SimulatedLog): Promise<void> => rig.wait(node.log.stop());

  test.each([
    ['of a record, when its node dies', killed, false],
    ['of a record, when its node is stopped', stopped, false],
    ['of a write that was only noted', killed, true],
  ])('%s, is kept by the node that takes it over', async (_, leave, intent) => {
    expect(await settledAfterMs(leave, intent)).toBeGreaterThan(5_000);
  });
});

describe('a position token', () => {
  test('of one epoch means nothing in another', async () => {
    const { rig, nodes } = await three();
    const { record } = await rig.wait(nodes[0].log.append(hitting('/a')));
    const token = nodes[0].log.tokenOf(record);
    expect(await rig.wait(nodes[1].log.reached(token, 100))).toBe(true);
    const [, seq] = token.split('-');
    expect(await rig.wait(nodes[1].log.reached(`other-${seq}`, 100))).toBe(false);
  });

  test('of a write that is only queued is reached nowhere', async () => {
    const { rig, nodes } = await three({ mode: 'eventual', onPartition: 'queue' });
    const [writer, other] = nodes;
    await rig.wait(other.log.append(hitting('/b')));
    cut(rig, writer, 3_000);
    await rig.until(() => !writer.log.serving());
    const { record } = await rig.wait(writer.log.append(hitting('/a')));
    expect(await rig.wait(other.log.reached(writer.log.tokenOf(record), 100))).toBe(false);
  });

  test('holds for everything that was applied before the write was answered', async () => {
    const { rig, nodes } = await three();
    const { record } = await rig.wait(nodes[0].log.append(hitting('/a')));
    await rig.wait(nodes[1].log.append(hitting('/b')));
    await rig.until(() => nodes[0].records.length === 2);
    expect(nodes[0].log.tokenOf(record)).toBe(nodes[0].records[1]?.id);
  });
});
