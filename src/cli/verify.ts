import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Deviation } from '../exchange/inspect/comparison.ts';
import type { ComparedCopy, Verified } from '../exchange/inspect/verify.ts';
import { callAdmin, type GatewayOptions, gatewayOption, tokenOption } from './admin-client.ts';
import { plural } from './configuration.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options extends GatewayOptions {
  readonly from?: string;
  readonly json?: true;
}

/** For one URL: its copies are compared for up to eight minutes, and the last answers may take longer. */
const TIMEOUT_MS = 600_000;

export function addVerify(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('verify')
    .description('compare what a running gateway has stored with what the API says now, and name each difference')
    .argument(
      '[urls...]',
      '/steps/7 (every query and variant), "/steps/7?lang=de", "/steps/**", http://api.example/steps/7',
    )
    .option('--from <file>', 'a file with one URL per line; - for standard input')
    .option('--json', 'print one line of JSON for each URL')
    .option(...gatewayOption)
    .option(...tokenOption)
    .action(async (urls: string[], options: Options) => done(await verify(urls, options, io)));
}

/** 0: nothing differs. 1: something does, or something could not be compared. */
async function verify(named: readonly string[], options: Options, io: CliIo): Promise<number> {
  const urls = [...named, ...(options.from === undefined ? [] : await urlsIn(options.from, io))];
  if (urls.length === 0) throw new CliError('give URLs, or --from: unstale verify /steps/7', exitCodes.usage);
  let isFine = true;
  for (const url of urls) {
    const call = { path: '/verify', body: { urls: [url] }, has: 'verified', timeoutMs: TIMEOUT_MS };
    const { verified } = await callAdmin<{ verified: readonly Verified[] }>(call, options, io);
    for (const each of verified) {
      isFine &&= each.outcome === 'same' || each.outcome === 'not-stored';
      io.stdout.write(options.json === true ? `${JSON.stringify(each)}\n` : inWords(each));
    }
  }
  return isFine ? exitCodes.fine : exitCodes.failed;
}

async function urlsIn(file: string, io: CliIo): Promise<string[]> {
  let text = '';
  if (file === '-') for await (const chunk of io.stdin) text += chunk;
  else text = readText(file);
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`--from: ${error instanceof Error ? error.message : file}`, exitCodes.usage);
  }
}

/** One line for the URL, and one for each copy that is not the same. */
function inWords({ url, copies, left, lookedIn, why }: Verified): string {
  if (why !== undefined && copies.length === 0) return `${url}: unknown: ${why}\n`;
  const nowhere = `not stored in the memory of this node${lookedIn.includes('redis') ? ', nor in Redis' : ''}`;
  if (copies.length === 0) return `${url}: ${nowhere}\n`;
  const counted = (kind: ComparedCopy['outcome'], words: string): string[] => {
    const count = copies.filter((copy) => copy.outcome === kind).length;
    return count === 0 ? [] : [`${count === copies.length ? '' : `${count} `}${words}`];
  };
  const found = [
    ...counted('same', 'as the API says'),
    ...counted('differs', 'different from what the API says'),
    ...counted('unknown', 'not compared'),
    ...counted('failed', 'not compared, for want of an answer'),
    ...(left === 0 ? [] : [`${left} more not looked at`]),
  ];
  const others = copies.filter((copy) => copy.outcome !== 'same').map(copyInWords);
  if (why !== undefined) others.push(`  unknown: ${why}\n`);
  const count = copies.length === 1 ? 'stored' : plural(copies.length, 'stored response');
  return `${url}: ${count}, ${found.join(', ')}\n${others.join('')}`;
}

function copyInWords({ of, selecting, storedFor, in: where, differences, why }: ComparedCopy): string {
  const fields = Object.entries(selecting).map(([name, value]) => `${name}: ${value}`);
  const place = { memory: '', unconfirmed: ', to be revalidated before it is served', redis: ', in Redis' }[where];
  const which = `${of}${fields.length === 0 ? '' : ` (${fields.join(', ')})`}, stored ${storedFor} s ago${place}`;
  return `  ${which}: ${why ?? differences.map(differenceInWords).join('; ')}\n`;
}

function differenceInWords(difference: Deviation): string {
  switch (difference.kind) {
    case 'gone':
      return `gone: the API answers ${difference.now}`;
    case 'status':
      return `status ${difference.stored}, now ${difference.now}`;
    case 'body':
      return `body differs from octet ${difference.at} on (${difference.stored} octets, now ${difference.now})`;
    case 'more':
      return `and ${plural(difference.members, 'more member')}`;
    default:
      return `${difference.at === '' ? 'body' : difference.at} ${difference.stored ?? 'absent'}, now ${difference.now ?? 'absent'}`;
  }
}
