import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';

/** For tests of processes: they run the gateway as users run it, from dist/. */
export function buildIfOutdated(): void {
  const newest = Math.max(...readdirSync('src', { recursive: true }).map((file) => statSync(`src/${file}`).mtimeMs));
  const built = statSync('dist/cli/main.js', { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built < newest) execFileSync('npm', ['run', 'build'], { stdio: 'ignore' });
}
