import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DocumentsApi, documentsApi } from '../snapshot/rig.ts';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { program } from '../support/shared.ts';

/* Snapshots of a gateway in several processes without a Redis: their log ends with them. */

const WORKERS = 2;
/** Connections are given to either process. */
const MANY = 30;
const START_PATIENCE_MS = 60_000;

let api: DocumentsApi;
let directory: string;
let running: ChildProcess | undefined;
beforeAll(program, 120_000);
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

interface Started {
  ask(path: string, method?: string): Promise<string>;
  readonly lines: string;
  readonly adminUrl: string;
}

/** Kills all its processes: those without the first one end by themselves, too late for what this is about. */
async function kill(): Promise<void> {
  const child = running as ChildProcess;
  running = undefined;
  const left = once(child, 'exit');
  process.kill(-Number(child.pid), 'SIGKILL');
  await left;
}

/** Starts a gateway, and waits for what each of its processes says. */
async function start(snapshot: string, said: RegExp): Promise<Started> {
  const file = join(directory, 'gateway.yaml');
  const lines = [
    `server: { listen: "127.0.0.1:0", workers: ${WORKERS} }`,
    'admin: { listen: "127.0.0.1:0" }',
    `origin: { url: "${api.origin.url}" }`,
    `store: { snapshot: { path: state, ${snapshot} } }`,
    'rules: [{ name: child, on: DELETE /children/:id, invalidate: [/parent] }]',
  ];
  writeFileSync(file, lines.join('\n'));
  const child = spawn(process.execPath, [await program(), 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
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
  const adminUrl = /"adminUrl":"(http[^"]+)"/.exec(text)?.[1] ?? '';
  return {
    ask: async (path, method = 'GET') => (await get(url + path, { method, headers })).text,
    lines: text,
    adminUrl,
  };
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

test('what a write has removed is dropped after a kill of all, also a copy that the API would confirm', async () => {
  api.documents.set('/parent', 'with 42').set('/children/42', 'C');
  // It does not change with the child.
  api.fields.set('/parent', { etag: '"row-7"' });
  const first = await start('save: 1h', /joined the other nodes/g);
  for (let i = 0; i < MANY; i++) expect(await first.ask('/parent')).toBe('with 42');
  const saved = await fetch(`${first.adminUrl}/snapshot`, { method: 'POST' });
  expect(await saved.json()).toMatchObject({ responses: 1 });
  api.documents.set('/parent', 'without');
  await first.ask('/children/42', 'DELETE');
  await kill();

  const second = await start('load: revalidate', /snapshot: loaded 0 responses/g);
  expect(second.lines.match(/1 invalidated since/g)).toHaveLength(WORKERS);
  for (let i = 0; i < MANY; i++) expect(await second.ask('/parent')).toBe('without');
}, 150_000);
