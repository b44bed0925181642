import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { promisify } from 'node:util';

/** Builds dist/ when src/ is newer. */
export async function buildIfOutdated(): Promise<void> {
  const newest = Math.max(...readdirSync('src', { recursive: true }).map((file) => statSync(`src/${file}`).mtimeMs));
  const built = statSync('dist/cli/main.js', { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built < newest) await promisify(execFile)('npm', ['run', 'build']);
}
