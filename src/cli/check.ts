import type { Command } from 'commander';
import type { Problem } from '../config/problem.ts';
import { configOption, plural, readConfiguration, showProblems } from './configuration.ts';
import { type CliIo, exitCodes } from './io.ts';

/** The output of `--json`, on one line. */
interface Report {
  readonly ok: boolean;
  readonly routes: number | undefined;
  readonly rules: number | undefined;
  readonly problems: readonly Problem[];
}

interface Options {
  readonly config: string;
  readonly strict?: true;
  readonly json?: true;
}

export function addCheck(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('check')
    .description('validate a configuration; list every problem with line, column and a hint')
    .option(...configOption)
    .option('--strict', 'treat warnings as failures')
    .option('--json', 'print one line of JSON on standard output: {ok, routes, rules, problems}')
    .action((options: Options) => done(check(options, io)));
}

/** 0: valid, with or without warnings. 1: warnings under --strict. 2: invalid. */
function check({ config: file, json, strict }: Options, io: CliIo): number {
  const result = readConfiguration(file, io);
  const report: Report =
    'config' in result
      ? { ok: true, routes: result.config.routes.length, rules: result.config.rules.length, problems: result.warnings }
      : { ok: false, routes: undefined, rules: undefined, problems: result.problems };
  if (json === true) {
    io.stdout.write(`${JSON.stringify(report)}\n`);
  } else {
    showProblems(report.problems, io);
    if (report.ok) io.stdout.write(`${summary(report)}\n`);
    else io.stderr.write(`${counts(report.problems)}\n`);
  }
  if (!report.ok) return exitCodes.usage;
  return strict === true && report.problems.length > 0 ? exitCodes.failed : exitCodes.fine;
}

function summary({ routes = 0, rules = 0, problems }: Report): string {
  const found = problems.length === 0 ? '' : `, ${counts(problems)}`;
  return `${plural(routes, 'route')}, ${plural(rules, 'rule')}: ok${found}`;
}

function counts(problems: readonly Problem[]): string {
  const kinds = (['error', 'warning'] as const).map((kind) => {
    const count = problems.filter(({ severity }) => severity === kind).length;
    return count === 0 ? '' : plural(count, kind);
  });
  return kinds.filter((kind) => kind !== '').join(', ');
}
