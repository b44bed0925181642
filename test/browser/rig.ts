import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { type RealBrowser, startChromium } from './chromium.ts';
import { closeTabs, type Site, startSite } from './site.ts';

/* Of the test that runs. */

export let chromium: RealBrowser;
/** The window whose tabs are hidden but for one. */
export let context: BrowserContext;
export let site: Site;
export let application: Application;
/** Of a window of its own. */
export let page: Page;

/** Called by each file that uses this: one Chromium for all of its tests. */
export function useChromium(): void {
  beforeAll(async () => {
    chromium = await startChromium();
    context = chromium.context;
  });
  afterAll(() => chromium?.close());
}

/** Also makes the site anew for each test. */
export function useSite(): void {
  useChromium();
  beforeEach(async () => {
    site = await startSite();
  });
  afterEach(async () => {
    await closeTabs(context);
    await site.close();
  });
}

/** Also makes an application anew for each test, with a page that has not gone there yet. */
export function useApplication(source: string): void {
  useChromium();
  beforeEach(async () => {
    application = await startApplication(source);
    page = await (await chromium.browser.newContext()).newPage();
  });
  afterEach(async () => {
    await page.context().close();
    await application.close();
  });
}
