import { systemClock } from '../../../src/clock.ts';
import { MemoryLog } from '../../../src/coherence/memory-log.ts';
import { describeLog, listenerOf } from '../log-contract.ts';
import { SimulatedRig } from './simulated-rig.ts';

describeLog('in memory', () => ({
  open: async () => {
    const told = { told: [], records: [], resets: [] };
    return { log: new MemoryLog(systemClock, listenerOf(told)), ...told };
  },
  wait: (promise) => promise,
  until: async () => {},
  close: async () => {},
}));

describeLog('a cluster of one over a simulated bus', () => new SimulatedRig());

describeLog('a cluster of three over a simulated bus', async () => {
  const rig = new SimulatedRig();
  await rig.open();
  await rig.open();
  return rig;
});
