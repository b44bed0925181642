// Commands side by side, for `npm test` and `npm run check`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { getPriority, setPriority } from 'node:os';

/** A lease must not expire because tests that do not wait have the cores. */
export const NICER = 10;

/** Where tests share the cores with other runs: they wait three times as long (test/support/patience.ts). */
export const SHARED_CORES = { TEST_PATIENCE: '3' };

const seconds = (since) => ((performance.now() - since) / 1_000).toFixed(0);

/**
 * Runs a command, and says how long it took.
 * @param {string} command of the shell
 * @param {object} [options]
 * @param {boolean} [options.isShown] what it prints is seen at once; otherwise whole, once it has ended, so that
 *   commands do not mix their lines
 * @param {number} [options.nicer] by how much its priority is lower than ours
 * @param {NodeJS.ProcessEnv} [options.env] in addition to ours
 * @returns {Promise<number>} its exit status; 1 if a signal has ended it
 */
export async function run(command, { isShown = false, nicer = 0, env = {} } = {}) {
  const output = isShown ? 'inherit' : 'pipe';
  const began = performance.now();
  const child = spawn(command, { shell: true, stdio: ['ignore', output, output], env: { ...process.env, ...env } });
  if (nicer > 0) setPriority(child.pid, Math.min(19, getPriority() + nicer));
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => said.push(text));
  const [status] = await once(child, 'close');
  console.log(`\n> ${command}  (${seconds(began)} s)`);
  process.stdout.write(Buffer.concat(said));
  return status ?? 1;
}

/** Runs one command after the other, until one fails. */
export async function inTurn(commands, options) {
  for (const command of commands) {
    const status = await run(command, options);
    if (status !== 0) return status;
  }
  return 0;
}

/**
 * Those of vitest's projects, as a command. Each run writes down how long its files took: two at the same time must not
 * write to the same place.
 */
export function vitest(projects, args = []) {
  const named = projects.map((project) => `--project ${project}`);
  return [`TESTS_CACHE=node_modules/.vite/${projects[0]} vitest run`, ...named, ...args].join(' ');
}
