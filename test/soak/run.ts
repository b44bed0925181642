import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { disturbances, failovers } from './disturbances.ts';
import { Editors } from './editors.ts';
import { Hooks } from './hooks.ts';
import { type Result, Soak } from './soak.ts';

/**
 * npm run soak -- --minutes 10: disturbances in turn, until the time is over. Exit code 1 for a stale read or a lost
 * event.
 */

const MOST_EDITS_OF_PIECE = 1_000;

const usage = `npm run soak -- [options]

  --minutes <n>   how long (default 10)
  --nodes <n>     gateways (default 3)
  --clients <n>   (default 24)
  --cluster       a Redis Cluster of three primaries in place of one server
  --seed <n>      of the choices that clients make (default: the time)
  --only <text>   disturbances whose name holds it
  --edits <n>     in place of all that: two editors of one document, until so many edits of theirs are acknowledged,
                  half of them by an API with entity tags. Exit code 1 for a member that is lost
  --hooks <n>     in place of all that: webhooks, until so many writes are acknowledged. Exit code 1 for an event that is
                  lost, not in order, not signed, or sent by two nodes at once
  --json          the report as JSON`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '24' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    edits: { type: 'string' },
    hooks: { type: 'string' },
    cluster: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (values.edits !== undefined) process.exit(await edited(Number(values.edits), Number(values.seed)));
if (values.hooks !== undefined) process.exit(await hooked(Number(values.hooks), Number(values.seed)));
const minutes = Number(values.minutes);
const options = {
  nodes: Number(values.nodes),
  clients: Number(values.clients),
  seed: Number(values.seed),
  mode: 'strict' as const,
  cluster: values.cluster,
};
const all = values.cluster ? disturbances : { ...disturbances, ...failovers };
const names = Object.keys(all).filter((name) => name.includes(values.only));
const say = (text: string): void => {
  if (!values.json) console.log(text);
};
say(
  `seed ${options.seed}: ${options.nodes} gateways, ${options.clients} clients, ${minutes} minutes${values.cluster ? ', Redis Cluster' : ''}`,
);
const soak = await Soak.start(options);
const results: Result[] = [];
const until = performance.now() + minutes * 60_000;
try {
  await soak.measure();
  for (let i = 0; performance.now() < until; i++) {
    const result = await soak.play(names[i % names.length] ?? '');
    results.push(result);
    const { seen } = result;
    say(
      `${result.disturbance}: ${seen.reads} reads (${seen.hits} hits), ${seen.acknowledged} writes, ${seen.refused} refused, ` +
        `${seen.stale.length} stale, ${seen.lost.length} lost; hits back after ${Math.round(seen.hitsBackMs)} ms; without a read ${Math.round(seen.longestWithoutReadMs)} ms, without a write ${Math.round(seen.longestWithoutWriteMs)} ms`,
    );
    for (const stale of seen.stale.slice(0, 5)) say(`  STALE ${stale}`);
    for (const lost of seen.lost.slice(0, 5)) say(`  LOST ${lost}`);
    if (i % names.length === names.length - 1) await soak.measure();
  }
  // What was asked for once is gone by then.
  await pause(15_000);
  await soak.measure();
} finally {
  await soak.stop();
}

/** In pieces, each with gateways and a seed of its own. */
async function edited(edits: number, seed: number): Promise<number> {
  const pieces = Math.max(2, Math.ceil(edits / MOST_EDITS_OF_PIECE));
  let failures = 0;
  for (let i = 0; i < pieces; i++) {
    const options = { edits: Math.ceil(edits / pieces), seed: seed + i, etags: i % 2 === 1 };
    const editors = await Editors.start(options);
    try {
      const seen = await editors.play();
      failures += seen.lost.length + seen.stale.length + seen.wonTwice;
      console.log(JSON.stringify({ ...options, ...seen }));
    } finally {
      await editors.stop();
    }
  }
  return failures === 0 ? 0 : 1;
}

async function hooked(writes: number, seed: number): Promise<number> {
  const hooks = await Hooks.start({ writes, seed });
  try {
    const seen = await hooks.play();
    console.log(JSON.stringify({ writes, seed, ...seen }));
    // The log is long enough for all that comes after the first mark.
    const isWhole = seen.resyncs === 0 && seen.lost.length + seen.disordered.length + seen.wrong.length === 0;
    return isWhole ? 0 : 1;
  } finally {
    await hooks.stop();
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

const sum = (of: (result: Result) => number): number => results.reduce((total, result) => total + of(result), 0);
const byName = names.map((disturbance) => {
  const own = results.filter((result) => result.disturbance === disturbance);
  const most = (of: (result: Result) => number): number => Math.round(Math.max(0, ...own.map(of)));
  return {
    disturbance,
    times: own.length,
    hitsBackMs: most(({ seen }) => seen.hitsBackMs),
    medianHitsBackMs: Math.round(median(own.map(({ seen }) => seen.hitsBackMs))),
    longestWithoutReadMs: most(({ seen }) => seen.longestWithoutReadMs),
    longestWithoutWriteMs: most(({ seen }) => seen.longestWithoutWriteMs),
  };
});
const report = {
  ...options,
  minutes,
  reads: sum(({ seen }) => seen.reads),
  hits: sum(({ seen }) => seen.hits),
  acknowledged: sum(({ seen }) => seen.acknowledged),
  refused: sum(({ seen }) => seen.refused),
  failed: sum(({ seen }) => seen.failed),
  stale: sum(({ seen }) => seen.stale.length),
  lost: sum(({ seen }) => seen.lost.length),
  events: soak.events,
  disturbances: byName,
  resources: soak.resources,
};
if (values.json) console.log(JSON.stringify(report));
else {
  console.log(
    `\n${report.reads} reads checked (${report.hits} hits), ${report.acknowledged} writes acknowledged, ${report.refused} refused`,
  );
  console.log(`stale reads: ${report.stale}; events lost: ${report.lost} of ${report.events} delivered\n`);
  console.log('| Fault | Times | Hits back, median | Hits back, at most | No read for | No write for |');
  console.log('| --- | --: | --: | --: | --: | --: |');
  for (const each of byName) {
    const times = [each.medianHitsBackMs, each.hitsBackMs, each.longestWithoutReadMs, each.longestWithoutWriteMs];
    console.log(`| ${each.disturbance} | ${each.times} | ${times.map((ms) => `${ms} ms`).join(' | ')} |`);
  }
  for (const { seconds, gatewayBytes, redisKeys, redisBytes } of soak.resources) {
    const megabytes = gatewayBytes.map((bytes) => Math.round(bytes / 1e6)).join(' ');
    console.log(
      `  after ${Math.round(seconds)} s: gateways ${megabytes} MB, Redis ${redisKeys} keys, ${(redisBytes / 1e6).toFixed(1)} MB`,
    );
  }
}
process.exitCode = report.stale + report.lost === 0 ? 0 : 1;
