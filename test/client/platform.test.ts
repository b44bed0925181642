import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { platform } from '../../src/client/platform.ts';

/* What the client hears of its page. test/browser has the rest, in a browser. */

let page: EventTarget & { visibilityState: string };
let global: EventTarget;
beforeEach(() => {
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  global = new EventTarget();
  vi.stubGlobal('document', page);
  vi.stubGlobal('addEventListener', global.addEventListener.bind(global));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const show = (state: string) => (): void => {
  page.visibilityState = state;
  page.dispatchEvent(new Event('visibilitychange'));
};
const shown = (persisted: boolean) => (): void =>
  void global.dispatchEvent(Object.assign(new Event('pageshow'), { persisted }));

test.each<[string, () => void, readonly string[]]>([
  ['there is a network again', () => void global.dispatchEvent(new Event('online')), ['network']],
  ['it is visible again', show('visible'), ['shown']],
  ['it is hidden', show('hidden'), []],
  ['it is left', () => void global.dispatchEvent(new Event('pagehide')), ['left']],
  ['it comes back from the back-forward cache', shown(true), ['back']],
  ['it is shown for the first time', shown(false), []],
  ['it is frozen', () => void page.dispatchEvent(new Event('freeze')), ['left']],
  ['it is resumed', () => void page.dispatchEvent(new Event('resume')), ['back']],
])('a page is heard of when %s, and no more once nobody listens', (_, happen, happenings) => {
  const heard: string[] = [];
  const stop = platform.listen((happening) => void heard.push(happening));
  happen();
  expect(heard).toEqual(happenings);
  stop();
  happen();
  expect(heard).toEqual(happenings);
});
