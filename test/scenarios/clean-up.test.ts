import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../bench/servers/free-port.ts';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { program } from '../support/shared.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';

/* docs/clean-up.md, command by command, against a gateway and an API. */

const root = new URL('../../', import.meta.url).pathname;
const page = readFileSync(`${root}docs/clean-up.md`, 'utf8');
const paths = ['/inns/42', '/steps/7', '/trips/1'];

let api: SmallApi;
let folder: string;
let main: string;
let env: NodeJS.ProcessEnv;
let gateway: ChildProcess;

beforeEach(async () => {
  main = await program();
  api = await smallApi();
  folder = mkdtempSync(join(tmpdir(), 'unstale-clean-up-'));
  const [port, adminPort] = [await freePort(), await freePort()];
  const command = join(folder, 'unstale');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(command, 0o755);
  env = {
    PATH: `${folder}:${process.env.PATH}`,
    UNSTALE_ORIGIN: api.origin.url,
    UNSTALE_LISTEN: `127.0.0.1:${port}`,
    UNSTALE_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    UNSTALE_ADMIN_URL: `http://127.0.0.1:${adminPort}`,
  };
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  writeFileSync(join(folder, 'gateway.yaml'), yaml);
  await start();
}, 120_000);
afterEach(async () => {
  await stop();
  await api.origin.close();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  gateway = spawn(process.execPath, [main, 'serve', '-c', 'gateway.yaml'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  gateway.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(() => /"msg":"snapshot: (?:nothing |not )?loaded/.test(said), 'the gateway to start');
}

async function stop(): Promise<void> {
  if (gateway.exitCode !== null) return;
  gateway.kill('SIGTERM');
  await once(gateway, 'exit');
}

const read = (path: string) => get(`http://${env.UNSTALE_LISTEN}${path}`, { headers: { host: 'api.example' } });

/** What the reader does with tools of his own. */
const others: Readonly<Record<string, () => Promise<void> | void>> = {
  'systemctl restart unstale': async () => {
    await stop();
    await start();
  },
  "psql -c 'DELETE FROM inns WHERE id = 42'": async () => {
    // Somebody reads between the purge and the clean-up.
    await read('/inns/42');
    api.inns.delete(42);
  },
};

async function shell(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-ec', script], { cwd: folder, env });
  return stdout;
}

/** The output of a block; its commands run in order. */
async function output(block: string): Promise<string> {
  let said = '';
  let script = '';
  for (const line of block.split('\n')) {
    const other = others[line];
    if (other === undefined) {
      script += `${line}\n`;
      continue;
    }
    said += await shell(script);
    script = '';
    await other();
  }
  return said + (await shell(script));
}

/** Without what differs each time: paths of the folder, times, and other numbers than those of paths and counts. */
function alike(text: string): string {
  return text
    .replaceAll(`${folder}/`, '')
    .replace(/20\d\d-\d\d-\d\dT[\d:.]+Z/g, '(time)')
    .replace(/\d+ (bytes|ms)/g, '# $1');
}

/** Blocks of commands, each with what the page says that they print. */
const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)].map(([, sh = '', text = '']) => ({
  sh,
  text,
}));

test('the commands of the page print what it says, and what was deleted is gone', async () => {
  expect(blocks.length).toBe(page.match(/```sh/g)?.length);
  for (const path of paths) await read(path);
  for (const { sh, text } of blocks) {
    // After the second purge, clients read on.
    if (sh === 'unstale snapshot save\nsystemctl restart unstale\n') for (const path of paths) await read(path);
    if (sh === 'unstale verify --from gone.txt\n') for (const path of paths) await read(path);
    expect(alike(await output(sh))).toBe(alike(text));
  }
  expect((await read('/inns/42')).status).toBe(404);
  for (const path of ['/steps/7', '/trips/1']) expect((await read(path)).text).not.toContain('"id":42');
}, 120_000);

test('a purge that was left out looks as the page says', async () => {
  for (const path of paths) await read(path);
  api.inns.delete(42);
  const says = /\n\n```text\n(\/inns\/42: stored, different[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const failed = await shell('unstale verify /inns/42').catch((error: { code: number; stdout: string }) => error);
  expect(failed).toMatchObject({ code: 1 });
  const { stdout } = failed as { stdout: string };
  expect(stdout.replace(/stored \d+ s/, 'stored 60 s')).toBe(says);
}, 120_000);
