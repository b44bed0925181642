import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Bus } from '../../../src/coherence/bus.ts';
import { Commits } from '../../../src/coherence/commits.ts';
import { Fence } from '../../../src/coherence/fence.ts';
import { Intents } from '../../../src/coherence/intents.ts';
import { Lease, surelyOverMs } from '../../../src/coherence/lease.ts';
import { Membership } from '../../../src/coherence/membership.ts';
import { type LogRecord, nothingCovered } from '../../../src/coherence/record.ts';
import { Sequencer } from '../../../src/coherence/sequencer.ts';
import { isCoveredBy, pathTag } from '../../../src/coherence/tag.ts';
import { decodeRecord, encodeRecord } from '../../../src/coherence/wire-record.ts';
import { hitting } from '../log-contract.ts';

const tagged = (path: string) => ({ path, tags: [pathTag(path)] });
const renewal = { sentAt: 1_000, sentWall: 50_000, leaseMs: 200, seq: 0 };

describe('a lease', () => {
  const rows: [string, number, number, boolean][] = [
    ['holds from when its renewal was sent', 1_000, 50_000, true],
    ['holds until it ends', 1_199, 50_199, true],
    ['does not hold at its end', 1_200, 50_200, false],
    ['does not hold when the wall clock has gone on alone, as on a suspended machine', 1_010, 50_100, false],
    ['does not hold when the wall clock was set back', 1_100, 50_000, false],
  ];
  test.each(rows)('%s', (_, monotonic, wall, holds) => {
    const lease = new Lease();
    lease.granted(renewal, 0);
    expect(lease.holds(monotonic, wall)).toBe(holds);
  });

  test('holds only once what was in the log has been applied, and not once it is void', () => {
    const lease = new Lease();
    lease.granted({ ...renewal, seq: 5 }, 4);
    expect([lease.holds(1_001, 50_001), lease.catchingUp]).toEqual([false, true]);
    lease.applied(5);
    expect([lease.holds(1_001, 50_001), lease.catchingUp]).toEqual([true, false]);
    lease.void();
    expect(lease.holds(1_001, 50_001)).toBe(false);
  });

  test('a newer one that waits for records leaves the older one in force', () => {
    const lease = new Lease();
    lease.granted(renewal, 0);
    lease.granted({ ...renewal, sentAt: 1_100, sentWall: 50_100, seq: 9 }, 0);
    expect([lease.holds(1_150, 50_150), lease.holds(1_250, 50_250)]).toEqual([true, false]);
  });
});

test('the writer of a record learns of its commit before later records are announced', () => {
  const told: string[] = [];
  const commits = new Commits(
    { after: () => () => {} },
    () => 0,
    ({ position }) => told.push(`record ${position}`),
  );
  commits.when(3, () => told.push('all up to 3'));
  for (const seq of [2, 3, 4, 5]) {
    commits.applied({ seq, record: { ...hitting('/a'), position: seq, at: '' }, dueAt: 1 });
  }
  commits.advanceTo(5);
  expect(told).toEqual(['record 2', 'record 3', 'all up to 3', 'record 4', 'record 5']);
});

describe('what has to be told once nobody serves the epoch before', () => {
  const record = (position: number): LogRecord => ({ ...hitting('/a'), position, at: '' });
  function behindBarrier() {
    const told: string[] = [];
    const timers: (() => void)[] = [];
    const commits = new Commits(
      {
        after: (_ms, run) => {
          timers.push(run);
          return () => void timers.splice(timers.indexOf(run), 1);
        },
      },
      () => 0,
      ({ position }) => told.push(`record ${position}`),
    );
    commits.reset(0, 100);
    commits.afterBarrier(() => told.push('told'));
    return { told, timers, commits };
  }

  test('is told when the barrier is over', () => {
    const { told, timers } = behindBarrier();
    expect(told).toEqual([]);
    for (const run of [...timers]) run();
    expect(told).toEqual(['told']);
  });

  test('is told before the first record is delivered, and once', () => {
    const { told, timers, commits } = behindBarrier();
    commits.applied({ seq: 1, record: record(1), dueAt: 500 });
    commits.advanceTo(1);
    for (const run of [...timers]) run();
    expect(told).toEqual(['told', 'record 1']);
  });

  test('is not told in another epoch', () => {
    const { told, timers, commits } = behindBarrier();
    commits.reset(0, 100);
    for (const run of [...timers]) run();
    expect(told).toEqual([]);
  });
});

test('a member is silent when its beat has stood still for longer than any lease', () => {
  const membership = new Membership();
  const wait = surelyOverMs(200);
  const seen = (beat: number, now: number) => membership.observe([{ id: 'a', beat, applied: 0 }], now, 200).length;
  expect(seen(1, 0)).toBe(0);
  expect(seen(1, wait)).toBe(0);
  expect(seen(2, wait + 1)).toBe(0);
  expect(seen(2, 2 * wait + 1)).toBe(0);
  expect(seen(2, 2 * wait + 2)).toBe(1);
  membership.reset();
  expect(seen(2, 3 * wait)).toBe(0);
});

describe('a fence that begins anew', () => {
  test('refuses every fill that began before, and whatever is quarantined', () => {
    const fence = new Fence();
    fence.reset(10, [{ position: 7, coverage: hitting('/quarantined').coverage }]);
    expect([fence.admits(tagged('/a'), 9), fence.admits(tagged('/a'), 10)]).toEqual([false, true]);
    expect([fence.isQuarantined(tagged('/quarantined')), fence.isQuarantined(tagged('/a'))]).toEqual([true, false]);
    fence.apply({ ...hitting(), position: 11, at: '', endsQuarantine: 7 });
    expect(fence.isQuarantined(tagged('/quarantined'))).toBe(false);
  });
});

describe('records on the wire', () => {
  const told = { type: 'x', paths: ['/a'], tags: [], cause: { method: 'PUT', path: '/a', rule: null } };
  const written = { tags: ['p:/a'], patterns: ['/b/*'], tagPatterns: [['x', '']], announcements: [told], at: 'now' };
  const broken: [string, unknown][] = [
    ['no object', null],
    ['a list', []],
    ['tags that are none', { ...written, tags: [1] }],
    ['a pattern that is none', { ...written, patterns: [''] }],
    ['a tag pattern without a wildcard', { ...written, tagPatterns: [[]] }],
    ['a tag pattern that is a text', { ...written, tagPatterns: ['x'] }],
    ['no announcements', { ...written, announcements: undefined }],
    ['an announcement that is a number', { ...written, announcements: [1] }],
    ['an announcement that is null', { ...written, announcements: [null] }],
    ['a type with a line feed', { ...written, announcements: [{ ...told, type: 'x\n\nevent: evil' }] }],
    ['no type', { ...written, announcements: [{ ...told, type: undefined }] }],
    ['paths that are a number', { ...written, announcements: [{ ...told, paths: 5 }] }],
    ['paths that are objects', { ...written, announcements: [{ ...told, paths: [{}] }] }],
    ['tags of an announcement that are null', { ...written, announcements: [{ ...told, tags: [null] }] }],
    ['no cause', { ...written, announcements: [{ ...told, cause: undefined }] }],
    ['a cause without a path', { ...written, announcements: [{ ...told, cause: { method: 'X', rule: null } }] }],
    ['a payload that is a text', { ...written, announcements: [{ ...told, payload: 'x' }] }],
    ['no time', { ...written, at: undefined }],
    ['a quarantine without end', { ...written, quarantine: true, quarantineMs: 1e12 }],
    ['a quarantine that ends before it begins', { ...written, quarantine: true, quarantineMs: -1 }],
    ['the end of a quarantine that never began', { ...written, endsQuarantine: -5 }],
    ['quarantine that is a text', { ...written, quarantine: 'yes' }],
  ];
  const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  test.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['deep JSON', '['.repeat(100_000)],
    [
      'a payload that is too deep',
      JSON.stringify({ ...written, announcements: [{ ...told, payload: 'DEEP' }] }).replace('"DEEP"', deep(100_000)),
    ],
    ...broken.map(([what, record]): [string, string] => [what, JSON.stringify(record)]),
  ])('%s cannot be read: it covers everything, and subscribers are told so', (_what, payload) => {
    const { coverage, announcements, ...rest } = decodeRecord(payload);
    expect(announcements).toMatchObject([{ type: 'invalidate', paths: ['/**'], tags: ['*'] }]);
    expect(rest).toEqual({ at: new Date(0).toISOString() });
    for (const path of ['/', '/a/b']) expect(isCoveredBy(tagged(path), coverage)).toBe(true);
    expect(isCoveredBy({ path: '/', tags: ['t:x'] }, coverage)).toBe(true);
  });

  test('what is written is read', () => {
    const record = { ...hitting('/a'), quarantine: true, endsQuarantine: 3, at: 'now' };
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
    const announced = {
      ...hitting('/a'),
      announcements: [{ ...told, payload: { id: 7 } }],
      quarantineMs: 0.5,
      at: 'now',
    };
    expect(decodeRecord(encodeRecord(announced))).toEqual(announced);
  });
});

describe('intents', () => {
  const note = { posts: new Set<string>(), coverage: nothingCovered, announcements: [], quarantineMs: 1 };

  test('of writes refused while the bus is unreachable: few are kept, and a renewal withdraws all of them', async () => {
    const bus = { intend: () => Promise.reject(new Error('out of reach')) } as unknown as Bus;
    const intents = new Intents(bus, 'n', systemClock);
    for (let i = 0; i < 1_500; i++) intents.withdraw((await intents.note(note, 'e')).id, true);
    expect([intents.leaving, intents.from]).toEqual([1_000, 1_501]);
    const sequencer = new Sequencer();
    sequencer.createEpoch('e', 1_000);
    sequencer.intend('e', 'n', { id: 'n:1', posts: '', payload: '' });
    expect(sequencer.intents).toEqual(['n:1']);
    const renewal = { member: 'n', applied: null, recordsFrom: 0, quarantines: false };
    sequencer.renew('e', { ...renewal, intentsFrom: intents.from });
    expect(sequencer.intents).toEqual([]);
  });
});
