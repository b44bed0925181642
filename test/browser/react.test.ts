import { expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { gaugeIs } from '../support/gateway.ts';
import { PATIENCE_MS } from './application.ts';
import { application, page, useApplication } from './rig.ts';

useApplication('react-page.tsx');

const happened = (): Promise<string[]> => page.evaluate(() => window.happened);
const hookSays = (text: string): Promise<void> =>
  until(async () => (await page.locator('#hook').textContent())?.trim() === text, text, PATIENCE_MS);

test('the provider has one connection in strict mode, and none after it is gone', async () => {
  await page.goto(application.url);
  await hookSays('live');
  await gaugeIs(application.gateway, 'unstale_subscribers', 1);
  // Strict mode mounts twice.
  expect(await happened()).toEqual(['connected', 'ended', 'connected']);
  await page.getByRole('button', { name: 'Toggle' }).click();
  await gaugeIs(application.gateway, 'unstale_subscribers', 0);
  await page.getByRole('button', { name: 'Toggle' }).click();
  await hookSays('live');
  await gaugeIs(application.gateway, 'unstale_subscribers', 1);
});

test('a connection of the application stays open when the provider is gone', async () => {
  await page.goto(`${application.url}/?own`);
  await hookSays('live');
  await page.getByRole('button', { name: 'Toggle' }).click();
  await application.rename('second');
  await page.getByRole('button', { name: 'Toggle' }).click();
  await hookSays('live');
  expect((await happened()).filter((each) => each.startsWith('connection'))).toEqual(['connection live']);
});

test('hooks say what changed, and the newest listener is called once for each event', async () => {
  await page.goto(application.url);
  await hookSays('live');
  await application.rename('second');
  await hookSays('live /steps/7');
  await page.getByRole('button', { name: 'Other listener' }).click();
  await application.rename('third');
  await until(async () => (await happened()).includes('second PUT 7'), 'the second listener', PATIENCE_MS);
  expect((await happened()).slice(3)).toEqual(['first PUT 7', 'second PUT 7']);
});

test('the newest auth is asked, and its change alone opens nothing', async () => {
  await page.goto(`${application.url}/?auth`);
  await hookSays('live');
  await page.getByRole('button', { name: 'Other listener' }).click();
  await application.rename('second');
  await hookSays('live /steps/7');
  expect(await happened()).not.toContain('connected as second');
  await application.gateway.stop();
  await until(async () => (await happened()).includes('second is asked'), 'the second auth', PATIENCE_MS);
});

test.each(['scope', 'url', 'shared', 'match', 'tags', 'clientId'])(
  'the provider opens another connection if its %s changes, for which the newest onConnect is called',
  async (option) => {
    await page.goto(`${application.url}/?${option}`);
    await hookSays('live');
    await page.getByRole('button', { name: 'Other listener' }).click();
    await until(async () => (await happened()).includes('connected as second'), 'the second onConnect', PATIENCE_MS);
    await hookSays('live');
    await gaugeIs(application.gateway, 'unstale_subscribers', 1);
    expect(await happened()).toEqual(['connected', 'ended', 'connected', 'ended', 'connected as second']);
  },
);

test('a component that only listens is not rendered when something changes', async () => {
  await page.goto(application.url);
  await hookSays('live');
  const renderings = await page.evaluate(() => window.renderings);
  await application.rename('second');
  await hookSays('live /steps/7');
  expect(await page.evaluate(() => window.renderings)).toBe(renderings);
});

test('a resync is told to each listener, since it may stand for any event', async () => {
  await page.goto(`${application.url}/?gone`);
  await hookSays('live');
  await until(async () => (await happened()).length >= 5, 'the resync', PATIENCE_MS);
  expect((await happened()).slice(3)).toEqual(['first resync', 'by type: resync']);
});

test('the indicator says the state in words, and announces only that, not the time of the last change', async () => {
  await page.goto(application.url);
  const status = page.locator('#root').getByRole('status');
  const says = (text: string): Promise<void> =>
    until(async () => (await status.textContent()) === text, text, PATIENCE_MS);
  await says('Live');
  expect(await page.locator('time').count()).toBe(0);
  await application.rename('second');
  await until(async () => (await page.locator('time').count()) === 1, 'the last change', PATIENCE_MS);
  expect(await page.locator('.unstale-indicator').textContent()).toMatch(/^● Live · last change .*\d/);
  expect(await status.textContent()).toBe('Live');
  expect(await status.getAttribute('aria-live')).toBe('polite');
  await application.gateway.stop();
  await says('Wird verbunden');
  expect(await page.locator('.unstale-indicator').getAttribute('data-state')).toBe('retrying');
});
