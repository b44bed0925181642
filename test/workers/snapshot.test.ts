import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DocumentsApi, documentsApi } from '../snapshot/rig.ts';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { built } from '../support/shared.ts';

/* Snapshots of a gateway in several processes without a Redis: their log ends with them. */

const WORKERS = 2;
/** Connections are given to either process. */
const MANY = 30;
const START_PATIENCE_MS = 60_000;

let api: DocumentsApi;
let directory: string;
let running: ChildProcess | undefined;
beforeAll(built, 120_000);
beforeEach(async () => {
  api = await documentsApi();
  directory = mkdtempSync(join(tmpdir(), 'unstale-workers-'));
});
afterEach(async () => {
  await stop();
  await api.origin.close();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

async function stop(): Promise<void> {
  const child = running;
  running = undefined;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const left = once(child, 'exit');
  child.kill('SIGTERM');
  await left;
}

/** Starts a gateway, and waits for what each of its processes says. */
async function start(snapshot: string, said: RegExp): Promise<{ ask(path: string): Promise<string>; lines: string }> {
  const file = join(directory, 'gateway.yaml');
  const lines = [
    `server: { listen: "127.0.0.1:0", workers: ${WORKERS} }`,
    'admin: { listen: "127.0.0.1:0" }',
    `origin: { url: "${api.origin.url}" }`,
    `store: { snapshot: { path: state, ${snapshot} } }`,
  ];
  writeFileSync(file, lines.join('\n'));
  const child = spawn(process.execPath, ['dist/cli/main.js', 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running = child;
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const times = (what: RegExp): number => text.match(what)?.length ?? 0;
  await until(
    () => times(/"msg":"listening"/g) >= WORKERS && times(said) >= WORKERS,
    `${said} of each process`,
    START_PATIENCE_MS,
  );
  const url = /"url":"(http[^"]+)"/.exec(text)?.[1] ?? '';
  const headers = { host: 'api.example' };
  return { ask: async (path) => (await get(url + path, { headers })).text, lines: text };
}

test('one process saves, all load, and none trusts what it has loaded', async () => {
  api.documents.set('/a', 'A1');
  const first = await start('save: stop', /joined the other nodes/g);
  for (let i = 0; i < MANY; i++) expect(await first.ask('/a')).toBe('A1');
  await stop();
  expect(readdirSync(join(directory, 'state'))).toContain('snapshot');
  expect(readdirSync(join(directory, 'state'))).not.toContain('lock');

  const second = await start('load: trust', /snapshot: loaded 1 responses/g);
  expect(second.lines).toContain('load trust means revalidate here');
  api.documents.set('/a', 'A2');
  for (let i = 0; i < MANY; i++) expect(await second.ask('/a')).toBe('A2');
}, 150_000);
