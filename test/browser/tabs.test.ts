import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { context, site, useSite } from './rig.ts';
import { becomes, live, openTab, show, toldTo } from './site.ts';

declare global {
  interface Window {
    /** Lets so much time pass at once. */
    advance(ms: number): void;
    /** How often the page has stolen a lock. */
    steals: number;
  }
}

/** In a page: `advance` lets so much time pass at once. Playwright's clock is that of all pages, and waits for each. */
function advanceableTime(): void {
  const [now, set, clear] = [performance.now.bind(performance), window.setTimeout, window.clearTimeout];
  const due = new Map<number, { readonly at: number; readonly run: () => void }>();
  let advanced = 0;
  performance.now = () => now() + advanced;
  const setTimeout = (run: () => void, ms = 0): number => {
    const id = set(() => {
      due.delete(id);
      run();
    }, ms);
    due.set(id, { at: performance.now() + ms, run });
    return id;
  };
  const clearTimeout = (id: number): void => {
    due.delete(id);
    clear(id);
  };
  Object.assign(window, { setTimeout, clearTimeout, steals: 0 });
  window.advance = (ms) => {
    const end = performance.now() + ms;
    for (;;) {
      const [first] = [...due].sort(([, a], [, b]) => a.at - b.at);
      if (first === undefined || first[1].at > end) break;
      advanced += Math.max(0, first[1].at - performance.now());
      clearTimeout(first[0]);
      first[1].run();
    }
    advanced += Math.max(0, end - performance.now());
  };
  const request = navigator.locks.request.bind(navigator.locks) as (...given: unknown[]) => Promise<unknown>;
  const counted = (name: string, options: LockOptions, granted: unknown): Promise<unknown> => {
    if (options.steal === true) window.steals += 1;
    return request(name, options, granted);
  };
  Object.assign(navigator.locks, { request: counted });
}

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
  await becomes('one stream', async () => (await site.streams()) === 1);
  await site.write('second');
  await show('second', ...pages);
  // A leader that the machine holds up for long loses the lock, and says so. Nothing else asks for a stream.
  const states = (await Promise.all(pages.map((page) => page.evaluate(() => window.states)))).flat();
  expect(site.line.asked).toBeLessThanOrEqual(1 + states.filter((state) => state.startsWith('retrying')).length);
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

test('the lock of a suspended leader is stolen within ten seconds, by the clock of those who follow', async () => {
  const [leader] = (await tabs(1)) as [Page];
  const follower = await context.newPage();
  await follower.addInitScript(advanceableTime);
  await follower.goto(`${site.url}?match=/steps/:id`);
  await live(follower);
  const devtools = await context.newCDPSession(leader);
  await devtools.send('Debugger.enable');
  await devtools.send('Debugger.pause');
  const evaluated = leader.evaluate(() => window.live.state);
  await follower.evaluate(() => window.advance(10_000));
  expect(await follower.evaluate(() => window.steals)).toBeGreaterThan(0);
  await site.write('second');
  await show('second', follower);
  await devtools.send('Debugger.disable');
  await evaluated;
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
