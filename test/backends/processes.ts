import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/barrier.ts';
import type { Running } from './backend.ts';

const run = promisify(execFile);

/** Large frameworks make their database at the first start. */
const READY_MS = 120_000;

/** Installs packages of the npm registry into a folder, unless they are there. */
export async function installFromNpm(folder: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  // npm writes this file last.
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error'], { cwd: folder, maxBuffer: 1e8 });
}

export interface ServerProcess {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  /** Answered below 500 once the server is ready. */
  readonly readyPath: string;
}

/** Starts a server and waits until it answers. What it printed is shown if it ends before. */
export async function startServer({ command, args, folder, env, port, readyPath }: ServerProcess): Promise<Running> {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed = (printed + chunk.toString()).slice(-4_000);
    });
  }
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${command} ended with ${code}:\n${printed}`);
  });
  ended.catch(() => undefined);
  const url = `http://127.0.0.1:${port}`;
  const answers = async (): Promise<boolean> => {
    const answer = await fetch(url + readyPath).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer !== undefined && answer.status < 500;
  };
  await Promise.race([until(answers, `${command} to answer`, READY_MS), ended]);
  return {
    url,
    stop: async () => {
      if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit');
    },
  };
}
