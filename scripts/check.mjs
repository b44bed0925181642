// `npm run check`: everything that CI checks, what needs no core of its own side by side. Arguments go to vitest.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const simulate = 'node test/simulate/dist/test/simulate/run.js';
/** Steps of a stage run at the same time, and a stage begins once the one before it has passed. */
const stages = [
  ['npm run lint', 'npm run typecheck', 'npx knip'],
  ['npm run build', 'npx tsc -p test/simulate/tsconfig.json'],
  ['npm run publint', 'npm run size', `${simulate} --seeds 500`, `${simulate} --gateway --seeds 20`],
  ['npm run bench -- --quick --case mixed'],
];

/** @returns its exit status; 1 if a signal has ended it */
async function ended(child) {
  const [status] = await once(child, 'close');
  return status ?? 1;
}

/** Prints what a step says once it has ended, so that steps do not mix their lines. */
async function step(command) {
  const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => said.push(text));
  const began = performance.now();
  const status = await ended(child);
  console.log(`\n> ${command}  (${((performance.now() - began) / 1_000).toFixed(0)} s)`);
  process.stdout.write(Buffer.concat(said));
  return status;
}

async function check() {
  for (const stage of stages) {
    const failed = (await Promise.all(stage.map(step))).find((status) => status !== 0);
    if (failed !== undefined) return failed;
  }
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)];
  return ended(spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, TEST_BUDGET: 'ci' } }));
}

process.exitCode = await check();
