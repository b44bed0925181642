import type { CDPSession, Page } from 'playwright-core';
import { beforeEach, expect, test } from 'vitest';
import { gate } from '../support/barrier.ts';
import { context, site, useSite } from './rig.ts';
import { becomes, live, openTab, show, stateOf, toldTo } from './site.ts';

let page: Page;

useSite();
beforeEach(async () => {
  page = await openTab(context, site);
  await live(page);
});

async function network(devtools: CDPSession, offline: boolean): Promise<void> {
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', {
    offline,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  });
}

test('without a network it is offline; with one again, it has missed nothing', async () => {
  const devtools = await context.newCDPSession(page);
  await network(devtools, true);
  site.line.drop();
  await becomes('offline', async () => (await stateOf(page)) === 'offline');
  await site.write('second');
  await network(devtools, false);
  await show('second', page);
  await live(page);
  expect(await toldTo(page)).toEqual(['/steps/7']);
});

test('a stream that is cut silently is noticed by the missing heartbeats, and nothing is missed', async () => {
  // By then it knows how often they come.
  await becomes('three heartbeats', async () => site.line.heartbeats >= 3);
  const asked = site.line.asked;
  site.line.silence();
  await site.write('second');
  await show('second', page);
  await live(page);
  expect(await toldTo(page)).toEqual(['/steps/7']);
  expect(site.line.asked).toBeGreaterThan(asked);
  expect(await page.evaluate(() => window.states)).toContain('retrying: silent');
});

test('after a restart of the gateway, whose log is another, everything is fetched again', async () => {
  await site.restart();
  await site.write('second');
  await show('second', page);
  await live(page);
  expect(await toldTo(page)).toContain('resync gap');
  expect(await page.evaluate(() => window.states)).toContain('retrying: ended');
});

test('a read that is answered after a write does not win', async () => {
  const slow = gate();
  site.onRead((answer) => void slow.pass().then(answer));
  await site.write('second');
  await slow.arrived();
  site.onRead((answer) => answer());
  await site.write('third');
  await show('third', page);
  slow.release();
  await becomes('all answers', () => page.evaluate(() => window.answers === 3));
  await show('third', page);
});

test('after six minutes in a hidden tab, by its clock, it shows what was written meanwhile', async () => {
  await page.clock.install();
  await page.reload();
  await live(page);
  const other = await context.newPage();
  await becomes('hidden', () => page.evaluate(() => document.visibilityState === 'hidden'));
  for (let minute = 1; minute <= 6; minute++) {
    // From then on, nothing comes on the stream that it has, and nothing says so.
    if (minute === 4) site.line.silence();
    await page.clock.runFor('01:00');
    await site.write(`minute ${minute}`);
  }
  await other.close();
  await show('minute 6', page);
  await live(page);
});
