import { expect, test } from 'vitest';
import { MissedRecords, type MissedRecordsOptions } from '../../../src/coherence/missed-records.ts';
import { hitting } from '../log-contract.ts';
import { describeMissed, type MissedRig } from '../missed-contract.ts';
import { SimulatedRig } from './simulated-rig.ts';

class Rig extends SimulatedRig implements MissedRig {
  async trim(keep: number): Promise<void> {
    this.server.step((sequencer) => sequencer.trim(keep));
  }

  async loseAll(): Promise<void> {
    this.server.loseAll();
  }

  async remember(): Promise<void> {
    this.server.remember();
  }

  async setBack(): Promise<void> {
    for (const { process } of this.opened) process.kill();
    await this.pass(1_000);
    this.server.setBack();
  }
}

describeMissed('in virtual time', () => new Rig());

const missedOf = (node: Omit<MissedRecordsOptions, 'joinedAt'>): MissedRecords =>
  new MissedRecords({ ...node, joinedAt: () => 0 });

test('a node that has not joined knows nothing', async () => {
  const rig = new SimulatedRig();
  const first = await rig.open();
  const mark = await rig.wait(missedOf(first).mark());
  await rig.wait(first.log.append(hitting('/a')));
  const late = rig.start();
  expect(await rig.wait(missedOf(late).since(mark))).toMatchObject({
    known: false,
    why: 'the other nodes cannot be reached',
  });
  await rig.close();
});

test('a bus that does not answer makes what was missed unknown', async () => {
  const rig = new SimulatedRig();
  const node = await rig.open();
  await rig.wait(node.log.append(hitting('/a')));
  const mark = await rig.wait(missedOf(node).mark());
  await rig.wait(node.log.append(hitting('/b')));
  node.bus.cutUntil = rig.world.now + 1_000;
  expect(await rig.wait(missedOf(node).since(mark))).toMatchObject({
    known: false,
    why: 'the log cannot be read (the bus does not answer)',
  });
  await rig.close();
});
