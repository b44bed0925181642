import { describe, expect, test } from 'vitest';
import { hitting } from '../log-contract.ts';
import { LEASE_MS, SimulatedRig, three } from './simulated-rig.ts';

describe('publishing records to the shared tier', () => {
  test('delays no write; a joining node does not use the tier until it has every record before the position where it joined', async () => {
    const rig = new SimulatedRig();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const writer = await rig.open({ publish: () => held });
    await rig.pass(3 * LEASE_MS);
    await rig.until(() => writer.log.published);
    await rig.wait(writer.log.append(hitting('/a')));
    const other = await rig.open();
    await rig.pass(5 * LEASE_MS);
    expect(other.log.published).toBe(false);
    expect(writer.log.published).toBe(true);
    release();
    await rig.until(() => other.log.published);
  });

  test('is tried again if the tier was unreachable', async () => {
    const rig = new SimulatedRig();
    let told = 0;
    const publish = (): Promise<void> => (++told < 3 ? Promise.reject(new Error('away')) : Promise.resolve());
    const writer = await rig.open({ publish });
    await rig.wait(writer.log.append(hitting('/a')));
    await rig.until(() => told === 3);
    await rig.pass(3 * LEASE_MS);
    expect(told).toBe(3);
  });

  test('is completed by the others for a member that died, without announcing anything again', async () => {
    const told: string[] = [];
    const { rig, nodes } = await three({
      publish: async (coverage: { tags: ReadonlySet<string> }) => void told.push([...coverage.tags].join()),
    });
    const [writer, one, two] = nodes;
    const never = rig.start({ publish: () => new Promise(() => {}) });
    await rig.until(() => never.log.serving());
    await rig.wait(never.log.append(hitting('/b')));
    never.process.kill();
    const joining = rig.start();
    await rig.until(() => told.length >= 3);
    expect(told).toEqual(['p:/b', 'p:/b', 'p:/b']);
    await rig.until(() => joining.log.published);
    for (const { records } of [writer, one, two]) {
      expect(records.map(({ coverage, announcements }) => [[...coverage.tags], announcements.length])).toEqual([
        [['p:/b'], 1],
        [['p:/b'], 0],
      ]);
    }
  });

  test('is still needed after a server has known no epoch for a while', async () => {
    const rig = new SimulatedRig();
    let told = 0;
    let reachable = false;
    const publish = (): Promise<void> => {
      told += 1;
      return reachable ? Promise.resolve() : Promise.reject(new Error('away'));
    };
    const writer = await rig.open({ publish });
    await rig.pass(3 * LEASE_MS);
    await rig.wait(writer.log.append(hitting('/a')));
    const { epoch } = writer.log;
    // As a replica answers, which does not let an epoch be founded.
    writer.log.epochMismatch(epoch, null);
    await rig.pass(50);
    reachable = true;
    const before = told;
    await rig.until(() => writer.log.serving());
    await rig.pass(5 * LEASE_MS);
    expect(writer.log.epoch).toBe(epoch);
    expect(told).toBe(before + 1);
  });

  test('a node that may be the only one to publish a record of a dead one leaves that to a later node when it stops', async () => {
    const { rig, nodes } = await three({ publish: () => Promise.reject(new Error('away')) });
    await rig.wait(nodes[0].log.append(hitting('/a')));
    nodes[0].process.kill();
    await rig.until(() => nodes[1].records.length === 2);
    for (const { log, process } of nodes.slice(1)) {
      await rig.wait(log.stop());
      process.kill();
    }
    const last = rig.start();
    await rig.until(() => last.log.published);
    expect(last.records.map(({ coverage }) => [...coverage.tags])).toContainEqual(['p:/a']);
  });

  test('a node that stops properly leaves nothing to publish', async () => {
    const { rig, nodes } = await three();
    await rig.wait(nodes[0].log.append(hitting('/a')));
    await rig.wait(nodes[0].log.stop());
    await rig.pass(5 * LEASE_MS);
    expect(nodes[1].records).toHaveLength(1);
  });
});
