import { spawn } from 'node:child_process';
import { EventSource as PackagedEventSource } from 'eventsource';
import { expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { context, site, useSite } from './rig.ts';
import { becomes, toldTo } from './site.ts';

/* Clients that nobody here wrote. */

useSite();

const EVENTS = '/_unstale/events?match=/steps/:id';
const MERCURE = `/.well-known/mercure?topic=${encodeURIComponent('https://app.example/steps/{id}')}`;

test.each([
  ['an address', EVENTS, 'invalidate'],
  ["Mercure's spelling, and its one listener", MERCURE, 'message'],
])("Chromium's EventSource, with %s, is told what changes, and resumes", async (_what, address, type) => {
  const page = await context.newPage();
  await page.goto(`${site.url}/page.js`);
  await page.evaluate(
    ([url, heard]) => {
      const source = new EventSource(url);
      const told: string[] = [];
      Object.assign(window, { source, told });
      source.addEventListener(heard, ({ data }) => told.push(JSON.parse(data).paths[0]));
    },
    [address, type] as const,
  );
  await becomes('open', () =>
    page.evaluate(() => (window as unknown as { source: EventSource }).source.readyState === 1),
  );
  await site.write('second');
  await becomes('told', async () => (await toldTo(page)).length === 1);
  site.line.drop();
  await site.write('third');
  await becomes('told again', async () => (await toldTo(page)).length === 2);
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
