import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { until } from '../support/barrier.ts';
import { compiledProgram } from '../support/shared.ts';
import { GatewayProcess } from './gateway-process.ts';
import { ItemsApi, itemOf, LIST } from './items-api.ts';

/* A gateway in a process of its own, which saves and loads snapshots, and an API of items. */

export const ITEMS = 4;
export const paths = [LIST, ...Array.from({ length: ITEMS }, (_, id) => itemOf(id))];

/** Of the test that runs. */
export let api: ItemsApi;
export let gateway: GatewayProcess;
export let root: string;
/** Where its snapshots are. */
export let folder: string;

/** Called by each file that uses this: all is made anew for each of its tests. */
export function useProcesses(): void {
  beforeAll(compiledProgram, 300_000);
  beforeEach(async () => {
    api = await ItemsApi.start(ITEMS);
    root = mkdtempSync(join(tmpdir(), 'unstale-processes-'));
    folder = join(root, 'state');
    gateway = await GatewayProcess.at(root);
  });
  afterEach(async () => {
    await gateway.end('SIGKILL');
    await api.close();
    rmSync(root, { recursive: true, force: true });
  });
}

export const configOf = (load: string, save: string, more = '', state = folder): string =>
  `origin: { url: "${api.origin.url}", timeout: 5s, circuit: off }
store: { snapshot: { path: ${JSON.stringify(state)}, load: ${load}, save: ${save} }${more} }
coherence: { lease: 1s }
defaults: { cache: { staleIfError: 10m } }
rules: [{ name: item, on: "PUT|DELETE /items/:id", invalidate: ["/items/{id}", "${LIST}"] }]`;

export async function warm(): Promise<void> {
  for (const path of [...paths, ...paths]) await gateway.ask('GET', path);
}

/** A life that leaves a snapshot of everything. */
export async function saved(load: string, more = ''): Promise<void> {
  await gateway.start(configOf(load, 'stop', more));
  await warm();
  await gateway.end('SIGTERM');
}

/** Begins a life that loads the snapshot, and saves none. */
export async function start(load: string, more = ''): Promise<void> {
  await gateway.start(configOf(load, 'off', more));
  await loaded();
}

/** A write counts if its answer has come. */
export async function write(by: GatewayProcess, id: number, kind: 'write' | 'remove'): Promise<void> {
  const answer = await by.ask(kind === 'write' ? 'PUT' : 'DELETE', itemOf(id));
  if (answer !== undefined) api.acknowledge();
}

/** A node that has missed its lease refuses writes for a moment. On a busy machine that happens. */
export async function writeUntilTaken(by: GatewayProcess, id: number, kind: 'write' | 'remove'): Promise<void> {
  await until(async () => {
    const answer = await by.ask(kind === 'write' ? 'PUT' : 'DELETE', itemOf(id));
    if (answer?.status === 503) return false;
    expect([200, 201, 204], by.said).toContain(answer?.status);
    return true;
  }, 'a write to be taken');
  api.acknowledge();
}

/** Reads everything twice: what was stored by the first read is looked at too. Returns how each was first answered. */
export async function readAll(by = gateway): Promise<string[]> {
  const said: string[] = [];
  for (const path of [...paths, ...paths]) {
    const start = api.tick();
    const answer = await by.ask('GET', path);
    const content = answer?.status === 404 ? undefined : answer?.text;
    expect(api.allows(path, content, start), `${path}: ${content}\n${by.said}`).toBe(true);
    said.push(String(answer?.headers['cache-status']));
  }
  return said.slice(0, paths.length);
}

export const loaded = (): Promise<void> => gateway.printed(/"snapshot: (?:nothing |not )?loaded/);
export const hits = (said: readonly string[]): number => said.filter((status) => /unstale; hit/.test(status)).length;
