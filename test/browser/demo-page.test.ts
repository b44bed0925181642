import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { pageAt } from '../../demo/api/pages.ts';
import { demoPage } from '../../demo/player/page.ts';
import { type Child, travelClient } from '../demo/travel-client.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { travelApi } from '../support/shared.ts';
import { PATIENCE_MS } from './application.ts';
import { type RealBrowser, startChromium } from './chromium.ts';

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

/** Resolves with the time, on the clock that all pages share, at which the page shows so many nights. */
const showing = (page: Page, nights: number): Promise<number> =>
  page.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        const check = (): void => {
          if (document.querySelector('[data-field=nights]')?.textContent !== wanted) return;
          observer.disconnect();
          resolve(performance.timeOrigin + performance.now());
        };
        const observer = new MutationObserver(check);
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
        check();
      }),
    String(nights),
  );

/** One more night, as a user does it. Resolves with the time of the click. */
const addNight = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const button = document.querySelector<HTMLButtonElement>('button[aria-label^="One night more"]');
    const at = performance.timeOrigin + performance.now();
    button?.click();
    return at;
  });

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
  await page.getByRole('button', { name: /One night more/ }).focus();
  await page.keyboard.press('Enter');
  await Promise.all([showing(page, 3), showing(other, 3)]);
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

test('from a PUT to the changed text on twenty tabs of two browsers', { timeout: 240_000 }, async () => {
  const { step } = await travelClient(api).ownTrip();
  const contexts = [await chromium.browser.newContext(), await chromium.browser.newContext()];
  const tabs: Page[] = [];
  for (const context of contexts) {
    for (let i = 0; i < 10; i++) tabs.push(await open(context, `/demo/window.html?step=${step.id}#${tabs.length + 1}`));
  }
  await until(async () => (await Promise.all(tabs.map(isLive))).every(Boolean), 'all tabs to be live', 4 * PATIENCE_MS);
  const times: number[] = [];
  for (const nights of [3, 4, 5]) {
    const shown = tabs.map((tab) => showing(tab, nights));
    const sentAt = await addNight(tabs[0] as Page);
    times.push(...(await Promise.all(shown)).map((at) => at - sentAt));
    // The first tab ignores clicks while its write runs.
    await until(async () => (await tabs[0]?.locator('[aria-busy=true]').count()) === 0, 'the write', PATIENCE_MS);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => `${Math.round(times[Math.ceil(part * times.length) - 1] ?? 0)} ms`;
  const spread = `median ${at(0.5)}, 90% ${at(0.9)}, slowest ${at(1)}`;
  process.stdout.write(`From a PUT to the changed text on ${tabs.length} tabs: ${spread}\n`);
  expect(times.length).toBe(60);
  for (const context of contexts) await context.close();
});
