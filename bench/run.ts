import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, CaseResult } from './bench.ts';
import { admission } from './cases/admission.ts';
import { audience } from './cases/audience.ts';
import { writeDependents, writeStored } from './cases/dependents.ts';
import { fanOut } from './cases/fan-out.ts';
import { hitKeys, hitLarge, hitSmall, notModified } from './cases/hit.ts';
import { memory } from './cases/memory.ts';
import { million } from './cases/million.ts';
import { missAlone, missLarge, missLoaded } from './cases/miss.ts';
import { mixed } from './cases/mixed.ts';
import { hitNodes, writeNodes, writeNodesLoaded } from './cases/nodes.ts';
import { ownCases } from './cases/own.ts';
import { hitPaced } from './cases/paced.ts';
import { passThrough, passThroughLarge } from './cases/pass-through.ts';
import { writeProtected, writeProtectedLoaded } from './cases/protected.ts';
import { invalidating, matching, resolving } from './cases/rules.ts';
import { snapshot } from './cases/snapshot.ts';
import { startUp } from './cases/start-up.ts';
import { workersHit, workersMiss } from './cases/workers.ts';
import { writeAlone, writeBusy, writeBusySlow, writeLoaded } from './cases/write.ts';
import { draw } from './chart/draw.ts';
import type { Results } from './chart/results.ts';
import { type LoadTool, wrkVersion } from './generator/wrk.ts';
import { commit, describeMachine, type Machine, placement } from './measure/machine.ts';
import { type Options, parseOptions, usage } from './options.ts';
import { results, root } from './paths.ts';
import { loadTool, prepare, prepareOwn } from './prepare.ts';
import { caseJson, formatCase } from './report.ts';
import { stopAll } from './servers/child.ts';
import { runProgram } from './usage-error.ts';

const cases: readonly Case[] = [
  hitSmall,
  hitLarge,
  hitKeys,
  notModified,
  hitPaced,
  passThrough,
  passThroughLarge,
  missAlone,
  missLoaded,
  missLarge,
  writeAlone,
  writeLoaded,
  writeBusy,
  writeBusySlow,
  writeProtected,
  writeProtectedLoaded,
  mixed,
  writeStored,
  writeDependents,
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
  workersHit,
  workersMiss,
  million,
  admission,
  snapshot,
];

/** What `--quick` plays: something of every kind that takes seconds. The others take longer than all of these. */
const quickCases: ReadonlySet<Case> = new Set([
  hitSmall,
  hitKeys,
  notModified,
  hitPaced,
  passThrough,
  missLoaded,
  writeLoaded,
  mixed,
  fanOut,
  memory,
  matching,
  resolving,
  writeNodesLoaded,
]);

interface Planned {
  readonly name: string;
  readonly title: string;
  run(): Promise<CaseResult>;
}

/** Starts what the cases need, and returns them. */
async function plan(options: Options, tool: LoadTool): Promise<Planned[]> {
  if (options.own !== undefined) {
    const own = await prepareOwn(options, options.own, tool);
    return ownCases.map(({ name, title, run }) => ({ name, title, run: () => run(own) }));
  }
  const bench = await prepare(options, tool);
  const isWanted = (each: Case): boolean =>
    options.cases.length > 0 ? options.cases.includes(each.name) : !options.quick || quickCases.has(each);
  const wanted = cases.filter(isWanted);
  return wanted.map(({ name, title, run }) => ({ name, title, run: () => run(bench) }));
}

function announce(options: Options, machine: Machine, generator: string): void {
  const places = placement(options.pin);
  console.log(`${machine.cpu}, cores ${machine.cores.join(' ')}, Node ${machine.node}`);
  if (options.own === undefined) {
    console.log(
      places.server === undefined
        ? 'not pinned: taskset is missing, there is only one core, or --no-pin was given'
        : `pinned: servers under test on core ${places.server}, generator on ${places.generator}, origin on ${places.origin}`,
    );
    const found = Object.entries(machine.peers).map(([name, version]) => `${name} ${version}`);
    console.log(found.length === 0 ? 'no peer was found: nginx, Varnish or HAProxy' : `peers: ${found.join(', ')}`);
  }
  console.log(`closed loops by ${generator}`);
  if (options.quick) console.log('quick: a smoke run, not a baseline');
}

async function main(): Promise<void> {
  const options = parseOptions(
    process.argv.slice(2),
    cases.map(({ name }) => name),
  );
  if (options === 'help') {
    const names = (some: Iterable<Case>): string => [...some].map(({ name }) => name).join(', ');
    console.log(`${usage}\n\ncases: ${names(cases)}\nof which --quick plays: ${names(quickCases)}`);
    return;
  }
  const startedAt = new Date();
  const tool = loadTool(options);
  const generator = tool === 'wrk' ? `wrk ${wrkVersion()}` : 'autocannon';
  const machine = describeMachine(options.own === undefined && placement(options.pin).server !== undefined);
  announce(options, machine, generator);
  const planned = await plan(options, tool);
  const measured = [];
  for (const [i, each] of planned.entries()) {
    console.log(`\n${each.name} (case ${i + 1} of ${planned.length}, ${minutesSince(startedAt)} min so far)`);
    const result = await each.run();
    console.log(formatCase(each.title, result));
    measured.push(caseJson(each, result));
  }
  const directories = { gateway: root, ...(options.before === undefined ? {} : { before: options.before }) };
  await write(options, {
    format: 1,
    startedAt: startedAt.toISOString(),
    quick: options.quick,
    effort: options.effort,
    generator,
    commits:
      options.own === undefined
        ? Object.fromEntries(Object.entries(directories).map(([name, path]) => [name, commit(path)]))
        : {},
    machine,
    cases: measured,
  });
}

const minutesSince = (start: Date): string => ((Date.now() - start.getTime()) / 60_000).toFixed(1);

/** Writes the results, and the chart of those cases that it can show. */
async function write(options: Options, document: Results): Promise<void> {
  mkdirSync(results, { recursive: true });
  const name = `${document.startedAt.replaceAll(':', '-')}${options.quick ? '-quick' : ''}`;
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(document, null, 2)}\n`);
  console.log(`\nwritten to bench/results/${name}.json`);
  const chart = await draw(document);
  if (chart === undefined) {
    if (options.chart !== undefined) console.log('no chart: it has none of these cases');
    return;
  }
  for (const file of [join(results, `${name}.svg`), ...(options.chart === undefined ? [] : [options.chart])]) {
    writeFileSync(file, chart);
  }
  console.log(`chart: bench/results/${name}.svg`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopAll().then(() => process.exit(130)));
}
try {
  await runProgram(main);
} finally {
  await stopAll();
}
