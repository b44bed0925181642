import { describe, expect, test } from 'vitest';
import { hitting } from '../log-contract.ts';
import { LEASE_MS, SimulatedRig, three } from './simulated-rig.ts';

describe('what the nodes share behind their memories', () => {
  test('no write waits for it; who joins does without it until it has heard of every record behind its place', async () => {
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

  test('it is told again where it could not be reached', async () => {
    const rig = new SimulatedRig();
    let told = 0;
    const publish = (): Promise<void> => (++told < 3 ? Promise.reject(new Error('away')) : Promise.resolve());
    const writer = await rig.open({ publish });
    await rig.wait(writer.log.append(hitting('/a')));
    await rig.until(() => told === 3);
    await rig.pass(3 * LEASE_MS);
    expect(told).toBe(3);
  });

  test('what a member that is gone had not told it, the others do, and announce nothing again', async () => {
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

  test('a server that knows of no epoch for a while does not make it unnecessary', async () => {
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

  test('who may be the only one to tell it of a record of the dead does not leave as if nothing were left', async () => {
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

  test('who leaves by itself leaves nothing to be told', async () => {
    const { rig, nodes } = await three();
    await rig.wait(nodes[0].log.append(hitting('/a')));
    await rig.wait(nodes[0].log.stop());
    await rig.pass(5 * LEASE_MS);
    expect(nodes[1].records).toHaveLength(1);
  });
});
