import { type Bench, type Case, type Metric, ratioOf, type Sample } from '../bench.ts';
import { heldMemory, inspectOption } from '../measure/heap.ts';
import { startGateway } from '../servers/gateway.ts';
import { ask } from '../servers/server.ts';

const connections = 16;
/** Stored before anything is measured, so that compiled code and pools are not counted as part of a response. */
const warmUpResponses = 2_000;

const held: Metric = { name: 'held bytes', unit: 'B', better: 'lower', digits: 0 };
const resident: Metric = { name: 'resident bytes', unit: 'B', better: 'lower', digits: 0 };

/** The memory of one stored response of 1 KiB, including all its metadata. */
export const memory: Case = {
  name: 'memory',
  title: 'memory per stored response of 1 KiB',
  async run(bench) {
    const samples: Record<string, Sample[]> = Object.fromEntries(bench.gateways.map(({ name }) => [name, []]));
    for (const { name } of bench.gateways) {
      samples[name]?.push(await perResponse(bench, name));
      bench.progress(`${name}: ${bench.effort.storedResponses.toLocaleString('en')} responses stored`);
    }
    const comparisons = bench.gateways.slice(1).map(({ name }) => ratioOf('gateway', name));
    return { metrics: [held, resident], samples, comparisons };
  },
};

async function perResponse(bench: Bench, name: string): Promise<Sample> {
  const count = bench.effort.storedResponses;
  const gateway = await startGateway({
    name,
    directory: bench.directories[name] ?? '',
    originUrl: bench.origin.url,
    core: bench.placement.server,
    nodeOptions: [inspectOption],
  });
  try {
    await fill(bench, gateway.url, 0, warmUpResponses);
    const before = await heldMemory(gateway.child);
    await fill(bench, gateway.url, warmUpResponses, count);
    const after = await heldMemory(gateway.child);
    const seen = await bench.origin.requests();
    await ask(`${gateway.url}/things/${warmUpResponses}`);
    if ((await bench.origin.requests()) !== seen) throw new Error('the first of the stored responses is gone');
    return {
      [held.name]: (after.heldBytes - before.heldBytes) / count,
      [resident.name]: (after.residentBytes - before.residentBytes) / count,
    };
  } finally {
    await gateway.stop();
  }
}

async function fill(bench: Bench, url: string, first: number, count: number): Promise<void> {
  const paths = { template: '/things/{n}', first, count };
  const load = { url, paths, method: 'GET', headers: {}, body: undefined, connections, amount: count } as const;
  const { requests, statuses } = await bench.generator.load(load);
  if (statuses['200'] !== count) throw new Error(`${requests} of ${count} responses: ${JSON.stringify(statuses)}`);
}
