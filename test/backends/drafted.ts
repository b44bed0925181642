import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import type { Backend, Running } from './backend.ts';

const run = promisify(execFile);

/**
 * Replaces the recipe of a backend by what `unstale init` drafts from its description, and nothing else. The backends
 * forbid storing, or do not say, so every response of every route is given a lifetime.
 * @param folder where the gateway is started; the drafted configuration is left there
 */
export async function drafted(
  backend: Backend,
  { origin, cli, folder }: { readonly origin: Running; readonly cli: string; readonly folder: string },
): Promise<string> {
  if (backend.description === undefined) throw new Error(`${backend.name} has no description`);
  await writeFile(join(folder, 'description'), await backend.description(origin));
  const file = join(folder, 'draft.yaml');
  await run(process.execPath, [cli, 'init', '--openapi', join(folder, 'description'), '-o', file, '--force']);
  const { origin: _, defaults, ...rest } = parse(await readFile(file, 'utf8')) as Draft;
  return stringify({ ...rest, defaults: { ...defaults, cache: { ...defaults?.cache, ttl: '10m', force: true } } });
}

interface Draft {
  readonly origin: unknown;
  readonly defaults?: { readonly cache?: object };
}
