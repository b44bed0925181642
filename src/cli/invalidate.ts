import type { Command } from 'commander';
import type { DoneInvalidation } from '../exchange/ports.ts';
import { callAdmin, type GatewayOptions, gatewayOption, tokenOption } from './admin-client.ts';
import { plural } from './configuration.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options extends GatewayOptions {
  readonly tag: readonly string[];
  readonly all?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

export function addInvalidate(program: Command, io: CliIo, done: (code: number) => void): void {
  const collect = (value: string, earlier: readonly string[]): string[] => [...earlier, value];
  program
    .command('invalidate')
    .alias('purge')
    .description('invalidate stored responses of a running gateway, on every node')
    .argument('[paths...]', '/steps/7 (every query), "/steps/7?lang=de", "/steps/*", "/steps/**"')
    .option('--tag <tag>', 'a tag, step:7 or "step:*"; repeatable', collect, [])
    .option('--all', 'everything')
    .option('--dry-run', 'list what would be invalidated, and change nothing')
    .option('--json', 'print one line of JSON')
    .option(...gatewayOption)
    .option(...tokenOption)
    .action(async (paths: string[], options: Options) => done(await invalidate(paths, options, io)));
}

async function invalidate(named: readonly string[], options: Options, io: CliIo): Promise<number> {
  const paths = options.all === true ? [...named, '/**'] : named;
  if (paths.length + options.tag.length === 0) {
    throw new CliError('give paths, --tag or --all: unstale invalidate /steps/7 --tag step:7', exitCodes.usage);
  }
  const body = { paths, tags: options.tag, dryRun: options.dryRun === true };
  const result = await callAdmin<DoneInvalidation>({ path: '/invalidate', body, has: 'targets' }, options, io);
  io.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : shown(result));
  return exitCodes.fine;
}

function shown({ dryRun, targets, removed, position }: DoneInvalidation): string {
  const lines = targets.flatMap(({ target, count, samples }) => {
    const more = count > samples.length ? [`  … and ${count - samples.length} more`] : [];
    return [`${target}: ${plural(count, 'stored response')}`, ...samples.map((sample) => `  ${sample}`), ...more];
  });
  const total = dryRun
    ? `would remove ${plural(removed, 'stored response')} on this node; nothing was changed`
    : `removed ${plural(removed, 'stored response')} on this node; effective on every node as of position ${position}`;
  return `${[...lines, total].join('\n')}\n`;
}
