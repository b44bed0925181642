import { spawn } from 'node:child_process';
import { EventSource as PackagedEventSource } from 'eventsource';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { startChromium } from './chromium.ts';
import { becomes, type Site, startSite } from './site.ts';

/* Clients that nobody here wrote. */

let site: Site;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.close());

const EVENTS = '/_unstale/events?match=/steps/:id';

test("Chromium's EventSource is told what changes, and resumes", async () => {
  const chromium = await startChromium();
  try {
    const page = await chromium.context.newPage();
    await page.goto(`${site.url}/page.js`);
    await page.evaluate((url) => {
      const source = new EventSource(url);
      const told: string[] = [];
      Object.assign(window, { source, told });
      source.addEventListener('invalidate', ({ data }) => told.push(JSON.parse(data).paths[0]));
    }, EVENTS);
    await becomes('open', () =>
      page.evaluate(() => (window as unknown as { source: EventSource }).source.readyState === 1),
    );
    await site.write('second');
    await becomes('told', async () => (await page.evaluate(() => window.told)).length === 1);
    site.line.drop();
    await site.write('third');
    await becomes('told again', async () => (await page.evaluate(() => window.told)).length === 2);
  } finally {
    await chromium.close();
  }
});

test('the npm package eventsource is told what changes, and resumes', async () => {
  const source = new PackagedEventSource(site.url + EVENTS);
  try {
    const told: string[] = [];
    source.addEventListener('invalidate', ({ data }) => told.push(JSON.parse(data).paths[0]));
    await until(() => source.readyState === source.OPEN);
    await site.write('second');
    await until(() => told.length === 1);
    site.line.drop();
    await site.write('third');
    await until(() => told.length === 2);
  } finally {
    source.close();
  }
});

test('curl -N prints what changes', async () => {
  const curl = spawn('curl', ['-sN', site.url + EVENTS]);
  try {
    let text = '';
    curl.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text.includes('id: '));
    await site.write('second');
    await until(() => /event: invalidate\ndata: .*"\/steps\/7".*\n\n$/.test(text));
    expect(text).toMatch(/^retry: \d+\n/);
  } finally {
    curl.kill();
  }
});
