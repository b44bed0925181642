import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Bench, Case } from './bench.ts';
import { audience } from './cases/audience.ts';
import { fanOut } from './cases/fan-out.ts';
import { hitKeys, hitLarge, hitSmall, notModified } from './cases/hit.ts';
import { memory } from './cases/memory.ts';
import { million } from './cases/million.ts';
import { missAlone, missLoaded } from './cases/miss.ts';
import { hitNodes, writeNodes, writeNodesLoaded } from './cases/nodes.ts';
import { passThrough } from './cases/pass-through.ts';
import { invalidating, matching, resolving } from './cases/rules.ts';
import { startUp } from './cases/start-up.ts';
import { writeAlone, writeBusy, writeBusySlow, writeLoaded } from './cases/write.ts';
import { startGenerator } from './generator/generator.ts';
import { commit, describeMachine, placement } from './measure/machine.ts';
import { type Options, parseOptions, usage } from './options.ts';
import { gatewayProgram, results, root } from './paths.ts';
import { startPeers } from './peers/peers.ts';
import { caseJson, formatCase } from './report.ts';
import { stopAll } from './servers/child.ts';
import { startGateway } from './servers/gateway.ts';
import { startOrigin } from './servers/origin.ts';

const cases: readonly Case[] = [
  hitSmall,
  hitLarge,
  hitKeys,
  notModified,
  passThrough,
  missAlone,
  missLoaded,
  writeAlone,
  writeLoaded,
  writeBusy,
  writeBusySlow,
  fanOut,
  audience,
  startUp,
  memory,
  matching,
  resolving,
  invalidating,
  writeNodes,
  writeNodesLoaded,
  hitNodes,
  million,
];

/** Starts everything that runs during the whole bench. */
async function prepare(options: Options): Promise<Bench> {
  const directories = { gateway: root, ...(options.against === undefined ? {} : { before: resolve(options.against) }) };
  for (const directory of Object.values(directories)) {
    if (!existsSync(join(directory, gatewayProgram))) throw new Error(`${directory} is not built`);
  }
  const places = placement(options.pin);
  const origin = await startOrigin(places.origin);
  const gateways = [];
  for (const [name, directory] of Object.entries(directories)) {
    gateways.push(await startGateway({ name, directory, originUrl: origin.url, core: places.server }));
  }
  const peers = await startPeers(origin.url, places.server);
  let next = 1;
  return {
    effort: options.effort,
    placement: places,
    origin,
    gateways,
    directories,
    peers,
    generator: startGenerator(places.generator),
    freshNumbers(count) {
      const first = next;
      next += count;
      return first;
    },
    progress: (text) => console.log(`  … ${text}`),
  };
}

function announce(options: Options, bench: Bench): object {
  const { server, generator, origin } = bench.placement;
  const machine = describeMachine(server !== undefined);
  console.log(`${machine.cpu}, cores ${machine.cores.join(' ')}, Node ${machine.node}`);
  console.log(
    server === undefined
      ? 'not pinned: taskset is missing, there is only one core, or --no-pin was given'
      : `pinned: servers under test on core ${server}, generator on ${generator}, origin on ${origin}`,
  );
  const found = Object.entries(machine.peers).map(([name, version]) => `${name} ${version}`);
  console.log(found.length === 0 ? 'no peer was found: nginx, Varnish or HAProxy' : `peers: ${found.join(', ')}`);
  if (options.quick) console.log('quick: a smoke run, not a baseline');
  return machine;
}

async function main(): Promise<void> {
  const options = parseOptions(
    process.argv.slice(2),
    cases.map(({ name }) => name),
  );
  if (options === 'help') {
    console.log(`${usage}\n\ncases: ${cases.map(({ name }) => name).join(', ')}`);
    return;
  }
  const startedAt = new Date().toISOString();
  const bench = await prepare(options);
  const machine = announce(options, bench);
  const measured: object[] = [];
  for (const benchCase of cases) {
    if (options.cases.length > 0 && !options.cases.includes(benchCase.name)) continue;
    console.log(`\n${benchCase.name}`);
    const result = await benchCase.run(bench);
    console.log(formatCase(benchCase.title, result));
    measured.push(caseJson(benchCase, result));
  }
  mkdirSync(results, { recursive: true });
  const file = join(results, `${startedAt.replaceAll(':', '-')}${options.quick ? '-quick' : ''}.json`);
  const commits = Object.fromEntries(Object.entries(bench.directories).map(([name, path]) => [name, commit(path)]));
  const document = {
    format: 1,
    startedAt,
    quick: options.quick,
    effort: options.effort,
    commits,
    machine,
    cases: measured,
  };
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  console.log(`\nwritten to bench/results/${file.slice(results.length + 1)}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopAll().then(() => process.exit(130)));
}
try {
  await main();
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${usage}` : error);
  process.exitCode = error instanceof TypeError ? 2 : 1;
} finally {
  await stopAll();
}
