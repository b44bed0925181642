import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Log, NotedWrite } from '../../src/coherence/log.ts';
import type { Invalidation, LogRecord, Position } from '../../src/coherence/record.ts';
import { namedTag, pathTag } from '../../src/coherence/tag.ts';

/** A log with what its listener was told. */
export interface OpenLog {
  readonly log: Log;
  /** `applied 3`, `committed 3`: in the order in which it was told. */
  readonly told: string[];
  readonly records: LogRecord[];
  readonly resets: Position[];
}

export interface LogRig {
  /** Resolves once it serves. */
  open(): Promise<OpenLog>;
  /** Waits for what the log promises, letting time pass where that is not done by itself. */
  wait<T>(promise: Promise<T>): Promise<T>;
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export function listenerOf(open: Omit<OpenLog, 'log'>) {
  return {
    applied: (record: LogRecord) => {
      open.told.push(`applied ${record.position}`);
      open.records.push(record);
      return 1;
    },
    committed: (record: LogRecord) => {
      open.told.push(`committed ${record.position}`);
    },
    reset: (position: Position) => {
      open.resets.push(position);
    },
    caughtUp: () => {
      open.told.push('caught up');
    },
  };
}

export function hitting(...paths: string[]): Invalidation {
  const cause = { method: 'PUT', path: paths[0] ?? '', rule: null };
  return {
    coverage: { tags: new Set(paths.map(pathTag)), patterns: [], tagPatterns: [] },
    announcements: [{ type: 'invalidate', paths, tags: [], cause }],
  };
}

/** A write in flight that may change a path, and nothing else. */
export function writeTo(path: string): NotedWrite {
  return { ...hitting(path), posts: new Set([`e${path}`]), quarantineMs: 100 };
}

/** What every log promises to those that write to it. */
export function describeLog(name: string, create: () => Promise<LogRig> | LogRig): void {
  describe(`the log contract: ${name}`, () => {
    let rig: LogRig;
    let open: OpenLog;
    beforeEach(async () => {
      rig = await create();
      open = await rig.open();
    });
    afterEach(() => rig.close());

    test('a record is applied, then committed, when append resolves', async () => {
      const { record, removed, applied } = await rig.wait(open.log.append(hitting('/a')));
      // A node of a new epoch is caught up once that has begun.
      const told = open.told.filter((each) => each !== 'caught up');
      expect(told).toEqual([`applied ${record.position}`, `committed ${record.position}`]);
      expect({ removed, applied }).toEqual({ removed: 1, applied: true });
    });

    test('records arrive as they were appended', async () => {
      const invalidation: Invalidation = {
        coverage: {
          tags: new Set([pathTag('/a%20b'), namedTag('step:7 "x"')]),
          patterns: ['/steps/*', '/trips/**'],
          tagPatterns: [['step:', '']],
        },
        announcements: [
          { type: 'moved', paths: ['/a%20b'], tags: ['ü'], cause: { method: 'POST', path: '/a%20b', rule: 'r' } },
        ],
        quarantine: true,
      };
      await rig.wait(open.log.append(invalidation));
      expect(open.records).toEqual([expect.objectContaining(invalidation)]);
    });

    test('all are applied and committed in one order, and positions only grow', async () => {
      const appended = Array.from({ length: 50 }, (_, i) => open.log.append(hitting(`/${i}`)));
      await rig.wait(Promise.all(appended));
      const applied = open.records.map(({ position }) => position);
      expect(applied).toEqual([...new Set(applied)].sort((a, b) => a - b));
      expect(open.told.filter((line) => line.startsWith('committed'))).toEqual(applied.map((p) => `committed ${p}`));
      for (const position of applied) {
        expect(open.told.indexOf(`applied ${position}`)).toBeLessThan(open.told.indexOf(`committed ${position}`));
      }
    });

    test('a record that is appended again gets a position and a time of its own', async () => {
      const { record } = await rig.wait(open.log.append(hitting('/a')));
      const again = await rig.wait(open.log.append({ ...record, at: 'then' } as Invalidation));
      expect(again.record.position).toBeGreaterThan(record.position);
      expect(open.records.map(({ position }) => position)).toEqual([record.position, again.record.position]);
      expect(open.records.map(({ at }) => at)).not.toContain('then');
    });

    test('the record that ends a quarantine names its position', async () => {
      const quarantine = await rig.wait(open.log.append({ ...hitting('/a'), quarantine: true }));
      await rig.wait(open.log.append({ ...hitting('/a'), endsQuarantine: quarantine.record.position }));
      expect(open.records.map(({ endsQuarantine }) => endsQuarantine)).toEqual([undefined, quarantine.record.position]);
    });

    test('an intent is fulfilled by a record or withdrawn, and then conflicts with nothing', async () => {
      // Behind the barrier of a new epoch, records are held: one that is committed is beyond it.
      await rig.wait(open.log.append(hitting('/b')));
      const note = await rig.wait(open.log.note(writeTo('/a')));
      open.log.withdraw(await rig.wait(open.log.note(writeTo('/a'))));
      const probes = new Set(['e/a']);
      // A withdrawal is not waited for.
      while ((await rig.wait(open.log.conflicting(note, probes))).writes.length > 0);
      const { held, conflicting } = await rig.wait(open.log.append(hitting('/a'), { note, probes }));
      // Undefined where the answer to the append was lost.
      expect({ held, conflicting: conflicting ?? [] }).toEqual({ held: false, conflicting: [] });
    });

    test('it serves, and a token of this log is reached once it is applied', async () => {
      const { record } = await rig.wait(open.log.append(hitting('/a')));
      const { epoch } = open.log;
      const seq = Number((record.id ?? `${epoch}-${record.position}`).split('-')[1]);
      expect(open.log.serving()).toBe(true);
      const reached = (token: string): Promise<boolean> => rig.wait(open.log.reached(token, 20));
      expect(await reached(`${epoch}-${seq}`)).toBe(true);
      expect(await reached(`${epoch}-${seq + 1}`)).toBe(false);
      for (const token of [`x${epoch}-${seq}`, `${epoch}`, `${epoch}-`, `${epoch}-x`, '', '-1']) {
        expect(await reached(token)).toBe(false);
      }
    });
  });
}
