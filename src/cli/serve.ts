import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { Gateway } from '../gateway.ts';
import { keysInMemory } from '../idempotency/memory-keys.ts';
import { createLogger, type Logger } from '../observe/logger.ts';
import { workerRole } from '../workers/worker.ts';
import {
  type ConfigurationOptions,
  configOption,
  profileOption,
  readConfiguration,
  showProblems,
} from './configuration.ts';
import { heapWarning } from './heap.ts';
import { type CliIo, exitCodes } from './io.ts';

interface Options extends ConfigurationOptions {
  readonly json?: true;
}

export function addServe(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('serve')
    .description('run the gateway until SIGTERM or SIGINT; a second signal stops it at once')
    .option(...configOption)
    .option(...profileOption)
    .option('--json', 'log JSON lines on standard output even on a terminal')
    .action(async (options: Options) => done(await serve(options, io)));
}

/** 0 after a signal, 1 if the gateway failed to start or to stop, 2 for an invalid configuration. */
async function serve(options: Options, io: CliIo): Promise<number> {
  const result = readConfiguration(options, io);
  if (!('config' in result)) {
    showProblems(result.problems, io);
    return exitCodes.usage;
  }
  showProblems(result.warnings, io);
  // Before anything starts, so that a signal can always stop it.
  const signals = signalsFrom(io);
  const role = workerRole();
  try {
    // pino's own destination is faster than a stream. Tests pass a stream to read the log.
    const log = createLogger(result.config.log.level, io.stdout === process.stdout ? undefined : io.stdout);
    // Loaded here, so that other commands start without loading a web server.
    const { config, profile } = result;
    if (role === undefined) {
      log.info({ profile }, `configuration ${options.config}, ${inWords(profile)}`);
      const warning = heapWarning(config.store.memory.maxBytes);
      if (warning !== undefined) log.warn(warning);
    }
    if (config.server.workers > 1 && role === undefined) {
      const { runWorkers } = await import('../workers/primary.ts');
      const keys = keysInMemory(config, systemClock);
      const { workers: count, drainMs } = config.server;
      const savesAtStop = (config.store.snapshot?.save ?? 'off') !== 'off';
      return await runWorkers({ count, log, drainMs, savesAtStop, keys, stopRequested: signals.asked });
    }
    const { createGateway } = await import('../gateway.ts');
    // With a Redis, workers are ordinary nodes.
    const { bus, keys } = (config.store.redis === undefined ? role : undefined) ?? {};
    const admin = role?.hasAdmin ?? true;
    const gateway = await createGateway(config, { log, bus, keys, admin, siblings: role?.siblings });
    const asked = role === undefined ? signals.asked : Promise.race([signals.asked, role.stopRequested]);
    return await run(gateway, { io, json: options.json === true, log, asked });
  } catch (error) {
    io.stderr.write(`unstale: ${messageOf(error)}\n`);
    return exitCodes.failed;
  } finally {
    signals.ignore();
    role?.leave();
  }
}

function inWords(profile: string | undefined): string {
  return profile === undefined ? 'no profile' : `profile ${profile}`;
}

async function run(
  gateway: Gateway,
  { io, json, log, asked }: { io: CliIo; json: boolean; log: Logger; asked: Promise<void> },
): Promise<number> {
  try {
    const { url, adminUrl } = await gateway.start();
    if (io.stdout.isTTY === true && !json)
      io.stdout.write(`unstale listens on ${url}; the admin port is ${adminUrl}\n`);
    else log.info({ url, adminUrl }, 'listening');
    await asked;
    log.info('stopping');
  } finally {
    // Also after a failed start: one of the two ports may be open.
    await gateway.stop();
  }
  return exitCodes.fine;
}

/** The first signal asks to stop, the second ends the process. */
function signalsFrom(io: CliIo): { asked: Promise<void>; ignore: () => void } {
  let ignore = () => {};
  const asked = new Promise<void>((resolve) => {
    let isAsked = false;
    ignore = io.onSignal(() => {
      if (isAsked) io.exit(exitCodes.failed);
      isAsked = true;
      resolve();
    });
  });
  return { asked, ignore: () => ignore() };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
