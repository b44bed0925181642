import { expect, test } from 'vitest';
import { statesOf, type Tab, type World, world } from './world.ts';

/* Whose stream it is that tabs share: by their tokens. */

const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;

test.each<[string, string, string, number]>([
  ['of one user', jwt({ sub: 'é', exp: 1, jti: 'a' }), jwt({ sub: 'é', exp: 2, jti: 'b' }), 1],
  ['of two users', jwt({ sub: 'a', exp: 1 }), jwt({ sub: 'b', exp: 1 }), 2],
  ['with other rights', jwt({ sub: 'a', unstale: ['/a'] }), jwt({ sub: 'a', unstale: ['/b'] }), 2],
  ['of two logins', jwt({ sub: 'a', nonce: '1', sid: 's', uti: 'x' }), jwt({ sub: 'a', nonce: '2', uti: 'y' }), 1],
  ['that are no JWTs', 'secret', 'other', 2],
  ['that are the same', 'secret', 'secret', 1],
])('tabs with tokens %s', async (_what, one, other, streams) => {
  const on = world();
  const tabs = [one, other].map((token) => on.open({ auth: () => token }));
  await on.pass(1_000);
  expect(statesOf(tabs)).toEqual(['live', 'live']);
  expect(on.streams.size).toBe(streams);
});

const ann = jwt({ sub: 'ann', exp: 1 });
const ben = jwt({ sub: 'ben', exp: 1 });

/** Tabs of Ann that are live, the first of which leads. The tokens can be set. */
async function tabsOfAnn(on: World, count: number): Promise<{ readonly tabs: Tab[]; readonly tokens: string[] }> {
  const tokens = Array.from({ length: count }, () => ann);
  const tabs: Tab[] = [];
  for (const i of tokens.keys()) {
    tabs.push(on.open({ auth: () => tokens[i] }));
    await on.pass(500);
  }
  return { tabs, tokens };
}

/** As a gateway that has ended them, because the token has expired, for instance. */
function endStreams(on: World): void {
  on.stop();
  on.isUp = true;
}

const streamsOf = (on: World): (readonly [Tab, string | null])[] =>
  [...on.streams].map(({ tab, token }) => [tab, token] as const);

test("a leader whose token is another user's leaves the others, and what he is told is not theirs", async () => {
  const on = world();
  const { tabs, tokens } = await tabsOfAnn(on, 3);
  const [leader, second, third] = tabs as [Tab, Tab, Tab];
  tokens[0] = ben;
  endStreams(on);
  await on.pass(20_000);
  expect(statesOf(tabs)).toEqual(['live', 'live', 'live']);
  expect(new Map(streamsOf(on))).toEqual(
    new Map([
      [leader, `Bearer ${ben}`],
      [second, `Bearer ${ann}`],
    ]),
  );
  // What it was told, and has fetched, was what Ann may see.
  expect(leader.told).toEqual(['resync gap']);
  expect(tabs.map(({ warnings }) => warnings)).toEqual([['user'], [], []]);
  on.write('/a');
  await on.pass(100);
  expect([leader.told.at(-1), second.told, third.told]).toEqual(['e1-1', ['e1-1'], ['e1-1']]);
  tokens.fill(ben);
  endStreams(on);
  await on.pass(20_000);
  expect(on.streams.size).toBe(1);
  on.write('/b');
  await on.pass(100);
  for (const { told } of tabs) expect(told.at(-1)).toBe('e1-2');
});

test('a tab that takes over asks for a token: the one that it joined with may be of a user who is gone', async () => {
  const on = world();
  const { tabs, tokens } = await tabsOfAnn(on, 2);
  const [leader, follower] = tabs as [Tab, Tab];
  await on.pass(60_000);
  tokens[1] = ben;
  leader.close();
  await on.pass(20_000);
  expect(streamsOf(on)).toEqual([[follower, `Bearer ${ben}`]]);
  expect(follower.live.state).toBe('live');
});

test('a new token of the same user changes nothing', async () => {
  const on = world();
  const { tabs, tokens } = await tabsOfAnn(on, 2);
  tokens.fill(jwt({ sub: 'ann', exp: 2 }));
  endStreams(on);
  await on.pass(20_000);
  expect(on.streams.size).toBe(1);
  for (const { told, warnings } of tabs) expect([told, warnings]).toEqual([[], []]);
});

test('a tab that is closed by the warning does not go on as the other user', async () => {
  const on = world();
  const { tabs, tokens } = await tabsOfAnn(on, 1);
  const { live } = tabs[0] as Tab;
  live.on('warning', () => live.close());
  tokens[0] = ben;
  endStreams(on);
  await on.pass(60_000);
  expect([live.state, on.streams.size]).toEqual(['stopped', 0]);
});

test.each<[string, () => Promise<string>]>([
  ['never answers', () => new Promise(() => {})],
  ['fails', () => Promise.reject(new Error('no network'))],
])('while auth() %s, a tab that joins is retrying; then it shares', async (_what, fails) => {
  const on = world();
  let auth = fails;
  const tabs = Array.from({ length: 12 }, () => on.open({ auth: () => auth() }));
  await on.pass(16_000);
  expect(new Set(statesOf(tabs))).toEqual(new Set(['retrying']));
  for (const { states, warnings } of tabs) {
    expect(states).toEqual(['retrying: auth']);
    expect(new Set(warnings)).toEqual(new Set(['auth']));
  }
  auth = () => Promise.resolve(ann);
  await on.pass(60_000);
  expect(new Set(statesOf(tabs))).toEqual(new Set(['live']));
  expect(on.streams.size).toBe(1);
});

test.each<[string, () => Promise<string>]>([
  ['never answers', () => new Promise(() => {})],
  ['fails', () => Promise.reject(new Error('no session'))],
])('if auth() of the tab that leads %s, another one with a token leads', async (_what, fails) => {
  const on = world();
  let auth: () => string | Promise<string> = () => ann;
  const leader = on.open({ auth: () => auth() });
  await on.pass(500);
  const other = on.open({ auth: () => ann });
  await on.pass(1_000);
  auth = fails;
  endStreams(on);
  on.write('/a');
  await on.pass(40_000);
  expect(streamsOf(on)).toEqual([[other, `Bearer ${ann}`]]);
  expect(statesOf([leader, other])).toEqual(['live', 'live']);
  expect([leader.told, other.told]).toEqual([['e1-1'], ['e1-1']]);
});

test('a tab that waits for a token asks at once when there is a network again', async () => {
  const on = world();
  let asked = 0;
  const tab = on.open({ auth: () => (asked++ === 0 ? Promise.reject(new Error('no network')) : ann) });
  await on.settle();
  tab.happen('network');
  await on.settle();
  expect(asked).toBe(2);
});

test('a tab that is closed while it waits for a token asks no more', async () => {
  const on = world();
  let asked = 0;
  const tab = on.open({
    auth: () => {
      asked += 1;
      throw new Error('no network');
    },
  });
  await on.settle();
  tab.live.close();
  await on.pass(60_000);
  expect([asked, tab.states, on.streams.size]).toEqual([1, ['retrying: auth', 'stopped: closed'], 0]);
});

test('a tab that is left while it waits for a token joins when it is back', async () => {
  const on = world();
  let answer: (token: string) => void = () => {};
  const token = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const tab = on.open({ auth: () => token });
  await on.settle();
  tab.happen('left');
  answer(ann);
  await on.pass(1_000);
  expect(on.streams.size).toBe(0);
  tab.happen('back');
  await on.pass(1_000);
  expect([tab.live.state, on.streams.size]).toEqual(['live', 1]);
});
