import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { GatewayConfig } from '../config/model.ts';
import { DAY_MS, parseDuration, parseSize } from '../config/units.ts';
import { ValueError } from '../config/value-error.ts';
import type { DurationUnit } from '../replay/access-log.ts';
import { ReplayError } from '../replay/entry.ts';
import { type ReplayOptions, replayLog } from '../replay/replay.ts';
import type { ReplayReport } from '../replay/report.ts';
import {
  type ConfigurationOptions,
  configOption,
  profileOption,
  readConfiguration,
  showProblems,
} from './configuration.ts';
import { formatReplay } from './format-replay.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

/** How often a long replay says how far it is. */
const PROGRESS_MS = 2_000;

interface Options extends ConfigurationOptions {
  readonly host?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly duration?: string;
  readonly assumeTtl?: string;
  readonly maxSize?: string;
  readonly json?: true;
}

export function addReplay(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('replay')
    .description('play an access log through a configuration, offline: hits, memory, and what each rule invalidates')
    .argument('<log>', 'an access log (common or combined format), or a HAR; - for standard input')
    .option(...configOption)
    .option(...profileOption)
    .option('--host <name>', 'only what was asked of this host, if the log names hosts')
    .option('--from <time>', 'only what started at this time or later: 2026-11-21T10:00:00Z')
    .option('--to <time>', 'only what started before this time')
    .option('--limit <lines>', 'read no more lines than this')
    .option('--duration <unit>', 'the first number after the standard fields is a duration: s, ms or us (%D of Apache)')
    .option('--assume-ttl <duration>', 'lifetime of responses on routes without a ttl: an access log does not tell it')
    .option('--max-size <size>', 'another store.memory.maxSize than that of the configuration')
    .option('--json', 'print one line of JSON')
    .action(async (log: string, options: Options) => done(await replay(log, options, io)));
}

async function replay(log: string, options: Options, io: CliIo): Promise<number> {
  const asked = askedOf(options, io);
  const result = readConfiguration(options, io);
  if (!('config' in result)) {
    showProblems(result.problems, io);
    return exitCodes.usage;
  }
  const config = withMemory(result.config, options.maxSize);
  const report = await playing(log, () => replayLog(log === '-' ? io.stdin : createReadStream(log), config, asked));
  io.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : formatReplay(report));
  return exitCodes.fine;
}

/** @throws CliError if the log cannot be read, or has nothing that can be replayed */
async function playing(log: string, play: () => Promise<ReplayReport>): Promise<ReplayReport> {
  try {
    return await play();
  } catch (error) {
    if (error instanceof ReplayError) throw new CliError(`${log}: ${error.message}\n  hint: ${error.hint}`);
    if (error instanceof Error && 'syscall' in error) {
      throw new CliError(`${log} cannot be read: ${error.message}`, exitCodes.usage);
    }
    throw error;
  }
}

/** @throws CliError for an invalid option */
function askedOf(options: Options, io: CliIo): ReplayOptions {
  const { host, from, to, limit, duration, assumeTtl } = options;
  if (limit !== undefined && !/^[1-9]\d{0,14}$/.test(limit)) {
    throw new CliError(`--limit ${limit}: write a number of lines: --limit 100000`, exitCodes.usage);
  }
  if (duration !== undefined && !/^(?:s|ms|us)$/.test(duration)) {
    throw new CliError(`--duration ${duration}: write s, ms or us`, exitCodes.usage);
  }
  return {
    host,
    from: timeOf('--from', from),
    to: timeOf('--to', to),
    limit: limit === undefined ? undefined : Number(limit),
    durationUnit: duration as DurationUnit | undefined,
    assumedTtlMs: quantity('--assume-ttl', assumeTtl, (text) => parseDuration(text, { min: 1000, max: 365 * DAY_MS })),
    progress: progressTo(io),
  };
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new CliError(`${option} "${text}" is not a time: write 2026-11-21T10:00:00Z`, exitCodes.usage);
}

function quantity(option: string, text: string | undefined, parse: (text: string) => number): number | undefined {
  try {
    return text === undefined ? undefined : parse(text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new CliError(`${option}: ${error.message}; ${error.hint}`, exitCodes.usage);
  }
}

function withMemory(config: GatewayConfig, maxSize: string | undefined): GatewayConfig {
  const { memory } = config.store;
  const maxBytes = quantity('--max-size', maxSize, (text) => parseSize(text, { min: 1024 ** 2, max: 2 ** 40 }));
  if (maxBytes === undefined) return config;
  const maxEntryBytes = Math.min(memory.maxEntryBytes, maxBytes);
  return { ...config, store: { ...config.store, memory: { ...memory, maxBytes, maxEntryBytes } } };
}

function progressTo(io: CliIo): (lines: number) => void {
  let shownAt = systemClock.monotonic();
  return (lines) => {
    const now = systemClock.monotonic();
    if (now - shownAt < PROGRESS_MS) return;
    shownAt = now;
    io.stderr.write(`${lines} lines …\n`);
  };
}
