import { once } from 'node:events';
import { type Bench, type Case, differenceOf, type Metric, ratioOf, type Sample } from '../bench.ts';
import { cpuSeconds } from '../measure/cpu-time.ts';
import { startChild } from '../servers/child.ts';
import { startGateway } from '../servers/gateway.ts';

const elapsed: Metric = { name: 'ms', unit: 'ms', better: 'lower', digits: 0 };
const cpu: Metric = { name: 'CPU ms', unit: 'ms', better: 'lower', digits: 0 };

/** From the start of the process until `/readyz` answers 200, compared with a Node process that does nothing. */
export const startUp: Case = {
  name: 'start-up',
  title: 'start-up, until ready',
  async run(bench) {
    const names = bench.gateways.map(({ name }) => name);
    const samples: Record<string, Sample[]> = Object.fromEntries(['empty node', ...names].map((name) => [name, []]));
    for (let round = 1; round <= bench.effort.startUps; round++) {
      samples['empty node']?.push(await emptyNode(bench));
      for (const name of names) samples[name]?.push(await gatewayStart(bench, name));
      bench.progress(`start ${round} of ${bench.effort.startUps}`);
    }
    const comparisons = [
      ...names.map((name) => differenceOf(name, 'empty node')),
      ...names.slice(1).map((name) => ratioOf('gateway', name)),
    ];
    return { metrics: [elapsed, cpu], samples, comparisons };
  },
};

async function emptyNode(bench: Bench): Promise<Sample> {
  const started = performance.now();
  const child = startChild(process.execPath, ['-e', ''], { core: bench.placement.server });
  // It exits by itself. For the bench's other children that is a failure.
  await once(child.process, 'exit');
  const ms = performance.now() - started;
  await child.stop();
  return { [elapsed.name]: ms, [cpu.name]: Number.NaN };
}

async function gatewayStart(bench: Bench, name: string): Promise<Sample> {
  const gateway = await startGateway({
    name,
    directory: bench.directories[name] ?? '',
    originUrl: bench.origin.url,
    core: bench.placement.server,
  });
  const sample = { [elapsed.name]: gateway.startUpMs, [cpu.name]: 1000 * cpuSeconds(gateway.pid) };
  await gateway.stop();
  return sample;
}
