import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { run } from '../cli/run.ts';
import { type DocumentsApi, documentsApi } from '../snapshot/rig.ts';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { program } from '../support/shared.ts';
import { type Running, serve } from './serve.ts';

/* Snapshots of a gateway in several processes without a Redis: their log ends with them. */

const WORKERS = 2;
/** Connections are given to either process. */
const MANY = 30;
const START_PATIENCE_MS = 60_000;

let api: DocumentsApi;
let folder: string;
let running: Running | undefined;
beforeAll(program, 120_000);
beforeEach(async () => {
  api = await documentsApi();
  folder = mkdtempSync(join(tmpdir(), 'unstale-workers-'));
});
afterEach(async () => {
  await running?.end('SIGTERM');
  await api.origin.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Starts a gateway, and waits for what each of its processes says. */
async function start(snapshot: string, said: RegExp): Promise<Running> {
  const gateway = await serve(
    api.origin.url,
    WORKERS,
    `store: { snapshot: { path: ${JSON.stringify(folder)}, ${snapshot} } }
rules: [{ name: child, on: DELETE /children/:id, invalidate: [/parent] }]`,
  );
  running = gateway;
  const times = (): number => gateway.said().match(said)?.length ?? 0;
  await until(() => times() >= WORKERS, `${said} of each process`, START_PATIENCE_MS);
  return gateway;
}

const ask = async ({ url }: Running, path: string, method = 'GET'): Promise<string> =>
  (await get(url + path, { method, headers: { host: 'api.example' } })).text;

test('one process saves, all load, and none trusts what it has loaded', async () => {
  api.documents.set('/a', 'A1');
  const first = await start('save: stop', /joined the other nodes/g);
  for (let i = 0; i < MANY; i++) expect(await ask(first, '/a')).toBe('A1');
  await first.end('SIGTERM');
  expect(readdirSync(folder)).toContain('snapshot');
  expect(readdirSync(folder)).not.toContain('lock');

  const second = await start('load: trust', /snapshot: loaded 1 responses/g);
  expect(second.said()).toContain('load trust means revalidate here');
  api.documents.set('/a', 'A2');
  for (let i = 0; i < MANY; i++) expect(await ask(second, '/a')).toBe('A2');
}, 150_000);

test('what a write has removed is dropped after a kill of all, also a copy that the API would confirm', async () => {
  api.documents.set('/parent', 'with 42').set('/children/42', 'C');
  // It does not change with the child.
  api.fields.set('/parent', { etag: '"row-7"' });
  const first = await start('save: 1h', /joined the other nodes/g);
  for (let i = 0; i < MANY; i++) expect(await ask(first, '/parent')).toBe('with 42');
  const saved = await fetch(`${first.adminUrl}/snapshot`, { method: 'POST' });
  expect(await saved.json()).toMatchObject({ responses: 1 });
  api.documents.set('/parent', 'without');
  await ask(first, '/children/42', 'DELETE');
  await first.killAll();

  const second = await start('load: revalidate', /snapshot: loaded 0 responses/g);
  expect(second.said().match(/1 invalidated since/g)).toHaveLength(WORKERS);
  for (let i = 0; i < MANY; i++) expect(await ask(second, '/parent')).toBe('without');
}, 150_000);

test('a drop reaches what each process has loaded and not confirmed', async () => {
  api.documents.set('/a', 'A1');
  const first = await start('save: stop', /joined the other nodes/g);
  for (let i = 0; i < MANY; i++) expect(await ask(first, '/a')).toBe('A1');
  await first.end('SIGTERM');
  const second = await start('load: revalidate', /snapshot: loaded 1 responses/g);
  const env = { UNSTALE_ADMIN_URL: second.adminUrl };
  expect(await run(['verify', '/a'], { env })).toMatchObject({
    code: 0,
    stdout: '/a: 2 stored responses, as the API says\n',
  });
  expect(await run(['snapshot', 'drop'], { env })).toMatchObject({ code: 0, stdout: 'the snapshot is removed\n' });
  expect(await run(['verify', '/a'], { env })).toMatchObject({
    ...{ code: 0, stdout: '/a: not stored in the memory of this node\n' },
  });
}, 150_000);
