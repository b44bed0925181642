import { expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { gaugeIs } from '../support/gateway.ts';
import { PATIENCE_MS } from './application.ts';
import { application, page, useApplication } from './rig.ts';

/* A page with TanStack Query, whose reads are answered late. test/client has the rest, without a browser. */

useApplication('tanstack-page.tsx');

const shows = (title: string): Promise<void> =>
  until(
    async () => (await page.locator('#root h1[data-rest=true]').allTextContents()).join() === title,
    `${title}, and nothing is fetched`,
    PATIENCE_MS,
  );
/** Until the API has been asked so often. */
const asked = (times: number): Promise<void> =>
  until(() => application.reads('/steps/7') >= times, `${times} reads`, PATIENCE_MS);

/** The page follows events, and shows what was read first. */
async function opened(query = ''): Promise<void> {
  await page.goto(`${application.url}/${query}`);
  await gaugeIs(application.gateway, 'unstale_subscribers', 1);
  await shows('first');
}

test.each(['', '?cursor'])(
  'a write during the first read, which is answered later, is on the screen: %s',
  async (query) => {
    const release = application.hold();
    await page.goto(`${application.url}/${query}`);
    await gaugeIs(application.gateway, 'unstale_subscribers', 1);
    await asked(1);
    await application.rename('second');
    release();
    await shows('second');
  },
);

test.each(['', '?cursor'])('so is a write during the read that another write gave rise to: %s', async (query) => {
  await opened(query);
  const before = application.reads('/steps/7');
  const release = application.hold();
  await application.rename('second');
  await asked(before + 1);
  await application.rename('third');
  release();
  await shows('third');
});

test('so is a write during a read that the page has asked for by itself', async () => {
  await opened();
  const before = application.reads('/steps/7');
  const release = application.hold();
  await page.getByRole('button', { name: 'Again' }).click();
  await asked(before + 1);
  await application.rename('second');
  release();
  await shows('second');
});

test('ten writes during one read make one read more', async () => {
  await opened('?cursor');
  const before = application.reads('/steps/7');
  const release = application.hold();
  await application.rename('title 0');
  await asked(before + 1);
  for (let i = 1; i < 10; i++) await application.rename(`title ${i}`);
  release();
  await shows('title 9');
  expect(application.reads('/steps/7') - before).toBeLessThanOrEqual(2);
});
