import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { attacks } from './attacks.ts';
import { type Memory, Stage } from './stage.ts';

/*
 * npm run hostile -- --minutes 5: each attack in turn, and all together. During them a well-behaved client gets right
 * answers in time, and when an attacker has left, what it took is given back. Exit code 1 otherwise.
 */

/** 99 of 100 answers to the well-behaved client come within this. */
const P99_MS = 250;
/** Processes that wait for each core. Of ours there are three. With more, answers may take longer in proportion. */
const MAX_LOAD = 2;
/** What an attack may leave behind. */
const LEFT_BYTES = 50 * 1024 * 1024;
/** Longer than the quarantine, `bodyIdle` and the origin's timeout. */
const RECOVERY_MS = 30_000;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, only: { type: 'string', default: '' } },
});
const names = Object.keys(attacks).filter((name) => name.includes(values.only));
const attackMs = Math.max(2_000, Math.round((Number(values.minutes) * 60_000) / names.length / 2));

const p99 = (latencies: readonly number[]): number =>
  [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? Number.POSITIVE_INFINITY;
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** How many times longer than on a quiet machine an answer may take. */
const stretch = (): number => Math.max(1, (loadavg()[0] ?? 0) / (MAX_LOAD * availableParallelism()));

interface Recovery {
  /** Without an attack. */
  readonly p99: number;
  readonly memory: Memory;
  readonly wrong: readonly string[];
  /** What the last attack still holds after the time that it may. */
  readonly faults: readonly string[];
}

/** Waits until nothing is left of an attack: what is measured next is compared with what is measured here. */
async function recover(start?: Memory): Promise<Recovery> {
  const until = performance.now() + RECOVERY_MS;
  const wrong: string[] = [];
  for (;;) {
    const quiet = await stage.behave(pause(2_000));
    wrong.push(...quiet.wrong);
    const recovered = { p99: p99(quiet.latenciesMs), memory: await stage.memory(), wrong };
    const faults = [
      ...(start !== undefined && recovered.memory.held > start.held + LEFT_BYTES ? ['memory was not given back'] : []),
      ...(stage.atOrigin > 0 ? [`${stage.atOrigin} connections to the origin were not given back`] : []),
      ...(recovered.p99 > (P99_MS / 2) * stretch() ? [`p99 is ${recovered.p99.toFixed(0)} ms without an attack`] : []),
    ];
    if (faults.length === 0 || performance.now() > until) return { ...recovered, faults };
  }
}

async function play(name: string, start: Memory) {
  const attack = stage.attack(name, attackMs);
  const seen = await stage.behave(attack.then(() => undefined));
  const most = await stage.memory();
  const after = await recover(start);
  const during = p99(seen.latenciesMs);
  const isSlow = during > P99_MS * stretch();
  return { made: await attack, answers: seen.latenciesMs.length, most, after, during, isSlow, wrong: seen.wrong };
}

const stage = await Stage.start();
let failures = 0;
try {
  // What the compiler and the pools of connections take is not the attacker's.
  await stage.behave(pause(3_000));
  let quiet = await recover();
  const start = quiet.memory;
  console.log(`at the start: ${megabytes(start.held)} MB held, RSS ${megabytes(start.rss)} MB`);
  for (const name of names) {
    const plays = [await play(name, start)];
    // What else the machine did at the time is not the gateway's: once more, when it has recovered.
    if (plays[0]?.isSlow === true && plays[0].after.faults.length === 0) plays.push(await play(name, start));
    const { made, answers, most, after, isSlow } = plays.at(-1) as (typeof plays)[0];
    const wrong = plays.flatMap((played) => [...played.wrong, ...played.after.wrong]);
    const faults = [
      ...(wrong.length > 0 ? [`${wrong.length} wrong: ${wrong.slice(0, 3).join('; ')}`] : []),
      ...(isSlow ? ['p99 is too long'] : []),
      ...after.faults,
    ];
    if (faults.length > 0) failures += 1;
    console.log(
      `${faults.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${made} connections): ${answers} answers, ` +
        `p99 ${plays.map((played) => played.during.toFixed(0)).join(', then ')} ms ` +
        `(${quiet.p99.toFixed(0)} ms before, ${after.p99.toFixed(0)} ms after), ` +
        `held ${megabytes(most.held)} → ${megabytes(after.memory.held)} MB, ` +
        `RSS ${megabytes(most.rss)} → ${megabytes(after.memory.rss)} MB, ` +
        `load ${loadavg()[0]?.toFixed(1)}${stretch() > 1 ? ` (so p99 may be ${(P99_MS * stretch()).toFixed(0)} ms)` : ''}${faults.map((fault) => `\n     ${fault}`).join('')}`,
    );
    quiet = after;
  }
} finally {
  await stage.stop();
}
process.exitCode = failures === 0 ? 0 : 1;
