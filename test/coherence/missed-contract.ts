import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Bus } from '../../src/coherence/bus.ts';
import { BusOver } from '../../src/coherence/bus-over.ts';
import type { ClusterLog } from '../../src/coherence/cluster-log.ts';
import type { MissedUntil } from '../../src/coherence/missed.ts';
import { MissedRecords } from '../../src/coherence/missed-records.ts';
import { hitting, type LogRig, type OpenLog } from './log-contract.ts';

export interface OpenNode extends OpenLog {
  readonly log: ClusterLog;
  readonly bus: Bus;
}

export interface MissedRig extends LogRig {
  open(): Promise<OpenNode>;
  /** Removes all but the last records of the log. */
  trim(keep: number): Promise<void>;
  /** The next epoch begins. */
  loseAll(): Promise<void>;
  /** Everything is as it was when `remember` was called, and whoever would notice is gone. */
  remember(): Promise<void>;
  setBack(): Promise<void>;
}

const missedOf = ({ bus, log, resets }: OpenNode): MissedRecords =>
  new MissedRecords({ bus, log, joinedAt: () => resets.at(-1) ?? 0 });
const pathsIn = ({ coverages }: MissedUntil): string[] =>
  coverages.flatMap(({ tags }) => [...tags].map((tag) => tag.slice(2))).sort();

/** Holds back what it has read until it is told to go on. */
class HoldingBus extends BusOver {
  held = false;
  release: () => void = () => {};

  override async read(...args: Parameters<Bus['read']>): ReturnType<Bus['read']> {
    const answer = await this.bus.read(...args);
    this.held = true;
    await new Promise<void>((resolve) => {
      this.release = resolve;
    });
    return answer;
  }
}

/** What is promised of records that are read back, over any bus. */
export function describeMissed(name: string, create: () => Promise<MissedRig> | MissedRig): void {
  describe(`records that were missed: ${name}`, () => {
    let rig: MissedRig;
    let node: OpenNode;
    beforeEach(async () => {
      rig = await create();
      node = await rig.open();
    });
    afterEach(() => rig.close());

    const write = async (...paths: string[]): Promise<void> => {
      for (const path of paths) await rig.wait(node.log.append(hitting(path)));
    };
    const since = (mark: unknown, reader = node): Promise<MissedUntil> => rig.wait(missedOf(reader).since(mark));
    const why = async (mark: unknown, reader = node): Promise<string> => {
      const missed = await since(mark, reader);
      return missed.known ? 'known' : missed.why;
    };

    test('are those after the mark, to the one that is applied', async () => {
      await write('/a', '/b');
      const mark = await rig.wait(missedOf(node).mark());
      await write('/c', '/d', '/c');
      const missed = await since(JSON.parse(JSON.stringify(mark)));
      expect([missed.known, pathsIn(missed)]).toEqual([true, ['/c', '/d']]);
      expect(missed.asOf).toBe(node.records.at(-1)?.position);
    });

    test('are none if there are none, and all if the mark is before the first', async () => {
      const first = await rig.wait(missedOf(node).mark());
      expect(await since(first)).toMatchObject({ known: true, coverages: [] });
      await write('/a', '/b');
      expect(pathsIn(await since(first))).toEqual(['/a', '/b']);
      expect(await since(await rig.wait(missedOf(node).mark()))).toMatchObject({ known: true, coverages: [] });
    });

    test('with those that the node applies later, are all, while records keep coming', async () => {
      await write('/before');
      const mark = await rig.wait(missedOf(node).mark());
      const paths = Array.from({ length: 60 }, (_, i) => `/${i}`);
      await write(...paths.slice(0, 20));
      let written = false;
      const writing = (async () => {
        for (const path of paths.slice(20)) await node.log.append(hitting(path));
        written = true;
      })();
      const late = await rig.open();
      const missed = await since(mark, late);
      expect(missed.known).toBe(true);
      await rig.until(() => written);
      await writing;
      await rig.until(
        () => late.records.some(({ coverage }) => coverage.tags.has('p:/59')) || late.records.length === 0,
      );
      const later = late.records.filter(({ position }) => position > missed.asOf);
      const applied = later.flatMap(({ coverage }) => [...coverage.tags].map((tag) => tag.slice(2)));
      expect([...new Set([...pathsIn(missed), ...applied])].sort()).toEqual(paths.sort());
    });

    test('are not known once the log does not reach back', async () => {
      await write('/a');
      const mark = await rig.wait(missedOf(node).mark());
      await write('/b', '/c', '/d');
      await rig.trim(1);
      expect(await why(mark)).toBe('the log does not reach back so far');
      await rig.trim(0);
      expect(await why(mark)).toBe('the log does not reach back so far');
      // As the log of a new epoch that was trimmed.
      expect(await why({ ...mark, seq: 0, digest: '' })).toBe('the log does not reach back so far');
    });

    test('are not known in another epoch', async () => {
      await write('/a');
      const mark = await rig.wait(missedOf(node).mark());
      await rig.loseAll();
      await rig.until(() => node.resets.length === 2 && node.log.serving());
      await write('/b', '/c');
      expect(await why(mark)).toBe('the log has begun another epoch');
    });

    test('in doubt, are what the log has nevertheless, and the node itself knows what came since it joined', async () => {
      await write('/a');
      const mark = await rig.wait(missedOf(node).mark());
      await rig.loseAll();
      await rig.until(() => node.resets.length === 2 && node.log.serving());
      await write('/b', '/c');
      const missed = await since(mark);
      expect(pathsIn(missed)).toEqual(['/b', '/c']);
      expect(missed.asOf).toBe(node.resets.at(-1));
      expect(missed.asOf).toBeLessThan(Number(node.records.at(-1)?.position));
      await rig.trim(1);
      expect(pathsIn(await since(mark))).toEqual(['/c']);
    });

    test('are not known if the epoch ends while they are read', async () => {
      await write('/a');
      const mark = await rig.wait(missedOf(node).mark());
      await write('/b');
      const bus = new HoldingBus(node.bus);
      const reading = missedOf({ ...node, bus }).since(mark);
      await rig.until(() => bus.held);
      await rig.loseAll();
      await rig.until(() => node.resets.length === 2);
      bus.release();
      expect(await rig.wait(reading)).toMatchObject({
        known: false,
        why: 'the log has begun another epoch meanwhile',
      });
    });

    test('are not known if the log was set back in its epoch, and has gone on with other records', async () => {
      await write('/a');
      await rig.remember();
      await write('/b');
      const mark = await rig.wait(missedOf(node).mark());
      await rig.setBack();
      node = await rig.open();
      expect(node.log.epoch).toBe(mark.epoch);
      expect(await why(mark)).toBe('the log was set back');
      await write('/x', '/y');
      expect(await why(mark)).toBe('the log was set back');
    });

    test('are not known if there are too many names', async () => {
      const mark = await rig.wait(missedOf(node).mark());
      const patterns = Array.from({ length: 501 }, (_, i) => `/a/*/${i}`);
      await rig.wait(node.log.append({ ...hitting('/a'), coverage: { tags: new Set(), patterns, tagPatterns: [] } }));
      expect(await why(mark)).toBe('too much was invalidated since');
    });

    test.each([
      [undefined],
      [null],
      ['x'],
      [{}],
      [{ epoch: '', seq: -1, digest: '' }],
      [{ epoch: 1, seq: 1, digest: '' }],
    ])('are not known of the mark %j', async (mark) => {
      expect(await why(mark)).toBe('it does not say where it stands in the log');
    });

    test('are not known of a mark whose record could not be read', async () => {
      await write('/a');
      const { epoch, seq } = await rig.wait(missedOf(node).mark());
      expect(await why({ epoch, seq, digest: '' })).toBe('it was not known where it stood in the log');
    });
  });
}
