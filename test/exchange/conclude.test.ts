import { expect, test } from 'vitest';
import { systemTimers } from '../../src/clock.ts';
import { WritesInFlight } from '../../src/coherence/in-flight.ts';
import type { Log } from '../../src/coherence/log.ts';
import { type Invalidation, nothingCovered } from '../../src/coherence/record.ts';
import type { Coverage } from '../../src/coherence/tag.ts';
import { Transaction } from '../../src/coherence/transaction.ts';
import { type ConcludingWrite, conclude } from '../../src/exchange/write/conclude.ts';

const noted: Coverage = { tags: new Set(['p:/items/1']), patterns: [], tagPatterns: [] };

/** A shared log with the record of an indeterminate write, which this node applies only when it asks for conflicts. */
class LateLog {
  readonly appended: Invalidation[] = [];
  inQuarantine = false;

  withdraw(): void {}

  conflicting(): ReturnType<Log['conflicting']> {
    this.inQuarantine = true;
    return Promise.resolve({ known: true, writes: [] });
  }

  append(invalidation: Invalidation): ReturnType<Log['append']> {
    this.appended.push(invalidation);
    const record = { ...invalidation, position: this.appended.length, at: '' };
    return Promise.resolve({ record, removed: 0, applied: true, held: false, conflicting: [] });
  }
}

function forwarded(): Transaction {
  const transaction = new Transaction();
  transaction.take({ type: 'noted' });
  transaction.take({ type: 'forwarded' });
  return transaction;
}

test('a record that comes before the own one is sent, but after that was made, causes no second announcement', async () => {
  const all = new WritesInFlight();
  const log = new LateLog();
  const inFlight = all.begin({ coverage: noted, below: [], opaque: [] }, [{ path: '/items/1', tags: [], open: [] }]);
  const cause = { method: 'PUT', path: '/items/1', rule: null };
  const invalidation: Invalidation = {
    coverage: { ...noted, tags: new Set(['p:/parents/1']) },
    announcements: [{ type: 'invalidate', paths: ['/items/1'], tags: [], cause }],
  };
  const made = (): void => {};
  const write: ConcludingWrite = {
    ...{ transaction: forwarded(), inFlight, note: undefined, selects: true, readsQuarantined: false },
    own: () => {
      queueMicrotask(() => all.note({ coverage: noted, announcements: [] }));
      return Promise.resolve({ invalidation, local: { applying: made, applied: made }, made });
    },
    complete: () => Promise.resolve({ invalidation, made }),
    noted: () => invalidation,
  };
  await conclude({ log: log as unknown as Log, timers: systemTimers, shared: false }, write, 'done');
  expect(log.appended.map(({ announcements }) => announcements.length)).toEqual([0, 1]);
});

test('a refused write is recorded if its read set came into quarantine while it asked for conflicts', async () => {
  const log = new LateLog();
  const inFlight = new WritesInFlight().begin({ coverage: noted, below: [], opaque: [] }, []);
  const unused = (): never => {
    throw new Error('a refused write has no record of its own');
  };
  const write: ConcludingWrite = {
    ...{ transaction: forwarded(), inFlight, note: { id: 'a:1' }, selects: false, own: unused, complete: unused },
    get readsQuarantined() {
      return log.inQuarantine;
    },
    noted: () => ({ coverage: noted, announcements: [] }),
  };
  const ports = { log: log as unknown as Log, timers: systemTimers, shared: true };
  const record = await conclude(ports, write, 'refused');
  expect(record?.coverage ?? nothingCovered).toEqual(noted);
  expect(log.appended).toHaveLength(1);
});
