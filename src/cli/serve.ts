import type { Command } from 'commander';
import type { Gateway } from '../gateway.ts';
import { createLogger, type Logger } from '../observe/log.ts';
import { workerRole } from '../workers/worker.ts';
import { configOption, readConfiguration, showProblems } from './configuration.ts';
import { type CliIo, exitCodes } from './io.ts';

export function addServe(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('serve')
    .description('run the gateway until SIGTERM or SIGINT; a second signal ends it at once')
    .option(...configOption)
    .option('--json', 'JSON lines on standard output, also on a terminal')
    .action(async ({ config, json }: { config: string; json?: true }) => done(await serve(config, json === true, io)));
}

/** 0 after a signal, 1 where the gateway failed to start or to stop, 2 for a configuration that cannot be used. */
async function serve(file: string, json: boolean, io: CliIo): Promise<number> {
  const result = readConfiguration(file, io);
  if (!('config' in result)) {
    showProblems(result.problems, io);
    return exitCodes.usage;
  }
  showProblems(result.warnings, io);
  // Before anything is started, so that no signal finds a gateway that it cannot stop.
  const signals = signalsFrom(io);
  const role = workerRole();
  try {
    // pino's own destination is faster than a stream; a stream is for whoever wants to see what is logged.
    const log = createLogger(result.config.log.level, io.stdout === process.stdout ? undefined : io.stdout);
    // Loaded here: `check` has no use for a web server, and starts at once without.
    const { config } = result;
    if (config.server.workers > 1 && role === undefined) {
      const { runWorkers } = await import('../workers/primary.ts');
      return await runWorkers({ count: config.server.workers, log, asked: signals.asked });
    }
    const { createGateway } = await import('../gateway.ts');
    // With a Redis, workers are nodes like any others.
    const bus = config.store.redis === undefined ? role?.bus : undefined;
    const gateway = await createGateway(config, { log, bus, admin: role?.hasAdmin ?? true, siblings: role?.siblings });
    const asked = role === undefined ? signals.asked : Promise.race([signals.asked, role.asked]);
    return await run(gateway, { io, json, log, asked });
  } catch (error) {
    io.stderr.write(`unstale: ${messageOf(error)}\n`);
    return exitCodes.failed;
  } finally {
    signals.ignore();
    role?.leave();
  }
}

async function run(
  gateway: Gateway,
  { io, json, log, asked }: { io: CliIo; json: boolean; log: Logger; asked: Promise<void> },
): Promise<number> {
  try {
    const { url, adminUrl } = await gateway.start();
    if (io.stdout.isTTY === true && !json)
      io.stdout.write(`unstale listens on ${url}, its admin port on ${adminUrl}\n`);
    else log.info({ url, adminUrl }, 'listening');
    await asked;
    log.info('stopping');
  } finally {
    // After a start that failed half-way too: one of the two ports may be open.
    await gateway.stop();
  }
  return exitCodes.fine;
}

/** The first signal asks; the second does not. */
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
