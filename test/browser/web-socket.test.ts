import type { Page } from 'playwright-core';
import { beforeEach, expect, test } from 'vitest';
import { context, site, useSite } from './rig.ts';
import { becomes } from './site.ts';

/* The WebSocket of Chromium, as docs/websocket.md says how to use it. */

interface Said {
  readonly type: string;
  readonly id?: string;
  readonly ref?: string;
  readonly data?: { readonly paths?: readonly string[] };
}

declare global {
  interface Window {
    socket: WebSocket;
    /** What came over all sockets, in order. */
    said: Said[];
    closings: { readonly code: number; readonly reason: string }[];
    /** Opens a socket with a query. It resumes after the last message that had an id. */
    openSocket(query: string): void;
  }
}

let page: Page;

useSite();
beforeEach(async () => {
  page = await context.newPage();
  await page.goto(`${site.url}/page.js`);
  await page.evaluate(() => {
    window.said = [];
    window.closings = [];
    window.openSocket = (query) => {
      const last = window.said.findLast(({ id }) => id !== undefined)?.id;
      const resumed = last === undefined ? query : `${query}&lastEventId=${encodeURIComponent(last)}`;
      window.socket = new WebSocket(`ws://${location.host}/_unstale/ws?${resumed}`);
      window.socket.onmessage = ({ data }) => window.said.push(JSON.parse(data));
      window.socket.onclose = ({ code, reason }) => window.closings.push({ code, reason });
    };
  });
});

const open = (query: string): Promise<void> => page.evaluate((each) => window.openSocket(each), query);
const said = (): Promise<Said[]> => page.evaluate(() => window.said);
const saidTypes = async (): Promise<string[]> => (await said()).map(({ type }) => type);
const saysLast = (type: string): Promise<void> => becomes(type, async () => (await saidTypes()).at(-1) === type);

test('it subscribes, is told what changes, and resumes where it broke off', async () => {
  await open('subscribe=none');
  await saysLast('ready');
  await page.evaluate(() => {
    window.socket.send(JSON.stringify({ type: 'subscribe', ref: 'steps', match: ['/steps/:id'] }));
  });
  await saysLast('subscribed');
  await site.write('second');
  await saysLast('event');
  expect((await said()).at(-1)?.data?.paths).toEqual(['/steps/7']);
  site.line.drop();
  await becomes('closed', () => page.evaluate(() => window.closings.length === 1));
  await site.write('third');
  await open('match=/steps/:id');
  await becomes('ready', async () => (await saidTypes()).filter((type) => type === 'ready').length === 2);
  expect(await saidTypes()).toEqual(['ready', 'subscribed', 'event', 'event', 'ready']);
});

test('a gateway that is restarted says when to come back, and the next one that its log is another', async () => {
  await open('match=/steps/:id');
  await saysLast('ready');
  await site.restart();
  await becomes('closed', () => page.evaluate(() => window.closings.length === 1));
  expect(await page.evaluate(() => window.closings)).toEqual([
    { code: 1012, reason: expect.stringMatching(/reconnect after \d+ ms$/) },
  ]);
  await open('match=/steps/:id');
  await becomes('resync', async () => (await saidTypes()).includes('resync'));
  await site.write('second');
  await saysLast('event');
  expect((await saidTypes()).filter((type) => type !== 'ready')).toEqual(['resync', 'event']);
});
