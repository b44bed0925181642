import type { Command } from 'commander';
import { profileNames } from '../config/load.ts';
import { inOrder, type Problem } from '../config/problem.ts';
import {
  type ConfigurationOptions,
  configOption,
  plural,
  profileOption,
  readConfiguration,
  showProblems,
} from './configuration.ts';
import { type CliIo, exitCodes } from './io.ts';

/** What one configuration is like. */
interface Checked {
  readonly ok: boolean;
  readonly routes: number | undefined;
  readonly rules: number | undefined;
}

interface Result {
  readonly found: Checked;
  readonly problems: readonly Problem[];
  /** The folder of its snapshots. */
  readonly folder: string | undefined;
}

/** The output of `--json`, on one line. */
interface Report extends Checked {
  readonly problems: readonly Problem[];
  /** Absent if the file has none, or one was chosen. */
  readonly profiles?: Readonly<Record<string, Checked>>;
}

interface Options extends ConfigurationOptions {
  readonly strict?: true;
  readonly json?: true;
}

export function addCheck(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('check')
    .description('validate a configuration and each of its profiles; list every problem with line, column and a hint')
    .option(...configOption)
    .option(profileOption[0], 'check only this profile (UNSTALE_PROFILE)')
    .option('--strict', 'treat warnings as failures')
    .option('--json', 'print one line of JSON on standard output: {ok, routes, rules, problems, profiles}')
    .action((options: Options) => done(check(options, io)));
}

/** 0: valid, with or without warnings. 1: warnings under --strict. 2: invalid. */
function check(options: Options, io: CliIo): number {
  const { json, strict } = options;
  const report = reportOf(options, io);
  const isSound = [report, ...Object.values(report.profiles ?? {})].every(({ ok }) => ok);
  if (json === true) {
    io.stdout.write(`${JSON.stringify(report)}\n`);
  } else {
    showProblems(report.problems, io);
    if (isSound) io.stdout.write(summary(report));
    else io.stderr.write(`${counts(report.problems)}\n`);
  }
  if (!isSound) return exitCodes.usage;
  return strict === true && report.problems.length > 0 ? exitCodes.failed : exitCodes.fine;
}

function reportOf(options: Options, io: CliIo): Report {
  const chosen = (options.profile ?? io.env.UNSTALE_PROFILE) || undefined;
  const names = chosen === undefined ? profileNames(options.config, io.env) : [];
  const own = checked({ ...options, profile: chosen ?? '' }, io);
  if (names.length === 0) return { ...own.found, problems: own.problems };
  const others = names.map((profile) => checked({ ...options, profile }, io));
  const profiles = Object.fromEntries(others.map(({ found }, i) => [names[i] as string, found]));
  const added = others.flatMap(({ problems }, i) =>
    without(problems, own.problems).map((problem) => ({ problem, name: names[i] as string })),
  );
  const told = added.map(({ problem }) => ({
    ...problem,
    profiles: added.filter((other) => isSame(other.problem, problem)).map(({ name }) => name),
  }));
  const untold = withoutTrace(others.map((each, i) => ({ ...each, name: names[i] as string })));
  return { ...own.found, problems: inOrder([...own.problems, ...told, ...untold]), profiles };
}

/** Where one profile trusts a snapshot, and another one runs without it: what that one removes comes back. */
function withoutTrace(results: readonly (Result & { readonly name: string })[]): Problem[] {
  return results.flatMap(({ name, problems, folder }) => {
    const trusted = problems.find(({ code }) => code === 'snapshot-trusted');
    const others = results.filter((other) => other.found.ok && other.folder !== folder).map((other) => other.name);
    if (trusted === undefined || others.length === 0) return [];
    const message = `what a run with the profile ${others.join(' or ')} removes comes back: it leaves no trace in this folder`;
    return [{ ...trusted, message, hint: 'give each profile this store.snapshot.path', profiles: [name] }];
  });
}

function checked(options: ConfigurationOptions, io: CliIo): Result {
  const result = readConfiguration(options, io);
  if (!('config' in result))
    return { found: { ok: false, routes: undefined, rules: undefined }, folder: undefined, ...result };
  const { routes, rules, store } = result.config;
  const found = { ok: true, routes: routes.length, rules: rules.length };
  return { found, problems: result.warnings, folder: store.snapshot?.path };
}

/** The problems that the file does not have without a profile. */
function without(problems: readonly Problem[], own: readonly Problem[]): Problem[] {
  return problems.filter((problem) => !own.some((other) => isSame(other, problem)));
}

function isSame(a: Problem, b: Problem): boolean {
  return a.file === b.file && a.line === b.line && a.column === b.column && a.message === b.message;
}

function summary({ problems, profiles = {}, ...own }: Report): string {
  const found = problems.length === 0 ? '' : `, ${counts(problems)}`;
  const lines = Object.entries(profiles).map(([name, each]) => `profile ${name}: ${sizeOf(each)}: ok\n`);
  return `${sizeOf(own)}: ok${found}\n${lines.join('')}`;
}

function sizeOf({ routes = 0, rules = 0 }: Checked): string {
  return `${plural(routes, 'route')}, ${plural(rules, 'rule')}`;
}

function counts(problems: readonly Problem[]): string {
  const kinds = (['error', 'warning'] as const).map((kind) => {
    const count = problems.filter(({ severity }) => severity === kind).length;
    return count === 0 ? '' : plural(count, kind);
  });
  return kinds.filter((kind) => kind !== '').join(', ');
}
