import { type Bench, type Case, type CaseResult, type Metric, ratioOf, type Sample } from '../bench.ts';
import { type Gateway, startGateway } from '../servers/gateway.ts';

/*
 * What a write waits for as more is stored, and as more of it depends on the write. `/members/<size>/<n>` belongs to
 * the group of so many members that `PUT /groups/<size>/<n / size>` changes, so the path says how many responses a
 * write drops.
 */

const p50: Metric = { name: 'p50 µs', unit: 'µs', better: 'lower', digits: 0 };
const p99: Metric = { name: 'p99 µs', unit: 'µs', better: 'lower', digits: 0 };

/** How many writes a round has: fewer, the more they drop, which has to be stored again after the round. */
const writesOf = (dependents: number): number => Math.max(4, Math.min(200, Math.floor(20_000 / dependents)));
/** The writes of the first round run cold code. */
const warmUpWrites = 100;

interface Setup {
  readonly name: string;
  readonly stored: number;
  readonly dependents: number;
}

async function measureSetups(bench: Bench, setups: readonly Setup[]): Promise<CaseResult> {
  const samples: Record<string, Sample[]> = {};
  const running: { setup: Setup; gateway: Gateway }[] = [];
  try {
    for (const setup of setups) {
      const gateway = await startGateway({
        name: setup.name,
        directory: bench.directories.gateway ?? '',
        originUrl: bench.origin.url,
        core: bench.placement.server,
        memory: '8GiB',
      });
      running.push({ setup, gateway });
      await get(bench, gateway, { size: setup.dependents, first: 0, count: setup.stored });
      bench.progress(`${setup.name}: ${setup.stored.toLocaleString('en')} responses stored`);
      await write(bench, gateway, { size: unstoredSize, first: 0, count: warmUpWrites });
      samples[setup.name] = [];
    }
    for (let round = 1; round <= bench.effort.rounds; round++) {
      for (const { setup, gateway } of running) {
        const sample = await measure(bench, gateway, setup);
        samples[setup.name]?.push(sample);
        bench.progress(`${setup.name}: round ${round} of ${bench.effort.rounds}, p50 ${sample[p50.name]} µs`);
      }
    }
  } finally {
    for (const { gateway } of running) await gateway.stop();
  }
  const [first, ...others] = setups.map(({ name }) => name);
  return { metrics: [p50, p99], samples, comparisons: others.map((name) => ratioOf(name, first ?? '')) };
}

/** A size of groups of which nothing is stored. */
const unstoredSize = 7;

async function measure(bench: Bench, gateway: Gateway, { stored, dependents }: Setup): Promise<Sample> {
  const groups = Math.min(writesOf(dependents), Math.floor(stored / dependents));
  const result = await write(bench, gateway, { size: dependents, first: 0, count: groups });
  const seen = await bench.origin.settledRequests();
  // What the writes dropped is stored again. Beyond it, one group more is asked for, of which nothing was dropped.
  const kept = Math.min(stored, (groups + 1) * dependents) - groups * dependents;
  await get(bench, gateway, { size: dependents, first: 0, count: groups * dependents + kept });
  const fetched = (await bench.origin.settledRequests()) - seen;
  if (fetched !== groups * dependents) {
    throw new Error(`${groups} writes dropped ${fetched} responses instead of ${dependents} each`);
  }
  return { [p50.name]: result.p50Us, [p99.name]: result.p99Us };
}

interface Numbers {
  readonly size: number;
  readonly first: number;
  readonly count: number;
}

const get = (bench: Bench, gateway: Gateway, { size, first, count }: Numbers): Promise<unknown> =>
  send(bench, { url: gateway.url, method: 'GET', template: `/members/${size}/{n}`, first, count, connections: 32 });

/** One at a time. */
const write = (bench: Bench, gateway: Gateway, { size, first, count }: Numbers) =>
  send(bench, { url: gateway.url, method: 'PUT', template: `/groups/${size}/{n}`, first, count, connections: 1 });

interface Sent {
  readonly url: string;
  readonly method: 'GET' | 'PUT';
  readonly template: string;
  readonly first: number;
  readonly count: number;
  readonly connections: number;
}

async function send(bench: Bench, { url, method, template, first, count, connections }: Sent) {
  const result = await bench.generator.load({
    url,
    method,
    paths: { template, first, count },
    headers: method === 'PUT' ? { 'Content-Type': 'application/json' } : {},
    body: method === 'PUT' ? 'child' : undefined,
    connections: Math.min(connections, count),
    amount: count,
  });
  if (result.statuses['200'] !== count) throw new Error(`${count} requests: ${JSON.stringify(result.statuses)}`);
  return result;
}

const isQuick = (bench: Bench): boolean => bench.effort.storedResponses < 20_000;
const inWords = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

export const writeStored: Case = {
  name: 'write-stored',
  title: 'write that drops 10 responses, as stored ones grow, one connection',
  run(bench) {
    const sizes = isQuick(bench) ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000];
    return measureSetups(
      bench,
      sizes.map((stored) => ({ name: inWords(stored, 'stored', 'stored'), stored, dependents: 10 })),
    );
  },
};

export const writeDependents: Case = {
  name: 'write-dependents',
  title: 'write, as the responses that it drops grow, one connection',
  run(bench) {
    const counts = isQuick(bench) ? [1, 100, 1_000] : [1, 10, 100, 1_000, 10_000];
    const stored = isQuick(bench) ? 8_000 : 60_000;
    return measureSetups(
      bench,
      counts.map((dependents) => ({ name: inWords(dependents, 'dependent', 'dependents'), stored, dependents })),
    );
  },
};
