import { expect, test } from 'vitest';
import { statesOf, type Tab, type World, world } from './world.ts';

/* A tab that leads, and gets no live stream, lets the others try. */

type Auth = () => string | Promise<string>;

const token: Auth = () => 'token';
const failures: [string, Auth][] = [
  ['never answers', () => new Promise(() => {})],
  ['fails', () => Promise.reject(new Error('no session'))],
];

/** Tabs of one user. The first one leads. Each calls what `auths` then has for it. */
async function opened(on: World, auths: readonly Auth[]): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (const i of auths.keys()) {
    tabs.push(on.open({ scope: 'ann', auth: () => auths[i]?.() }));
    await on.pass(500);
  }
  return tabs;
}

test.each(failures)('if auth() of the first tab %s from the beginning, another one leads', async (_what, fails) => {
  const on = world();
  const tabs = await opened(on, [fails, token]);
  await on.pass(40_000);
  expect(statesOf(tabs)).toEqual(['live', 'live']);
  expect([...on.streams].map(({ tab }) => tab)).toEqual([tabs[1]]);
});

test.each(failures)('if auth() of two tabs %s, the third one leads', async (_what, fails) => {
  const on = world();
  const auths = [token, token, token];
  const tabs = await opened(on, auths);
  auths.fill(fails, 0, 2);
  on.stop();
  on.isUp = true;
  on.write('/a');
  await on.pass(80_000);
  expect(statesOf(tabs)).toEqual(['live', 'live', 'live']);
  expect([...on.streams].map(({ tab }) => tab)).toEqual([tabs[2]]);
  expect(tabs.map(({ told }) => told)).toEqual([['e1-1'], ['e1-1'], ['e1-1']]);
});

test.each([1, 2, 4])('%i tabs come no sooner than Retry-After says', async (count) => {
  const on = world();
  const tabs = await opened(on, Array(count).fill(token));
  const asked: number[] = [];
  on.answer = async () => {
    asked.push(on.now);
    return new Response(null, { status: 503, headers: { 'Retry-After': '300' } });
  };
  on.stop();
  await on.pass(300_000);
  expect(asked).toHaveLength(1);
  await on.pass(10_000);
  const [first = 0, second = 0] = asked;
  expect(second - first).toBeGreaterThanOrEqual(300_000);
  expect(new Set(statesOf(tabs))).toEqual(new Set(['retrying']));
});
