import { execFile } from 'node:child_process';
import { copyFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/** Builds dist/ when src/ is newer. */
export async function buildIfOutdated(): Promise<void> {
  const newest = Math.max(...readdirSync('src', { recursive: true }).map((file) => statSync(`src/${file}`).mtimeMs));
  const built = statSync('dist/cli/main.js', { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built < newest) await promisify(execFile)('npm', ['run', 'build']);
}

/**
 * A program in one file: the same code, which starts in less than half the time that it takes to load its files.
 * @param entry its path in the repository
 * @returns its path in `folder`
 */
export async function bundle(entry: string, folder: string): Promise<string> {
  // The command looks there for its version.
  copyFileSync('package.json', join(folder, 'package.json'));
  const outfile = join(folder, entry.replace(/\.m?[jt]s$/, '.mjs'));
  await build({
    ...{ entryPoints: [entry], outfile, logLevel: 'error' },
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20' },
    // The other builds of packages hide from esbuild what they load.
    mainFields: ['module', 'main'],
    // For packages that are CommonJS.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  });
  return outfile;
}
