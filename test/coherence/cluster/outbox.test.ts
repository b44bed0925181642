import { expect, test } from 'vitest';
import { systemClock, type Timers } from '../../../src/clock.ts';
import type { Append, Bus } from '../../../src/coherence/bus.ts';
import { Commits } from '../../../src/coherence/commits.ts';
import { Intents } from '../../../src/coherence/intents.ts';
import { Outbox, type Standing } from '../../../src/coherence/outbox.ts';
import { Publisher } from '../../../src/coherence/publisher.ts';
import { hitting } from '../log-contract.ts';

test('a quarantine ends by the position that its writer was given, though the node joined again before reading the record', async () => {
  const appended: Append[] = [];
  const bus = {
    append: async (_epoch: string, _member: string, append: Append) => {
      appended.push(append);
      return { ok: true as const, seq: 4 + appended.length, conflicting: [], held: false };
    },
  } as unknown as Bus;
  // Positions are each node's own: another base whenever it joins.
  let base = 100;
  const standing: Standing = {
    ...{ epoch: 'e', joined: true, leaseMs: 200, appliedSeq: 0, generation: 0, epochMismatch: () => {} },
    positionOf: (seq) => base + seq,
    failed: (error) => expect.unreachable(String(error)),
  };
  const timers: Timers = { after: () => () => {} };
  const commits = new Commits(timers, systemClock.monotonic, () => {});
  const publisher = new Publisher({ publish: undefined, timers, isOver: () => false });
  const outbox = new Outbox(
    {
      ...{ bus, member: 'n', clock: systemClock, timers, mode: 'strict', onPartition: 'reject' },
      ...{ confirmMs: 1_000, quarantineMs: 100 },
    },
    { standing, commits, intents: new Intents(bus, 'n', systemClock), publisher },
  );

  const appending = outbox.append({ ...hitting('/a'), quarantine: true }, {});
  await new Promise((resolve) => setImmediate(resolve));
  base = 300;
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
