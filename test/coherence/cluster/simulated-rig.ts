import type { Bus } from '../../../src/coherence/bus.ts';
import { ClusterLog } from '../../../src/coherence/cluster-log.ts';
import type { ClusterLogOptions } from '../../../src/coherence/cluster-status.ts';
import { SimulatedBus, SimulatedServer } from '../../simulate/network.ts';
import { Process, World } from '../../simulate/world.ts';
import { type LogRig, listenerOf, type OpenLog } from '../log-contract.ts';

export const LEASE_MS = 200;

export interface SimulatedLog extends OpenLog {
  readonly log: ClusterLog;
  readonly process: Process;
  readonly bus: SimulatedBus;
}

/** Logs over one simulated server, in virtual time. */
export class SimulatedRig implements LogRig {
  readonly world = new World(7);
  readonly server = new SimulatedServer(this.world);
  readonly opened: SimulatedLog[] = [];
  #epochs = 0;

  /** Without waiting for anything. */
  start(options: Partial<ClusterLogOptions> = {}, through: (bus: Bus) => Bus = (bus) => bus): SimulatedLog {
    const process = new Process(this.world, `n${this.opened.length}`);
    const bus = new SimulatedBus(this.world, this.server, process);
    const told = { told: [], records: [], resets: [] };
    const log = new ClusterLog({
      bus: through(bus),
      member: process.name,
      clock: process.clock,
      timers: process.timers,
      mode: 'strict',
      onPartition: 'reject',
      confirmMs: 1_000,
      quarantineMs: 100,
      leaseMs: LEASE_MS,
      nonce: () => `e${++this.#epochs}`,
      failed: (error) => {
        throw error;
      },
      listener: listenerOf(told),
      ...options,
    });
    log.start();
    const open = { log, process, bus, ...told };
    this.opened.push(open);
    return open;
  }

  async open(options: Partial<ClusterLogOptions> = {}): Promise<SimulatedLog> {
    const open = this.start(options);
    await this.until(() => open.log.serving());
    return open;
  }

  async wait<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    promise.then(
      () => {
        done = true;
      },
      () => {
        done = true;
      },
    );
    await this.until(() => done);
    return promise;
  }

  async until(condition: () => boolean): Promise<void> {
    const end = this.world.now + 20_000;
    while (!condition()) {
      if (this.world.now > end) throw new Error('it does not come about');
      await this.pass(1);
    }
  }

  pass(ms: number): Promise<void> {
    return this.world.runUntil(this.world.now + ms);
  }

  async close(): Promise<void> {
    for (const { process } of this.opened) process.kill();
  }
}

/** Three that serve, past the barrier of the first epoch. */
export async function three(
  options = {},
): Promise<{ rig: SimulatedRig; nodes: [SimulatedLog, SimulatedLog, SimulatedLog] }> {
  const rig = new SimulatedRig();
  const nodes: [SimulatedLog, SimulatedLog, SimulatedLog] = [
    await rig.open(options),
    await rig.open(options),
    await rig.open(options),
  ];
  await rig.pass(3 * LEASE_MS);
  return { rig, nodes };
}
