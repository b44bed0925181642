import { get } from 'node:http';
import type { Command } from 'commander';
import type { GatewayConfig } from '../config/model.ts';
import { adviceOf } from '../observe/advice.ts';
import {
  type ConfigurationOptions,
  configOption,
  profileOption,
  readConfiguration,
  showProblems,
} from './configuration.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options extends ConfigurationOptions {
  readonly header: readonly string[];
  readonly json?: true;
}

/** So long a body may take. One that does not end would never let the command end. */
const MAX_BODY_MS = 10_000;

/** What one URL is told. */
interface Diagnosis {
  readonly url: string;
  readonly status: number;
  /** The answer is in memory, if only to be validated each time. */
  readonly stored: boolean;
  /** The second request was answered from memory. */
  readonly hit: boolean;
  /** How long it stays fresh, in seconds. */
  readonly ttl?: number;
  /** The detail of `Cache-Status`. */
  readonly reason?: string;
  readonly why?: string;
  readonly write?: string;
  /** A request with a cookie that is not ignored is not answered from memory. */
  readonly cookiesBypass?: true;
}

export function addDoctor(program: Command, io: CliIo, done: (code: number) => void): void {
  const collect = (value: string, earlier: readonly string[]): string[] => [...earlier, value];
  program
    .command('doctor')
    .description('ask for URLs through a configuration, and say of each whether it is stored, and what forbids it')
    .argument('<url...>', 'a path, or a URL: its host is sent as Host')
    .option(...configOption)
    .option(...profileOption)
    .option('--header <line>', 'a header field of the requests, "Name: value"; repeatable', collect, [])
    .option('--json', 'print one line of JSON for each URL')
    .action(async (urls: readonly string[], options: Options) => done(await doctor(urls, options, io)));
}

/** 0: all are hits. 1: one is not. 2: invalid. */
async function doctor(urls: readonly string[], options: Options, io: CliIo): Promise<number> {
  const asked = urls.map(targetOf);
  const lines = options.header.map(fieldOf);
  const result = readConfiguration(options, io);
  if (!('config' in result)) {
    showProblems(result.problems, io);
    return exitCodes.usage;
  }
  const { createGateway } = await import('../gateway.ts');
  const { createLogger } = await import('../observe/logger.ts');
  const gateway = await createGateway(alone(result.config), { log: createLogger('silent'), admin: false });
  try {
    const { url: base } = await gateway.start();
    let allHit = true;
    for (const each of asked) {
      const diagnosis = await diagnose(base, each, lines);
      allHit &&= diagnosis.hit;
      io.stdout.write(options.json === true ? `${JSON.stringify(diagnosis)}\n` : inWords(diagnosis));
    }
    return allHit ? exitCodes.fine : exitCodes.failed;
  } finally {
    await gateway.stop();
  }
}

/** The configuration for a gateway that nobody else reaches, and that joins no other. */
function alone(config: GatewayConfig): GatewayConfig {
  const listen = { host: '127.0.0.1', port: 0 };
  return {
    ...config,
    server: { ...config.server, listen, workers: 1, trustedProxies: [] },
    admin: { listen, token: undefined },
    store: { ...config.store, redis: undefined, snapshot: undefined },
  };
}

interface Asked {
  readonly written: string;
  readonly target: string;
  readonly host: string | undefined;
}

function targetOf(written: string): Asked {
  if (written.startsWith('/')) return { written, target: written, host: undefined };
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CliError(`"${written}" is neither a path nor a URL: write /steps/7`, exitCodes.usage);
  }
  return { written, target: `${url.pathname}${url.search}`, host: url.host };
}

function fieldOf(line: string): [string, string] {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) {
    throw new CliError(`"${line}" is not a header field: write "Name: value"`, exitCodes.usage);
  }
  return [name, value];
}

async function diagnose(base: string, asked: Asked, fields: readonly [string, string][]): Promise<Diagnosis> {
  const first = await fetched(base, asked, fields);
  const second = await fetched(base, asked, fields);
  const { written: url } = asked;
  if (second.hit) {
    const ttl = Number(/ttl=(-?\d+)/.exec(second.cacheStatus)?.[1] ?? 0);
    const hasCookie = fields.some(([name]) => name.toLowerCase() === 'cookie');
    const withCookie = hasCookie ? second : await fetched(base, asked, [...fields, ['Cookie', 'unstale_doctor=1']]);
    return {
      url,
      status: second.status,
      stored: true,
      hit: true,
      ttl,
      ...(withCookie.hit ? {} : { cookiesBypass: true }),
    };
  }
  const reason = reasonOf(second.cacheStatus) ?? reasonOf(first.cacheStatus) ?? 'unknown';
  const stored = second.cacheStatus.includes('; stored');
  return { url, status: second.status, stored, hit: false, reason, ...adviceOf(reason) };
}

function reasonOf(cacheStatus: string): string | undefined {
  const detail = /detail="?([A-Za-z-]+)/.exec(cacheStatus)?.[1];
  if (detail !== undefined) return detail;
  if (cacheStatus.includes('fwd=stale')) return 'expired';
  return cacheStatus.includes('fwd=bypass') ? 'off' : undefined;
}

interface Fetched {
  readonly status: number;
  readonly cacheStatus: string;
  readonly hit: boolean;
}

function fetched(base: string, { target, host }: Asked, fields: readonly [string, string][]): Promise<Fetched> {
  const headers = [...(host === undefined ? [] : ['Host', host]), ...fields.flat()];
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    // Raw lines have no Host of their own.
    const lines = headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')
      ? headers
      : ['Host', `${hostname}:${port}`, ...headers];
    const request = get({ hostname, port, path: target, headers: lines, agent: false }, (response) => {
      const cacheStatus = String(response.headers['cache-status'] ?? '');
      const hit = /unstale; hit/.test(cacheStatus);
      const reason = reasonOf(cacheStatus);
      const deadline = setTimeout(() => response.destroy(), MAX_BODY_MS);
      // What breaks off is told by the head, too.
      response
        .on('error', () => {})
        .on('close', () => {
          clearTimeout(deadline);
          resolve({ status: response.statusCode ?? 0, cacheStatus, hit });
        });
      // What is not stored may never end. Only of what was sent before its end, the end decides.
      if (!hit && reason !== undefined && reason !== 'streamed') response.destroy();
      else response.resume();
    });
    request.on('error', reject);
  });
}

function inWords({ url, status, stored, hit, ttl, why, write, cookiesBypass }: Diagnosis): string {
  if (!hit) return `${url}: ${status}, ${stored ? 'stored, but no hit' : 'not stored'}: ${why}.\n  fix: ${write}\n`;
  const cookies =
    cookiesBypass === true
      ? '  But a request with a cookie goes to the API (_ga and others of common analytics do not count).\n  fix: if cookies mean nothing here, cache: { cookies: ignore }, or cookies: { ignore: [name] } for some\n'
      : '';
  return `${url}: ${status}, stored: the second request was a hit, fresh for another ${ttl} s.\n${cookies}`;
}
