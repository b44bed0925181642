import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { attacks } from './attacks.ts';
import { type Memory, pause, Stage } from './stage.ts';

/*
 * npm run hostile -- --minutes 5: each attack in turn, and all together. During them a well-behaved client gets right
 * answers in time, and when an attacker has left, what it took is given back. Exit code 1 otherwise.
 */

/** 99 of 100 answers to the well-behaved client come within this. */
const P99_MS = 250;
/** Processes that wait for each core: with more, how long an answer takes is not judged. Of ours there are three. */
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

const isLoaded = (): boolean => (loadavg()[0] ?? 0) > MAX_LOAD * availableParallelism();

async function play(name: string, start: Memory) {
  const quiet = await stage.behave(pause(2_000));
  const attack = stage.attack(name, attackMs);
  const seen = await stage.behave(attack.then(() => undefined));
  const most = await stage.memory();
  const until = performance.now() + RECOVERY_MS;
  const wrong = [...quiet.wrong, ...seen.wrong];
  let left = most;
  while (left.held > start.held + LEFT_BYTES && performance.now() < until) {
    wrong.push(...(await stage.behave(pause(1_000))).wrong);
    left = await stage.memory();
  }
  const [during, without] = [p99(seen.latenciesMs), p99(quiet.latenciesMs)];
  // If the machine is slow without an attack, the comparison proves nothing.
  const isSlow = during > P99_MS && without <= P99_MS / 2 && !isLoaded();
  return { made: await attack, seen, most, left, wrong, during, without, isSlow };
}

const stage = await Stage.start();
let failures = 0;
try {
  // What the compiler and the pools of connections take is not the attacker's.
  await stage.behave(pause(3_000));
  const start = await stage.memory();
  console.log(`at the start: ${megabytes(start.held)} MB held, RSS ${megabytes(start.rss)} MB`);
  for (const name of names) {
    let played = await play(name, start);
    // What else the machine did at the time is not the gateway's: once more.
    if (played.isSlow) played = await play(name, start);
    const { made, seen, without, during, most, left, wrong, isSlow } = played;
    const faults = [
      ...(wrong.length > 0 ? [`${wrong.length} wrong: ${wrong.slice(0, 3).join('; ')}`] : []),
      ...(left.held > start.held + LEFT_BYTES ? ['memory was not given back'] : []),
      ...(isSlow ? ['p99 is too long'] : []),
    ];
    if (faults.length > 0) failures += 1;
    console.log(
      `${faults.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${made} connections): ${seen.latenciesMs.length} answers, p99 ${during.toFixed(0)} ms ` +
        `(${without.toFixed(0)} ms without), held ${megabytes(most.held)} → ${megabytes(left.held)} MB, ` +
        `RSS ${megabytes(most.rss)} → ${megabytes(left.rss)} MB, load ${loadavg()[0]?.toFixed(1)}${isLoaded() ? ' (too high to judge p99)' : ''}${faults.map((fault) => `\n     ${fault}`).join('')}`,
    );
  }
} finally {
  await stage.stop();
}
process.exitCode = failures === 0 ? 0 : 1;
