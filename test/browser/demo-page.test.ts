import { readFileSync } from 'node:fs';
import axe from 'axe-core';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { ascending, quantile } from '../../bench/measure/statistics.ts';
import { pageAt } from '../../demo/api/pages.ts';
import { demoPage } from '../../demo/player/page.ts';
import { type Child, travelClient } from '../demo/travel-client.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { travelApi } from '../support/shared.ts';
import { apiTime } from './api-time.ts';
import { PATIENCE_MS } from './application.ts';
import { type RealBrowser, startChromium } from './chromium.ts';
import { type PlainTab, startPlainChromium } from './plain-tabs.ts';

/* The demo's page with the bundle of the client, before a gateway and the travel API. */

const api = await travelApi();
/** The page relies on what the demo's configuration has. */
const { writes } = parse(readFileSync('gateway.example.yaml', 'utf8')) as { writes: unknown };
let pages: ScriptedOrigin;
let gateway: TestGateway;
let chromium: RealBrowser;

beforeAll(async () => {
  const files = await demoPage(new URL('../../', import.meta.url).pathname);
  pages = await scriptedOrigin();
  pages.on(
    () => true,
    (request, response) => {
      const reply = pageAt(files, request, request.headers);
      response.writeHead(reply?.status ?? 404, reply?.headers).end(reply?.body);
    },
  );
  gateway = await startGateway(
    api,
    `origins: { default: { url: "${api}" }, pages: { url: "${pages.url}" } }
routes: [{ match: /demo/**, origin: pages }]
${stringify({ writes })}
include: [rules/travel.yaml]`,
  );
  chromium = await startChromium();
}, 120_000);
afterAll(async () => {
  await chromium?.close();
  await gateway?.stop();
  await pages?.close();
});

async function open(context: BrowserContext, path: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(gateway.url + path);
  return page;
}

const isLive = async (page: Page): Promise<boolean> => (await page.locator('[data-state=live]').count()) > 0;

interface Watched {
  shownAt?: Promise<number>;
}

/** Has the page note the time, on the clock that all pages share, at which it shows so many nights. */
const watch = (page: PlainTab, nights: number): Promise<void> =>
  page.evaluate((wanted) => {
    (globalThis as Watched).shownAt = new Promise((resolve) => {
      const check = (): void => {
        if (document.querySelector('[data-field=nights]')?.textContent !== wanted) return;
        observer.disconnect();
        resolve(performance.timeOrigin + performance.now());
      };
      const observer = new MutationObserver(check);
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      check();
    });
  }, String(nights));

/** What the page has noted, once it has. */
const noted = (page: PlainTab): Promise<number | undefined> =>
  page.evaluate(() => (globalThis as Watched).shownAt, null);

async function showing(page: PlainTab, nights: number): Promise<number> {
  await watch(page, nights);
  return (await noted(page)) ?? Number.NaN;
}

/** How often the API was asked for this path. */
async function readsOfApi(path: string): Promise<number> {
  const answer = await fetch(`${api}/_requests?method=GET&path=${path}`);
  return ((await answer.json()) as { count: number }).count;
}

/** One more night, as a user does it. */
const addNight = (page: PlainTab): Promise<void> =>
  page.evaluate(() => document.querySelector<HTMLButtonElement>('button[aria-label^="One night more"]')?.click(), null);

test('both windows of the page follow a change in one of them, and say how long it took', async () => {
  const { step } = await travelClient(api).ownTrip();
  const context = await chromium.browser.newContext();
  const problems: string[] = [];
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(`${gateway.url}/demo/window.html?step=${step.id}#A`);
  const other = await open(context, `/demo/window.html?step=${step.id}#B`);
  await until(async () => (await isLive(page)) && (await isLive(other)), 'both to be live', PATIENCE_MS);
  const before = await readsOfApi(`/steps/${step.id}`);
  await page.getByRole('button', { name: /One night more/ }).focus();
  await page.keyboard.press('Enter');
  await Promise.all([showing(page, 3), showing(other, 3)]);
  // The gateway answers one of the two, whatever the page says of the browser's cache.
  expect(await readsOfApi(`/steps/${step.id}`)).toBe(before + 1);
  expect(await other.locator('small').textContent()).toBe('changed in window A');
  for (const each of [page, other]) {
    await until(async () => /\d ms/.test((await each.locator('.events li').textContent()) ?? ''), 'times', PATIENCE_MS);
  }
  await other.getByRole('textbox').fill('Renamed');
  await other.keyboard.press('Enter');
  await until(async () => (await page.getByRole('textbox').inputValue()) === 'Renamed', 'the new name', PATIENCE_MS);
  expect(problems).toEqual([]);
  await context.close();
});

test('on a phone and a desk, in light and dark colours, everything fits, and can be read and used', async () => {
  const { step } = await travelClient(api).ownTrip();
  const context = await chromium.browser.newContext();
  const stage = await open(context, '/demo/');
  const page = await open(context, `/demo/window.html?step=${step.id}#A`);
  await until(() => isLive(page), 'it to be live', PATIENCE_MS);
  await addNight(page);
  await until(async () => (await page.locator('.events li').count()) > 0, 'an event', PATIENCE_MS);
  for (const each of [stage, page]) {
    await each.evaluate(axe.source);
    for (const width of [1_200, 390]) {
      await each.setViewportSize({ width, height: 844 });
      expect(await each.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
    for (const colorScheme of ['light', 'dark'] as const) {
      await each.emulateMedia({ colorScheme });
      expect(await obstacles(each)).toEqual([]);
    }
  }
  await context.close();
});

/** What axe finds: a contrast below that of WCAG 2 AA, what has no name, and more. */
const obstacles = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({ iframes: false });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });

test('two windows that change one row at the same moment both keep their change', async () => {
  const travel = travelClient(api);
  const { step, accommodation } = await travel.ownTrip();
  const context = await chromium.browser.newContext();
  const [page, other] = [
    await open(context, `/demo/window.html?step=${step.id}#A`),
    await open(context, `/demo/window.html?step=${step.id}#B`),
  ];
  await until(async () => (await isLive(page)) && (await isLive(other)), 'both to be live', PATIENCE_MS);
  await other.getByRole('textbox').fill('Renamed');
  await Promise.all([addNight(page), other.keyboard.press('Enter')]);
  for (const each of [page, other]) {
    await showing(each, 3);
    await until(async () => (await each.getByRole('textbox').inputValue()) === 'Renamed', 'the new name', PATIENCE_MS);
  }
  const row = await travel.read<Child>('GET', `/accommodations/${accommodation.id}`);
  expect(row).toMatchObject({ nights: 3, name: 'Renamed', priceCents: 10_000, createdAt: accommodation.createdAt });
  await context.close();
});

test('a write from elsewhere has no time; the times of another write stay as they were', async () => {
  const travel = travelClient(api);
  const { step, accommodation } = await travel.ownTrip();
  const context = await chromium.browser.newContext();
  // A lone % in the name of the window is no escape.
  const page = await open(context, `/demo/window.html?step=${step.id}#%`);
  await until(() => isLive(page), 'it to be live', PATIENCE_MS);
  expect(await page.locator('strong').textContent()).toBe('Window %');
  await addNight(page);
  const times = (event: number): Promise<string[]> =>
    page.locator('.events li').nth(event).locator('dd').allTextContents();
  const shown = /^\d+ ms$/;
  await until(async () => (await times(0)).filter((time) => shown.test(time)).length === 2, 'times', PATIENCE_MS);
  const path = `/accommodations/${accommodation.id}`;
  const row = await travel.read<object>('GET', path);
  const headers = { 'content-type': 'application/json' };
  await fetch(gateway.url + path, { method: 'PUT', headers, body: JSON.stringify({ ...row, nights: 9 }) });
  await showing(page, 9);
  await until(async () => (await page.locator('.events li').count()) === 2, 'the second event', PATIENCE_MS);
  expect(await times(0)).toEqual(['–', '–']);
  expect(await times(1)).toEqual([expect.stringMatching(shown), expect.stringMatching(shown)]);
  await context.close();
});

/** When the page sent its last request to this path, once it has been answered. On the clock that all pages share. */
const sentAt = (page: PlainTab, path: string): Promise<number> =>
  page.evaluate((wanted) => {
    const requests = performance.getEntriesByType('resource').filter(({ name }) => new URL(name).pathname === wanted);
    return performance.timeOrigin + (requests.at(-1)?.startTime ?? Number.NaN);
  }, path);

/** Resolves once the page has nothing under way: no write, no colour of a change that fades, and no work put off. */
const atRest = async (page: PlainTab): Promise<void> => {
  const isBusy = (): Promise<boolean> => page.evaluate(() => document.querySelector('[aria-busy=true]') !== null, null);
  // The page ignores clicks while its write runs.
  await until(async () => !(await isBusy()), 'the write', PATIENCE_MS);
  await page.evaluate(async () => {
    await Promise.all(document.getAnimations().map(({ finished }) => finished));
    // A browser says 50 ms where it has nothing to do.
    const idle = (): Promise<number> =>
      new Promise((resolve) => requestIdleCallback((deadline) => resolve(deadline.timeRemaining())));
    while ((await idle()) < 40);
  }, null);
};

/*
 * From the moment at which a page sends the PUT until each page has the changed text, less what the API takes: for
 * what was there before, for the PUT, and for the step after it. All tabs are visible, so all of them are painted.
 * They, the gateway and the API share the cores of this machine.
 */
test('from a PUT to the changed text on twenty tabs of two browsers', { timeout: 240_000 }, async () => {
  const { step, accommodation } = await travelClient(api).ownTrip();
  const tabs: PlainTab[] = [];
  const chromium = await startPlainChromium();
  const time = apiTime(api);
  try {
    for (const user of ['A', 'B']) {
      const names = Array.from({ length: 10 }, (_, i) => `${user}${i}`);
      const urls = names.map((name) => `${gateway.url}/demo/window.html?step=${step.id}#${name}`);
      tabs.push(...(await chromium.open(urls)));
    }
    const [writer] = tabs as [PlainTab];
    const areLive = async (): Promise<boolean> => {
      const live = tabs.map((tab) => tab.evaluate(() => document.querySelector('[data-state=live]') !== null, null));
      return (await Promise.all(live)).every(Boolean);
    };
    await until(areLive, 'all tabs to be live', 4 * PATIENCE_MS);
    const times: number[] = [];
    const apiTimes: number[] = [];
    for (const nights of [3, 4, 5, 6, 7]) {
      await Promise.all(tabs.map((tab) => watch(tab, nights)));
      await Promise.all(tabs.map(atRest));
      time.take();
      await addNight(writer);
      const shownAt = await Promise.all(tabs.map(noted));
      const apiMs = time.take();
      await atRest(writer);
      const from = await sentAt(writer, `/accommodations/${accommodation.id}`);
      apiTimes.push(apiMs);
      times.push(...shownAt.map((at = Number.NaN) => at - from - apiMs));
    }
    const spread = `median ${milliseconds(times, 0.5)}, 90% ${milliseconds(times, 0.9)}, 99% ${milliseconds(times, 0.99)}`;
    const apart = `the API's own time (median ${milliseconds(apiTimes, 0.5)}) subtracted`;
    process.stdout.write(`From a PUT to the changed text on ${tabs.length} tabs: ${spread}, ${apart}\n`);
    expect(times.filter(Number.isFinite).length).toBe(100);
  } finally {
    time.stop();
    await chromium.close();
  }
});

const milliseconds = (values: readonly number[], part: number): string =>
  `${Math.round(quantile(ascending(values), part))} ms`;
