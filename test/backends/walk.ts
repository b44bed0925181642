import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/barrier.ts';
import { freePort } from '../support/free-port.ts';

const run = promisify(execFile);
const HEADING = '### From nothing, with json-server';
const READY_MS = 60_000;

/**
 * Does what the README says under `HEADING`, line by line, with a copy of the checkout in ../unstale. What stands after
 * a `#` has to be in the output of its line. Ports are replaced by free ones. Throws at the first line that fails.
 */
export async function walkReadme(root: string, print: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'unstale-walk-'));
  const stops: (() => Promise<void>)[] = [];
  try {
    await copyCheckout(root, join(folder, 'unstale'));
    const own = join(folder, 'blog');
    await mkdir(own);
    const [apiPort, port, adminPort] = [await freePort(), await freePort(), await freePort()];
    const ports: Readonly<Record<string, number>> = { 3000: apiPort, 8080: port };
    for (const { language, text } of blocks(await readFile(join(root, 'README.md'), 'utf8'))) {
      const played = text.replaceAll(/\b(?:3000|8080)\b/g, (written) => `${ports[written]}`);
      if (language === 'json') await writeFile(join(own, 'db.json'), played);
      if (language === 'yaml') {
        const listen = `server: { listen: ${port} }\nadmin: { listen: ${adminPort} }\n`;
        await writeFile(join(own, 'gateway.yaml'), played + listen);
      }
      for (const line of language === 'sh' ? played.trim().split('\n') : []) {
        print(`  $ ${line}`);
        if (!line.endsWith(' &')) await expectOutput(line, own);
        else
          stops.push(await startInBackground(line.slice(0, -2), own, line.includes('unstale serve') ? port : apiPort));
      }
    }
  } finally {
    for (const stop of stops.reverse()) await stop();
    await rm(folder, { recursive: true });
  }
}

function blocks(readme: string): { language: string; text: string }[] {
  const start = readme.indexOf(HEADING);
  if (start < 0) throw new Error(`README.md has no "${HEADING}"`);
  const section = readme.slice(start + HEADING.length).split(/^##+ /m, 1)[0] as string;
  return [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
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
  const { stdout } = await run('bash', ['-c', command], { cwd: folder, maxBuffer: 1e8 });
  if (!stdout.includes(expected)) throw new Error(`${line}\nprinted, in place of that:\n${stdout}`);
}

/** Starts a server, and waits until it answers. Its whole process group is stopped. */
async function startInBackground(command: string, folder: string, port: number): Promise<() => Promise<void>> {
  const child = spawn('bash', ['-c', command], { cwd: folder, stdio: 'ignore', detached: true });
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
