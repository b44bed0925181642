import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { context, site, useSite } from './rig.ts';
import { becomes, live, openTab, show, toldTo } from './site.ts';

useSite();

/** Opened in turn: the first one leads. */
async function tabs(count: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let i = 0; i < count; i++) {
    const page = await openTab(context, site);
    await live(page);
    pages.push(page);
  }
  return pages;
}

test('twelve tabs that open at once have one stream, and all are told', async () => {
  const pages = await Promise.all(Array.from({ length: 12 }, () => openTab(context, site)));
  await live(...pages);
  // How many were asked for is said where no tab is slow: test/client/tabs.test.ts.
  await becomes('one stream', async () => (await site.streams()) === 1);
  await site.write('second');
  await show('second', ...pages);
  for (const page of pages) expect(await toldTo(page)).toEqual(['/steps/7']);
});

test('when the leader is closed, another tab takes over, and nothing is missed', async () => {
  const [leader, ...others] = await tabs(3);
  await Promise.all([leader?.close(), site.write('second')]);
  await show('second', ...others);
  await live(...others);
  await becomes('one stream', async () => (await site.streams()) === 1);
  await site.write('third');
  await show('third', ...others);
  for (const page of others) expect(await toldTo(page)).toEqual(['/steps/7', '/steps/7']);
});

test('when the leader crashes, another tab takes over, and nothing is missed', async () => {
  const [leader, ...others] = (await tabs(3)) as [Page, ...Page[]];
  const devtools = await context.newCDPSession(leader);
  const crashed = leader.waitForEvent('crash');
  // It is never answered.
  devtools.send('Page.crash').catch(() => {});
  await crashed;
  await site.write('second');
  await show('second', ...others);
  await live(...others);
  await becomes('one stream', async () => (await site.streams()) === 1);
});

test('a frozen leader steps down, and follows when it is thawed', async () => {
  const [leader, ...others] = (await tabs(3)) as [Page, ...Page[]];
  const devtools = await context.newCDPSession(leader);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  await site.write('second');
  await show('second', ...others);
  await live(...others);
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await show('second', leader);
  await live(leader);
  await becomes('one stream', async () => (await site.streams()) === 1);
  expect(await leader.evaluate(() => window.states)).toContain('retrying: away');
});

test('the lock of a suspended leader is stolen; when it runs again, it steps down and is not heard', async () => {
  const [leader, ...others] = (await tabs(3)) as [Page, ...Page[]];
  const devtools = await context.newCDPSession(leader);
  await devtools.send('Debugger.enable');
  await devtools.send('Debugger.pause');
  // Pauses before its next statement.
  const evaluated = leader.evaluate(() => window.live.state);
  await site.write('second');
  await show('second', ...others);
  await live(...others);
  await site.write('third');
  await show('third', ...others);
  await devtools.send('Debugger.disable');
  await evaluated;
  await show('third', leader);
  await live(leader, ...others);
  await becomes('one stream', async () => (await site.streams()) === 1);
  for (const page of others) expect(await toldTo(page)).toEqual(['/steps/7', '/steps/7']);
  expect(await leader.evaluate(() => window.states)).toContain('retrying: handover');
});

test('a page that comes out of the back-forward cache has missed nothing', async () => {
  const [leader, other] = (await tabs(2)) as [Page, Page];
  await leader.evaluate(() => {
    Object.assign(window, { isTheSame: true });
  });
  await leader.goto('about:blank');
  await site.write('second');
  await show('second', other);
  await live(other);
  await leader.goBack({ waitUntil: 'commit' });
  await show('second', leader);
  await live(leader);
  expect(await leader.evaluate(() => 'isTheSame' in window)).toBe(true);
  expect(await toldTo(leader)).toEqual(['/steps/7']);
  await becomes('one stream', async () => (await site.streams()) === 1);
});

test('tabs with other filters widen the one stream, and each is told what it asked for', async () => {
  const [leader] = (await tabs(1)) as [Page];
  const others = await Promise.all(['/steps/*', '/trips/*'].map((match) => openTab(context, site, `?match=${match}`)));
  await live(leader, ...others);
  await becomes('one stream', async () => (await site.streams()) === 1);
  await site.write('second');
  await show('second', leader, others[0] as Page);
  expect(await Promise.all([leader, ...others].map(toldTo))).toEqual([['/steps/7'], ['/steps/7'], []]);
});

test('without a secure context, each tab has a stream of its own, and a warning says so', async () => {
  const insecure = site.url.replace('127.0.0.1', 'step.example');
  const pages = await Promise.all(
    [1, 2].map(async () => {
      const page = await context.newPage();
      await page.goto(insecure);
      return page;
    }),
  );
  await live(...pages);
  expect(await site.streams()).toBe(2);
  for (const page of pages) expect(await page.evaluate(() => window.warnings)).toEqual(['unshared']);
  await site.write('second');
  await show('second', ...pages);
});
