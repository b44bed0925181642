import { type Bench, type Case, ratioOf } from '../bench.ts';
import { type Gateway, startGateway } from '../servers/gateway.ts';
import { plainHit } from './hit.ts';
import { type Contender, runLoadCase } from './load-case.ts';

/**
 * One process and two, on the same two cores. With fewer than four cores, generator and origin are on these cores too:
 * then two workers get what the others leave, and only the figure per CPU-second says what more cores would bring.
 */
async function withWorkers<T>(bench: Bench, run: (gateways: readonly Gateway[]) => Promise<T>): Promise<T> {
  const gateways: Gateway[] = [];
  try {
    for (const workers of [1, 2]) {
      gateways.push(
        await startGateway({
          name: workers === 1 ? 'one worker' : 'two workers',
          directory: bench.directories.gateway ?? '',
          originUrl: bench.origin.url,
          core: bench.placement.workers,
          workers,
        }),
      );
    }
    return await run(gateways);
  } finally {
    for (const gateway of gateways) await gateway.stop();
  }
}

const comparisons = [ratioOf('two workers', 'one worker')];

export const workersHit: Case = {
  name: 'workers-hit',
  title: 'hit, 1 KiB, one worker and two, 64 connections',
  run: (bench) =>
    withWorkers(bench, async (gateways) => {
      // Each worker has its own memory. So many connections reach both.
      const contenders = gateways.map(plainHit);
      for (const { server, load, paths } of contenders) {
        await bench.generator.load({ ...load, url: server.url, paths: paths(), amount: 1_000 });
      }
      return runLoadCase(bench, contenders, comparisons);
    }),
};

export const workersMiss: Case = {
  name: 'workers-miss',
  title: 'miss, 1 KiB, one worker and two, 64 connections',
  run: (bench) =>
    withWorkers(bench, (gateways) => {
      const count = 10_000_000;
      const contenders = gateways.map(
        (server): Contender => ({
          name: server.name,
          server,
          load: { method: 'GET', headers: {}, body: undefined, connections: 64 },
          paths: () => ({ template: '/things/{n}', first: bench.freshNumbers(count), count }),
          status: 200,
          originRequests: { min: 1, max: 1 },
        }),
      );
      return runLoadCase(bench, contenders, comparisons);
    }),
};
