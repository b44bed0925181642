import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { type Application, PATIENCE_MS, startApplication } from './application.ts';
import { chromium, useChromium } from './rig.ts';

/*
 * The pages that the documents show, as they stand there: each follows the writes of others, also after a failed read.
 */

let application: Application | undefined;

useChromium();
afterEach(async () => {
  await application?.close();
});

const examples = ['README.md', 'docs/client.md'].flatMap((file) => {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```(?:tsx|js)\n(.*?)^```$/gms)]
    .map(([, code = '']) => code)
    .filter((code) => /from 'unstale\//.test(code))
    .map((code, i) => [file, i + 1, code] as const);
});

test('there are examples', () => {
  expect(examples.map(([file]) => file)).toEqual(['README.md', 'docs/client.md', 'docs/client.md', 'docs/client.md']);
});

test.each(examples)('%s, example %i', async (_file, _i, code) => {
  application = await startApplication(code);
  const page = await (await chromium.browser.newContext()).newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(application.url);
  const shows = (title: string): Promise<void> =>
    until(async () => (await page.locator('h1').allTextContents()).includes(title), title, PATIENCE_MS);
  await shows('first');
  await application.rename('second');
  await shows('second');
  const reads = application.reads('/steps/7');
  application.failOnce();
  await application.rename('unseen');
  await until(() => (application?.reads('/steps/7') ?? 0) > reads, 'the read that fails', PATIENCE_MS);
  await application.rename('third');
  await shows('third');
  const rename = page.getByRole('button', { name: 'Rename' });
  if ((await rename.count()) > 0) {
    await rename.click();
    await shows('Reykjavík');
  }
  expect(problems).toEqual([]);
  await page.context().close();
});
