import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runProgram, UsageError } from '../usage-error.ts';
import { draw } from './draw.ts';
import { merge } from './results.ts';

const usage = 'npm run bench:chart -- <results.json>… --output <file.svg>';

/** Draws the chart of one run, or of several of the same build on the same machine. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { output: { type: 'string' } }, allowPositionals: true });
  if (values.output === undefined || positionals.length === 0) throw new UsageError(usage);
  const results = merge(positionals.map((file) => JSON.parse(readFileSync(file, 'utf8'))));
  const chart = await draw(results);
  if (chart === undefined) throw new UsageError('none of these results is of a case that the chart shows');
  writeFileSync(values.output, chart);
  console.log(`written to ${values.output}`);
}

await runProgram(main);
