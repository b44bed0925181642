import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

/** A Chromium as users have it. */
export interface RealBrowser {
  /** Its tabs are in one window: all but the one in front are hidden, with the timers that hidden pages have. */
  readonly context: BrowserContext;
  /** For windows of others (`newContext`): their pages are always visible. */
  readonly browser: Browser;
  close(): Promise<void>;
}

const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--no-first-run',
  '--disable-breakpad',
  '--disable-in-process-stack-traces',
  '--disable-component-update',
  '--disable-background-networking',
  '--remote-debugging-port=0',
  // Names for hosts without a secure context.
  '--host-resolver-rules=MAP *.example 127.0.0.1',
];

/** How long it may take to close. */
const CLOSING_MS = 15_000;

/** A process of Chromium that nobody talks to yet. */
export interface LaunchedChromium {
  /** Of the DevTools protocol. */
  readonly endpoint: string;
  /** Resolves when it has ended, and its files are gone. Called before it is told to end. */
  ended(): Promise<void>;
}

export async function launchChromium(): Promise<LaunchedChromium> {
  const profile = await mkdtemp(join(tmpdir(), 'unstale-chromium-'));
  const path = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  const child = spawn(path, [...ARGUMENTS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return {
    endpoint: await endpointOf(child),
    ended: async () => {
      // Pages that hang hold it up, and it would go on for hours.
      const timer = setTimeout(() => child.kill('SIGKILL'), CLOSING_MS);
      await once(child, 'exit');
      clearTimeout(timer);
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * Started by us, because Playwright turns off what has to be survived: hidden pages, their slow timers, freezing, and
 * the back-forward cache.
 */
export async function startChromium(): Promise<RealBrowser> {
  const launched = await launchChromium();
  const browser = await chromium.connectOverCDP(launched.endpoint, { noDefaults: true });
  const [context] = browser.contexts();
  if (context === undefined) throw new Error('Chromium has no default context');
  return {
    browser,
    context,
    close: async () => {
      const ended = launched.ended();
      const devtools = await browser.newBrowserCDPSession();
      // It is not answered.
      devtools.send('Browser.close').catch(() => {});
      await ended;
    },
  };
}

async function endpointOf(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stderr ?? []) {
    text += String(chunk);
    const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error(`Chromium did not start: ${text}`);
}
