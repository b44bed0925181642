import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCheck } from './check.ts';
import { addDoctor } from './doctor.ts';
import { addExplain } from './explain.ts';
import { addInit } from './init.ts';
import { addInvalidate } from './invalidate.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';
import { addReplay } from './replay.ts';
import { addServe } from './serve.ts';
import { addSnapshot } from './snapshot.ts';
import { addTail } from './tail.ts';
import { addVerify } from './verify.ts';
import { addWebhooks } from './webhooks.ts';

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
  addCheck(program, io, done);
  addExplain(program, io, done);
  addDoctor(program, io, done);
  addInvalidate(program, io, done);
  addVerify(program, io, done);
  addSnapshot(program, io, done);
  addTail(program, io, done);
  addWebhooks(program, io, done);
  addInit(program, io, done);
  addReplay(program, io, done);
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
