import { describe, expect, test } from 'vitest';
import { systemClock, type Timers } from '../../../src/clock.ts';
import type { Append, Bus, Renewed } from '../../../src/coherence/bus.ts';
import { Commits } from '../../../src/coherence/commits.ts';
import { Intents } from '../../../src/coherence/intents.ts';
import { OpenQuarantines } from '../../../src/coherence/open-quarantines.ts';
import { Outbox } from '../../../src/coherence/outbox.ts';
import { type Publish, Publisher } from '../../../src/coherence/publisher.ts';
import { LogStanding } from '../../../src/coherence/standing.ts';
import { hitting } from '../log-contract.ts';

const timers: Timers = { after: () => () => {} };
const failed = (error: unknown): void => expect.unreachable(String(error));
const joined: Renewed = {
  ...{ seq: 0, first: 1, committed: 0, unpublished: 0, note: 0, leaseMs: 200 },
  ...{ members: [], joined: true, quarantines: [] },
};

/** The outbox of a node that has joined. */
function outboxOver(bus: Bus, { mode = 'strict', publish }: { mode?: 'strict' | 'eventual'; publish?: Publish } = {}) {
  const standing = new LogStanding(200);
  standing.leave('e');
  standing.join(joined, 99);
  const commits = new Commits(timers, systemClock.monotonic, () => {});
  const outbox = new Outbox(
    {
      ...{ bus, member: 'n', clock: systemClock, timers, mode, onPartition: 'reject', failed },
      ...{ confirmMs: 1_000, quarantineMs: 100 },
    },
    {
      ...{ standing, commits, intents: new Intents(bus, 'n', systemClock), epochMismatch: () => {} },
      publisher: new Publisher({ publish, timers, isOver: () => false }),
    },
  );
  return { outbox, standing, commits };
}

test('a quarantine ends by the position that its writer was given, though the node joined again before reading the record', async () => {
  const appended: Append[] = [];
  const bus = {
    append: async (_epoch: string, _member: string, append: Append) => {
      appended.push(append);
      return { ok: true as const, seq: 4 + appended.length, conflicting: [], held: false };
    },
  } as unknown as Bus;
  const { outbox, standing, commits } = outboxOver(bus);

  const appending = outbox.append({ ...hitting('/a'), quarantine: true }, {});
  await new Promise((resolve) => setImmediate(resolve));
  // Positions are each node's own: others whenever it joins.
  standing.join(joined, 299);
  const record305 = { ...hitting('/a'), position: 305, at: '', quarantine: true };
  outbox.applied('n:1', 5, { record: record305, removed: 0, held: false });
  commits.advanceTo(5);
  const { record } = await appending;
  void outbox.append({ ...hitting('/a'), endsQuarantine: record.position }, {});
  await new Promise((resolve) => setImmediate(resolve));
  expect(appended.map(({ quarantine, endsQuarantine }) => ({ quarantine, endsQuarantine }))).toEqual([
    { quarantine: true, endsQuarantine: undefined },
    { quarantine: false, endsQuarantine: 5 },
  ]);
});

describe('more than a call takes arguments', () => {
  const MANY = 130_000;

  test('of open quarantines leave the highest position known', () => {
    const quarantines = new OpenQuarantines({
      ...{ timers, quarantineMs: 100, failed, epoch: () => 'e', positionOf: (seq) => seq },
      append: () => new Promise(() => {}),
    });
    for (let seq = 1; seq <= MANY; seq++) quarantines.add(seq, { epoch: 'e', seq }, hitting('/a'));
    expect(quarantines.highest).toBe(MANY);
  });

  test('of records that the second tier does not have leave the first of them known', async () => {
    const bus = {
      append: async () => ({ ok: true as const, seq: 1, conflicting: [], held: false }),
    } as unknown as Bus;
    const { outbox } = outboxOver(bus, { mode: 'eventual', publish: () => new Promise(() => {}) });
    const applied = { record: { ...hitting('/a'), position: 1, at: '' }, removed: 0, held: false };
    for (let number = 1; number <= MANY; number++) {
      outbox.appendBehind(hitting('/a'), {});
      outbox.applied(`n:${number}`, number, applied);
    }
    expect([outbox.size, outbox.from]).toEqual([0, 1]);
    await new Promise((resolve) => setImmediate(resolve));
  });
});
