import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { type OriginHandler, scriptedOrigin } from '../support/scripted-origin.ts';
import { type Line, lineTo } from './line.ts';

/** A browser on a busy machine is slow. Reached by no test that passes. */
const PATIENCE_MS = 45_000;

/** An application behind a gateway: pages that show the text of `/steps/7`. */
export interface Site {
  readonly url: string;
  readonly line: Line;
  /** Changes what the pages show, through the gateway. */
  write(text: string): Promise<void>;
  /** Answers reads of the step in another way: late, for instance. */
  onRead(handler: (answer: () => void) => void): void;
  /** How many event streams the gateway has. */
  streams(): Promise<number>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const files = await bundled();
  let text = 'first';
  let onRead = (answer: () => void): void => answer();
  const origin = await scriptedOrigin();
  const send: OriginHandler = ({ url = '' }, response) => {
    const file = files.get(url.split('?', 1)[0] as string);
    if (file === undefined) response.setHeader('content-type', 'text/html').end(HTML);
    else response.setHeader('content-type', 'text/javascript').end(file);
  };
  origin.on(() => true, send);
  origin.on('GET /steps/7', (_, response) => {
    // What it was when the request came: a late answer is an old one.
    const body = JSON.stringify({ text });
    onRead(() => response.setHeader('content-type', 'application/json').end(body));
  });
  origin.on('PUT /steps/7', (_, response, { body }) => {
    text = body.toString();
    response.writeHead(204).end();
  });
  const configuration =
    'routes: [{ match: /steps/:id, cache: { ttl: 60s } }]\nevents: { heartbeat: 500ms, mercure: true }';
  let gateway: TestGateway = await startGateway(origin.url, configuration);
  const line = await lineTo(() => Number(new URL(gateway.url).port));
  return {
    url: line.url,
    line,
    async write(next) {
      const { status } = await get(`${gateway.url}/steps/7`, { method: 'PUT', body: next });
      if (status !== 204) throw new Error(`the write was answered ${status}`);
    },
    onRead: (handler) => {
      onRead = handler;
    },
    async streams() {
      const metrics = await get(`${gateway.adminUrl}/metrics`);
      return Number(/^unstale_subscribers (\d+)$/m.exec(metrics.text)?.[1]);
    },
    async restart() {
      await gateway.stop();
      gateway = await startGateway(origin.url, configuration);
    },
    async close() {
      await gateway.stop();
      await line.close();
      await origin.close();
    },
  };
}

const HTML = '<!doctype html><title>Step</title><body></body><script type="module" src="/page.js"></script>';

/** The page's script as an application's bundler makes it, by its URL. */
async function bundled(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: [new URL('page.ts', import.meta.url).pathname],
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    outdir: '/',
    write: false,
  });
  return new Map(outputFiles.map(({ path, text }) => [path, text]));
}

/** A tab of the site, in front of the others. */
export async function openTab(context: BrowserContext, site: Site, query = '?match=/steps/:id'): Promise<Page> {
  const page = await context.newPage();
  await page.goto(site.url + query);
  return page;
}

export const stateOf = (page: Page): Promise<string> => page.evaluate(() => window.live.state);
export const toldTo = (page: Page): Promise<string[]> => page.evaluate(() => window.told);

export async function becomes(what: string, predicate: () => Promise<boolean>): Promise<void> {
  await until(predicate, what, PATIENCE_MS);
}

export const live = (...pages: readonly Page[]): Promise<void> =>
  becomes('live', async () => (await Promise.all(pages.map(stateOf))).every((state) => state === 'live'));

/** Resolves once every page shows the text. */
export const show = (text: string, ...pages: readonly Page[]): Promise<void> =>
  becomes(`the screens to show ${text}`, async () => {
    const shown = await Promise.all(pages.map((page) => page.evaluate(() => document.body.textContent)));
    return shown.every((each) => each === text);
  });

/** Closes what a test has opened. */
export async function closeTabs(context: BrowserContext): Promise<void> {
  const pages = context.pages();
  // The last tab takes the browser with it.
  await context.newPage();
  await Promise.all(pages.map((page) => page.close()));
}
