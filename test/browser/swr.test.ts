import { expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { gaugeIs } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { PATIENCE_MS } from './application.ts';
import { application, page, useApplication } from './rig.ts';

useApplication('swr-page.tsx');

const shows = (title: string, ...ids: string[]): Promise<void> =>
  until(
    async () => {
      const texts = await Promise.all(ids.map((id) => page.locator(`#${id}`).textContent()));
      return texts.every((text) => text === title);
    },
    `${ids} to show ${title}`,
    PATIENCE_MS,
  );

const rest = (): Promise<void> => until(() => page.evaluate(() => window.isAtRest()), 'the page to rest', PATIENCE_MS);

/** Until the page has fetched everything, and once more what it fetched before the stream was confirmed. */
async function settled(): Promise<void> {
  await shows('first', 'text', 'list', 'record', 'infinite', 'other');
  await rest();
}

const all = ['text', 'list', 'record', 'infinite'];

test('keys of every kind follow a write, and others are left alone', async () => {
  await page.goto(application.url);
  await settled();
  const before = await fetches('/steps/8');
  await application.rename('second');
  await shows('second', ...all);
  expect(await fetches('/steps/8')).toBe(before);
});

test('a wildcard affects every id', async () => {
  await page.goto(application.url);
  await settled();
  const before = await fetches('/steps/8');
  await get(`${application.gateway.adminUrl}/invalidate`, { method: 'POST', body: { paths: ['/steps/*'] } });
  await until(async () => (await fetches('/steps/8')) > before, 'the other step', PATIENCE_MS);
});

test('an event during the first fetch is honoured', async () => {
  const release = application.hold();
  await page.goto(application.url);
  await gaugeIs(application.gateway, 'unstale_subscribers', 1);
  await until(() => application.reads('/steps/7') > 0, 'the first fetch', PATIENCE_MS);
  await application.rename('second');
  release();
  await shows('second', ...all);
});

test('ten events make at most two fetches', async () => {
  await page.goto(application.url);
  await settled();
  const before = await fetches('/steps/7?list');
  const release = application.hold();
  for (let i = 0; i < 10; i++) await application.rename(`title ${i}`);
  release();
  await shows('title 9', ...all);
  await rest();
  expect((await fetches('/steps/7?list')) - before).toBeLessThanOrEqual(2);
});

test('what left the screen is fetched when it comes back', async () => {
  await page.goto(application.url);
  await settled();
  await page.getByRole('button', { name: 'Toggle' }).click();
  await application.rename('second');
  await shows('second', 'list');
  await page.getByRole('button', { name: 'Toggle' }).click();
  await shows('second', 'text');
});

test('what is fetched for the first time under suspense is fetched again when the stream opens', async () => {
  const release = application.hold();
  await page.goto(`${application.url}/?suspense`);
  await until(() => application.reads('/steps/7') > 0, 'the first fetch', PATIENCE_MS);
  await application.rename('second');
  await page.evaluate(() => window.proceed());
  await until(() => page.evaluate(() => window.isLive()), 'the stream', PATIENCE_MS);
  release();
  await shows('second', 'text');
});

test('all pages of an infinite list follow a write', async () => {
  await page.goto(application.url);
  await settled();
  await page.getByRole('button', { name: 'More' }).click();
  await shows('first', 'infinite-2');
  await application.rename('second');
  await shows('second', ...all, 'infinite-2');
});

/** How often the page has asked for this path and query. */
const fetches = (target: string): Promise<number> =>
  page.evaluate((wanted) => performance.getEntriesByName(new URL(wanted, location.href).href).length, target);
