import { describeLog } from '../coherence/log-contract.ts';
import { RedisRig } from './redis-rig.ts';

describeLog('a cluster of one over Redis', () => RedisRig.create());

describeLog('a cluster of three over Redis', async () => {
  const rig = await RedisRig.create();
  await rig.open();
  await rig.open();
  return rig;
});
