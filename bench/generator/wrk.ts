import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { wrkScript } from '../paths.ts';
import { childOf } from '../servers/representations.ts';
import { type Load, type LoadResult, pathOf } from './protocol.ts';

export type LoadTool = 'wrk' | 'autocannon';

/** The version of wrk; undefined if it is not on the path. */
export function wrkVersion(): string | undefined {
  const { stdout, stderr } = spawnSync('wrk', ['--version'], { encoding: 'utf8' });
  return /^wrk (?:debian\/)?(\d[\d.]*)/.exec(`${stdout}${stderr}`)?.[1];
}

/** What `load.lua` prints. */
interface Summary {
  readonly requests: number;
  readonly microseconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Answers of 400 and above. */
  readonly refused: number;
  readonly errors: number;
  readonly cpuSeconds: number;
}

/** Runs one load with wrk, on one thread. It takes whole seconds only. */
export async function runWrk(load: Load): Promise<LoadResult> {
  const status = await statusOf(load);
  const seconds = Math.max(1, Math.round(load.seconds ?? 0));
  const wrk = spawn('wrk', argumentsOf(load, seconds), { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaints = '';
  wrk.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  wrk.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  await once(wrk, 'close');
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`wrk failed: ${complaints}${output}`);
  const summary: Summary = JSON.parse(line);
  return {
    requests: summary.requests,
    seconds: summary.microseconds / 1e6,
    p50Us: summary.p50Us,
    p99Us: summary.p99Us,
    statuses: {
      [status]: summary.requests - summary.refused,
      ...(summary.refused > 0 ? { '400 and above': summary.refused } : {}),
    },
    errors: summary.errors,
    cpuSeconds: summary.cpuSeconds,
  };
}

/** The arguments of wrk, and those of `load.lua` after `--`. */
function argumentsOf(load: Load, seconds: number): string[] {
  const url = new URL(load.url);
  const fields = Object.entries({ Host: url.host, ...load.headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const { paths, writes } = load;
  return [
    ...[
      '-t',
      '1',
      '-c',
      String(load.connections),
      '-d',
      `${seconds}s`,
      '--timeout',
      '10s',
      '-s',
      wrkScript,
      url.origin,
    ],
    ...['--', load.method, fields.join(''), load.body ?? 'none'],
    ...[paths.template, String(paths.first), String(paths.count), paths.order ?? 'in turn'],
    ...(writes === undefined ? ['0'] : [String(writes.every), writes.paths.template]),
    ...(writes === undefined ? [] : [String(writes.paths.first), String(writes.paths.count)]),
    ...(writes === undefined ? [] : [writes.paths.order ?? 'in turn']),
  ];
}

/** The status of one request ahead of the load: wrk does not tell one below 400 from another. */
async function statusOf({ url, method, headers, paths, body }: Load): Promise<number> {
  const content = body === undefined ? undefined : childOf(paths.first);
  const sending = request(url + pathOf(paths, paths.first), {
    method,
    agent: false,
    headers: { ...headers, ...(content === undefined ? {} : { 'Content-Length': Buffer.byteLength(content) }) },
  });
  sending.end(content);
  const [response] = await once(sending, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}
