import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { MemoryLog } from '../../src/coherence/memory-log.ts';
import { type LogRecord, nothingHit } from '../../src/coherence/record.ts';
import { pathTag } from '../../src/coherence/tag.ts';
import { VersionedLog } from '../../src/coherence/versioned-log.ts';

/* A write is acknowledged only once what the nodes share knows of its record, too. */

const hits = { ...nothingHit, tags: new Set([pathTag('/a')]) };

function logWith(bump: (record: LogRecord) => Promise<void>, withinMs = 1_000, clock = systemClock) {
  const log = new MemoryLog(systemClock, { applied: () => 0, committed: () => {} });
  return new VersionedLog({ log, clock, bump, withinMs });
}

test('append waits until the versions have changed', async () => {
  let changed = (): void => {};
  let acknowledged = false;
  const log = logWith(() => new Promise((resolve) => (changed = resolve)));
  const appending = log.append({ hits, announcements: [] }).then(() => {
    acknowledged = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(acknowledged).toBe(false);
  changed();
  await appending;
});

test('where they cannot be changed, the write is not confirmed', async () => {
  const log = logWith(() => Promise.reject(new Error('gone')));
  await expect(log.append({ hits, announcements: [] })).rejects.toMatchObject({ code: 'unconfirmed' });
});

test('nor where that took longer than nodes that join wait for it', async () => {
  let now = 0;
  const clock = { wall: systemClock.wall, monotonic: () => now };
  const log = logWith(
    async () => {
      now += 2_000;
    },
    1_000,
    clock,
  );
  await expect(log.append({ hits, announcements: [] })).rejects.toMatchObject({ code: 'unconfirmed' });
});

test('a record that hits nothing has no versions to change, and what stands beside it is done in its place', async () => {
  const done: string[] = [];
  const log = logWith(async () => void done.push('bump'));
  const beside = { applying: () => void done.push('applying'), applied: () => void done.push('applied') };
  await log.append({ hits: nothingHit, announcements: [] });
  await log.append({ hits, announcements: [] }, { beside });
  expect(done).toEqual(['applying', 'applied', 'bump']);
});
