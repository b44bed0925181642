import { execFileSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

/** A browser on a busy machine is slow. Reached by no test that passes. */
export const PATIENCE_MS = 45_000;

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}
