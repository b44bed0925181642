import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CliError, type CliIo, exitCodes } from './io.ts';
import { addServe } from './serve.ts';

type Add = (program: Command, io: CliIo, done: (code: number) => void) => void;

/** All but `serve`, in the order of `--help`. Each is loaded when it is run: a gateway has no use for others. */
const commands: Readonly<Record<string, () => Promise<Add>>> = {
  check: async () => (await import('./check.ts')).addCheck,
  explain: async () => (await import('./explain.ts')).addExplain,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  invalidate: async () => (await import('./invalidate.ts')).addInvalidate,
  verify: async () => (await import('./verify.ts')).addVerify,
  snapshot: async () => (await import('./snapshot.ts')).addSnapshot,
  tail: async () => (await import('./tail.ts')).addTail,
  webhooks: async () => (await import('./webhooks.ts')).addWebhooks,
  init: async () => (await import('./init.ts')).addInit,
  replay: async () => (await import('./replay.ts')).addReplay,
};

/**
 * Runs one command line.
 * @param argv without the program's own name
 * @returns the exit code: 0 success, 1 failure, 2 usage error or invalid configuration
 */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  let code: number = exitCodes.fine;
  const program = new Command('unstale')
    .description('An HTTP caching gateway that never serves a response made stale by a write through it.')
    .version(packageVersion(), '--version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('(--help lists commands and options)');
  const done = (result: number) => {
    code = result;
  };
  addServe(program, io, done);
  const [first = ''] = argv;
  // Help, and the message for an unknown command, name all of them. `serve` listens to signals at once.
  const needed = Object.hasOwn(commands, first) ? [first] : Object.keys(commands);
  if (first !== 'serve') for (const name of needed) (await commands[name]?.())?.(program, io, done);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CliError) {
      io.stderr.write(`unstale: ${error.message}\n`);
      return error.exitCode;
    }
    if (!(error instanceof CommanderError)) throw error;
    // Commander also throws for --help and --version.
    return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
  }
  return code;
}

function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return version;
}
