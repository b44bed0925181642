// `npm run check`: everything that CI checks. With `--reports FOLDER`, each run of vitest leaves a report there, as
// JSON.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inTurn, NICER, SHARED_CORES, vitest } from './side-by-side.mjs';

const { values } = parseArgs({ options: { reports: { type: 'string' } } });

const simulate = 'node test/simulate/dist/test/simulate/run.js';

function tests(...projects) {
  if (values.reports === undefined) return vitest(projects);
  const file = join(values.reports, `${projects.join('-')}.json`);
  return vitest(projects, ['--reporter=default', '--reporter=json', `--outputFile.json='${file}'`]);
}

/**
 * A stage begins once the one before it has passed. Its lines go side by side, the commands of a line one after the
 * other. What waits for leases and clocks comes before what only takes CPU.
 */
const stages = [
  [
    { commands: ['npm run lint'] },
    { commands: ['npm run typecheck', 'npx knip'] },
    {
      commands: [
        'npm run build',
        'npm run publint',
        'npm run size',
        'npx tsc -p test/simulate/tsconfig.json',
        'npx tsc -p bench/tsconfig.json',
      ],
    },
  ],
  [
    { commands: [tests('cluster'), tests('browser')] },
    { commands: [tests('unit', 'wire', 'long')], nicer: NICER },
    {
      commands: [
        `${simulate} --seeds 1000`,
        `${simulate} --gateway --seeds 40`,
        'node bench/dist/run.js --quick --case hit,hit-paced,mixed',
        tests('sweep'),
      ],
      nicer: NICER,
    },
  ],
  [{ commands: [tests('soak')] }],
];

async function check() {
  for (const stage of stages) {
    const env = { TEST_BUDGET: 'ci', ...(stage.length > 1 ? SHARED_CORES : {}) };
    const statuses = await Promise.all(stage.map(({ commands, nicer }) => inTurn(commands, { nicer, env })));
    const failed = Math.max(...statuses);
    if (failed !== 0) return failed;
  }
  return 0;
}

process.exitCode = await check();
