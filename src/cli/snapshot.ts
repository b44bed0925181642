import type { Command } from 'commander';
import type { InspectedSnapshot } from '../snapshot/inspect.ts';
import type { DroppedSnapshot, SavedSnapshot } from '../snapshot/ports.ts';
import { callAdmin, type GatewayOptions, gatewayOption, tokenOption } from './admin-client.ts';
import { plural } from './configuration.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options extends GatewayOptions {
  readonly json?: true;
}

/** A million responses may take a while. */
const SAVE_TIMEOUT_MS = 600_000;

export function addSnapshot(program: Command, io: CliIo, done: (code: number) => void): void {
  const snapshot = program
    .command('snapshot')
    .description('save, inspect or drop what a gateway keeps across restarts (store.snapshot)');
  const asking = (name: string, description: string): Command =>
    snapshot
      .command(name)
      .description(description)
      .option('--json', 'print one line of JSON')
      .option(...gatewayOption)
      .option(...tokenOption);
  asking('save', 'have a running gateway save a snapshot now').action(async (options: Options) =>
    done(await save(options, io)),
  );
  asking('drop', 'have a running gateway remove its snapshot, and what it has loaded of it and not confirmed').action(
    async (options: Options) => done(await drop(options, io)),
  );
  snapshot
    .command('inspect')
    .description('read a snapshot without a gateway, and compare its checksums')
    .argument('<path>', 'the path of store.snapshot, or the file in it')
    .option('--json', 'print one line of JSON')
    .action(async (path: string, options: { json?: true }) => done(await inspect(path, options.json === true, io)));
}

async function save(options: Options, io: CliIo): Promise<number> {
  const call = { path: '/snapshot', has: 'responses', timeoutMs: SAVE_TIMEOUT_MS };
  const saved = await callAdmin<SavedSnapshot>(call, options, io);
  io.stdout.write(options.json === true ? `${JSON.stringify(saved)}\n` : savedInWords(saved));
  return exitCodes.fine;
}

async function drop(options: Options, io: CliIo): Promise<number> {
  const call = { method: 'DELETE', path: '/snapshot', has: 'removed', timeoutMs: SAVE_TIMEOUT_MS } as const;
  const dropped = await callAdmin<DroppedSnapshot>(call, options, io);
  const words = dropped.removed ? 'the snapshot is removed' : 'there was no snapshot';
  const silent = `${dropped.unanswered} of the processes of the gateway did not answer: drop it again, or restart`;
  const text = dropped.unanswered === 0 ? words : `${words}\n${silent}`;
  io.stdout.write(options.json === true ? `${JSON.stringify(dropped)}\n` : `${text}\n`);
  return dropped.unanswered === 0 ? exitCodes.fine : exitCodes.failed;
}

/** 0: a gateway could load it. 1: it is damaged. 2: there is none. */
async function inspect(path: string, json: boolean, io: CliIo): Promise<number> {
  // Other commands start without it.
  const { inspectSnapshot } = await import('../snapshot/inspect.ts');
  const inspected = await inspectSnapshot(path).catch((error: unknown) => {
    throw new CliError(`${path} cannot be read: ${error instanceof Error ? error.message : error}`, exitCodes.usage);
  });
  io.stdout.write(json ? `${JSON.stringify(inspected)}\n` : inspectedInWords(inspected));
  return inspected.fault === undefined ? exitCodes.fine : exitCodes.failed;
}

function savedInWords({ path, responses, bytes, left, ms }: SavedSnapshot): string {
  return `saved ${plural(responses, 'response')} (${bytes} bytes) in ${ms} ms: ${path}\n${leftInWords(left)}`;
}

function leftInWords(left: SavedSnapshot['left']): string {
  const reasons = [
    [left['per-user'], 'of single users, because store.snapshot.key is not set'],
    [left['no-room'], 'beyond store.snapshot.maxSize'],
  ] as const;
  return reasons.map(([count, why]) => (count === 0 ? '' : `left out ${plural(count, 'response')} ${why}\n`)).join('');
}

function inspectedInWords(inspected: InspectedSnapshot): string {
  const { path, bytes, savedAt, responses = 0, unconfirmed = 0, encrypted, left, fault } = inspected;
  const size = `${path}: ${bytes} bytes`;
  if (savedAt === undefined) return `${size}\n${fault}\n`;
  const lines = [
    `${size}, saved at ${savedAt}${encrypted === true ? ', encrypted' : ''}`,
    `${plural(responses, 'response')}, ${unconfirmed} of them not confirmed since an earlier load`,
    fault ?? 'every checksum is right',
  ];
  return `${lines.join('\n')}\n${left === undefined ? '' : leftInWords(left)}`;
}
