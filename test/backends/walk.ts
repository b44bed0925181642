import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../bench/servers/free-port.ts';
import { until } from '../support/barrier.ts';
import { directusPackages, isDirectusInstalled } from './directus.ts';

const run = promisify(execFile);
const JSON_SERVER = { heading: '### From nothing, with json-server', apiPort: 3000 };
const DIRECTUS = { heading: '#### With Directus', apiPort: 8055 };
const READY_MS = 120_000;

interface Section {
  readonly heading: string;
  /** The port of the API, as it is written there. */
  readonly apiPort: number;
}

interface Walk {
  readonly root: string;
  /** Where the comparison installs Directus, which compiles for many minutes. */
  readonly directusFolder: string;
  readonly print: (line: string) => void;
}

/**
 * Does what the README says for json-server and for Directus, line by line, with a copy of the checkout in ../unstale.
 * What stands after a `#` has to be in the output of its line. Ports are replaced by free ones, and Directus is linked
 * from where it is installed. Throws at the first line that fails.
 */
export async function walkReadme({ root, directusFolder, print }: Walk): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'unstale-walk-'));
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  try {
    await copyCheckout(root, join(folder, 'unstale'));
    await play(readme, JSON_SERVER, { own: join(folder, 'blog'), print, runLine: expectOutput });
    if (!isDirectusInstalled(directusFolder)) {
      print(`  "${DIRECTUS.heading}" is left out: nothing in ${directusFolder}. To install it: --only directus`);
      return;
    }
    const runLine = async (line: string, own: string): Promise<void> => {
      if (!line.startsWith('npm init')) return await expectOutput(line, own);
      await linkDirectus(line, own, directusFolder);
      print(`    with the Directus of ${directusFolder} in place of a new one`);
    };
    await play(readme, DIRECTUS, { own: join(folder, 'cms'), print, runLine });
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Player {
  /** The folder of the reader, which is made. */
  readonly own: string;
  readonly print: (line: string) => void;
  readonly runLine: (line: string, own: string) => Promise<void>;
}

async function play(readme: string, { heading, apiPort }: Section, { own, print, runLine }: Player): Promise<void> {
  await mkdir(own);
  const [api, gateway, admin] = [await freePort(), await freePort(), await freePort()];
  const stops: (() => Promise<void>)[] = [];
  try {
    for (const { language, text } of blocks(readme, heading)) {
      const played = text.replaceAll(`${apiPort}`, `${api}`).replaceAll('8080', `${gateway}`);
      if (language === 'json') await writeFile(join(own, 'db.json'), played);
      if (language === 'dotenv') await writeFile(join(own, '.env'), played);
      if (language === 'yaml') {
        const listen = `server: { listen: ${gateway} }\nadmin: { listen: ${admin} }\n`;
        await writeFile(join(own, 'gateway.yaml'), played + listen);
      }
      for (const line of language === 'sh' ? played.trim().split(/(?<!\\)\n/) : []) {
        print(`  $ ${line}`);
        if (!line.endsWith(' &')) await runLine(line, own);
        else
          stops.push(await startInBackground(line.slice(0, -2), own, line.includes('unstale serve') ? gateway : api));
      }
    }
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function blocks(readme: string, heading: string): { language: string; text: string }[] {
  const start = readme.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`README.md has no "${heading}"`);
  const section = readme.slice(start + heading.length + 2).split(/^##+ /m, 1)[0] as string;
  return [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
}

/** Runs an install line without Directus, and puts the installed one where npm would have put it. */
async function linkDirectus(line: string, own: string, installed: string): Promise<void> {
  const named = ` ${directusPackages.join(' ')}`;
  if (!line.includes(named)) throw new Error(`${line}\ndoes not install${named}`);
  await expectOutput(line.replace(named, ''), own);
  await mkdir(join(own, 'node_modules/.bin'), { recursive: true });
  for (const path of ['node_modules/directus', 'node_modules/.bin/directus'])
    await symlink(join(installed, path), join(own, path));
}

/** What git has, or would have: without what is ignored. */
async function copyCheckout(from: string, to: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard'], { cwd: from, maxBuffer: 1e8 });
  for (const file of stdout.trim().split('\n')) {
    if (!existsSync(join(from, file))) continue;
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(from, file), join(to, file));
  }
}

async function expectOutput(line: string, folder: string): Promise<void> {
  const [command = '', expected = ''] = line.split(/ +# /, 2);
  const { stdout } = await run('bash', ['-c', command], { cwd: folder, env, maxBuffer: 1e8 });
  if (!stdout.includes(expected)) throw new Error(`${line}\nprinted, in place of that:\n${stdout}`);
}

/** On a busy machine Directus would answer 503. */
const env = { ...process.env, PRESSURE_LIMITER_ENABLED: 'false', TELEMETRY: 'false' };

/** Starts a server, and waits until it answers. Its whole process group is stopped. */
async function startInBackground(command: string, folder: string, port: number): Promise<() => Promise<void>> {
  const child = spawn('bash', ['-c', command], { cwd: folder, env, stdio: 'ignore', detached: true });
  const ended = once(child, 'exit');
  const failed = ended.then(() => Promise.reject(new Error(`it ended: ${command}`)));
  failed.catch(() => undefined);
  const answers = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer !== undefined;
  };
  await Promise.race([until(answers, `${command} to answer`, READY_MS), failed]);
  return async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    await ended;
  };
}
