import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareIds } from '../../src/client/event-id.ts';
import type { ConnectOptions } from '../../src/client/types.ts';
import { budget } from '../support/budget.ts';
import { statesOf, type Tab, type World, world } from './world.ts';

/** A frozen leader is replaced within this time. */
const TAKEOVER_MS = 10_000;

async function opened(on: World, count: number): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (let i = 0; i < count; i++) {
    tabs.push(on.open({ match: ['/:x'] }));
    await on.pass(500);
  }
  return tabs;
}

test('twelve tabs at once ask for one stream', async () => {
  const on = world();
  for (let i = 0; i < 12; i++) on.open();
  await on.pass(1_000);
  expect(on.asked).toBe(1);
  expect(new Set(statesOf(on.tabs))).toEqual(new Set(['live']));
  on.write('/a');
  await on.pass(100);
  for (const { told } of on.tabs) expect(told).toEqual(['e1-1']);
});

test('a tab is not live before the gateway has confirmed the stream', async () => {
  const on = world();
  on.isUp = false;
  const tabs = await opened(on, 2);
  await on.pass(20_000);
  expect(statesOf(tabs)).toEqual(['retrying', 'retrying']);
  on.isUp = true;
  await on.pass(60_000);
  expect(statesOf(tabs)).toEqual(['live', 'live']);
});

test('a suspended leader is replaced in time; what it sends later is not heard', async () => {
  const on = world();
  const [leader, one, other] = (await opened(on, 3)) as [Tab, Tab, Tab];
  leader.suspend();
  await on.pass(TAKEOVER_MS);
  expect(statesOf([one, other])).toEqual(['live', 'live']);
  on.write('/a');
  await on.pass(100);
  expect([one.told, other.told]).toEqual([['e1-1'], ['e1-1']]);
  leader.comeBack();
  await on.pass(5_000);
  expect(on.streams.size).toBe(1);
  expect([leader.told, one.told, other.told]).toEqual([['e1-1'], ['e1-1'], ['e1-1']]);
  expect(leader.states).toEqual(['live', 'retrying: handover', 'live']);
});

test('a tab that comes back behind the others is told what it missed, and the others nothing twice', async () => {
  const on = world();
  const [first, second] = (await opened(on, 2)) as [Tab, Tab];
  second.leave();
  for (const path of ['/a', '/b', '/c']) on.write(path);
  await on.pass(1_000);
  second.comeBack();
  await on.pass(1_000);
  expect([first.told, second.told]).toEqual([
    ['e1-1', 'e1-2', 'e1-3'],
    ['e1-1', 'e1-2', 'e1-3'],
  ]);
  expect(second.live.state).toBe('live');
});

test('what happens while a tab catches up does not hide what it missed', async () => {
  const on = world();
  const [, second] = (await opened(on, 2)) as [Tab, Tab];
  second.leave();
  on.write('/a');
  await on.pass(1_000);
  second.comeBack();
  await on.settle();
  on.write('/b');
  await on.pass(1_000);
  expect(second.told).toEqual(['e1-1', 'e1-2']);
});

test('a leader that opens anew does not make others miss what it never saw', async () => {
  const on = world();
  const [leader, witness] = (await opened(on, 2)) as [Tab, Tab];
  on.write('/a');
  await on.pass(100);
  // The witness cannot hear: the next leader is one that has seen nothing.
  witness.suspend();
  const late = on.open({ match: ['/:x'] });
  on.write('/b');
  leader.crash();
  await on.pass(TAKEOVER_MS);
  witness.comeBack();
  await on.pass(TAKEOVER_MS);
  expect(witness.told).toEqual(['e1-1', 'e1-2']);
  expect(statesOf([witness, late])).toEqual(['live', 'live']);
});

test('other filters widen the stream; each tab is told its own, and the state of the first stays live', async () => {
  const on = world();
  const first = on.open({ match: ['/a'] });
  await on.pass(500);
  const others = ['/b', '/c'].map((path) => on.open({ match: [path] }));
  await on.pass(2_000);
  expect(statesOf([first, ...others])).toEqual(['live', 'live', 'live']);
  expect(on.streams.size).toBe(1);
  for (const path of ['/a', '/b', '/c', '/d']) on.write(path);
  await on.pass(100);
  expect([first, ...others].map(({ told }) => told)).toEqual([['e1-1'], ['e1-2'], ['e1-3']]);
  expect(first.states).toEqual(['live']);
});

test('without locks, each tab has a stream of its own, and one warning', async () => {
  const on = world();
  const tabs = [1, 2].map(() => on.open({ isSecure: false }));
  await on.pass(1_000);
  expect(on.streams.size).toBe(2);
  expect(tabs.map(({ warnings }) => warnings)).toEqual([['unshared'], ['unshared']]);
});

test.each<[string, ConnectOptions, readonly string[]]>([
  ['shares a stream is warned that its own writes are told', { clientId: 'me' }, ['echo']],
  ['has a stream of its own is not', { clientId: 'me', shared: false }, []],
  ['shares a stream, and names no client, is not', {}, []],
])('a tab that %s', async (_, options, warnings) => {
  const on = world();
  const tab = on.open(options);
  await on.pass(1_000);
  expect(tab.warnings).toEqual(warnings);
});

test('a tab that is closed while its token is asked for shares no stream, and is warned of nothing', async () => {
  const on = world();
  const auth = (): string => {
    tab.live.close();
    return 'token';
  };
  const tab: Tab = on.open({ clientId: 'me', auth });
  await on.pass(1_000);
  expect([tab.live.state, tab.warnings]).toEqual(['stopped', []]);
});

test('messages of another version, and what is no message at all, are ignored', async () => {
  const on = world();
  const [tab] = (await opened(on, 1)) as [Tab];
  const stranger = on.open({ shared: false });
  const name = JSON.stringify(['unstale', 1, 'https://app.example/_unstale/events', null, null]);
  const channel = on.platform(stranger).tabs?.channel(name);
  const status = { from: 'x', is: 'status', term: [9e15, 'x'], state: 'retrying', filter: { match: [], tags: [] } };
  for (const message of [{ ...status, v: 2 }, status, 'hello', null]) channel?.postMessage(message);
  await on.settle();
  expect(tab.states).toEqual(['live']);
  // With this version, it would be a later leader.
  channel?.postMessage({ ...status, v: 1 });
  await on.settle();
  expect(tab.states).toEqual(['live', 'retrying']);
});

const operations = fc.array(
  fc.record({
    what: fc.constantFrom(
      'open',
      'open',
      'write',
      'write',
      'write',
      'write',
      'pass',
      'pass',
      'pass',
      'crash',
      'close',
      'leave',
      'suspend',
      'back',
      'back',
      'stop',
      'start',
      'restart',
      'silence',
      'offline',
      'network',
    ),
    which: fc.nat(11),
    ms: fc.constantFrom(0, 10, 100, 1_000, 5_000, 20_000, 60_000),
  }),
  { minLength: 5, maxLength: 60 },
);
const paths = ['/a', '/b', '/c'];
const filters: readonly string[][] = [['/a'], ['/b', '/c'], ['/:x'], []];

test('whatever happens to tabs and gateway, at rest every tab shows what there is, by one stream', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), operations, async (seed, steps) => {
      const on = world(seed + 1);
      const tabs = (): Tab[] => on.tabs.filter(({ isGone }) => !isGone);
      for (const { what, which, ms } of steps) {
        const tab = tabs()[which % Math.max(1, tabs().length)];
        if (what === 'open' && tabs().length < 6) on.open({ match: filters[which % filters.length] as string[] });
        else if (what === 'write') on.write(paths[which % paths.length] as string);
        else if (what === 'pass') await on.pass(ms);
        else if (what === 'crash') tab?.crash();
        else if (what === 'close') tab?.close();
        else if (what === 'leave') tab?.leave();
        else if (what === 'suspend') tab?.suspend();
        else if (what === 'back') tab?.comeBack();
        else if (what === 'stop') on.stop();
        else if (what === 'start') on.isUp = true;
        else if (what === 'restart') on.restart();
        else if (what === 'silence') on.silence();
        else if (tab !== undefined) tab.isOffline = what === 'offline';
        if (what === 'network') tab?.happen('network');
        await on.settle();
      }
      on.isUp = true;
      for (const tab of tabs()) {
        tab.isOffline = false;
        tab.comeBack();
      }
      await on.pass(10 * 60_000);
      expect(statesOf(tabs())).toEqual(tabs().map(() => 'live'));
      expect(on.streams.size).toBe(Math.min(1, tabs().length));
      for (const { options, shown, told } of tabs()) {
        const { match = [] } = options;
        for (const [path, version] of on.versions)
          if (match.length === 0 || match.includes(path) || match.includes('/:x'))
            expect(shown.get(path)).toBe(version);
        const ids = told.filter((each) => each.startsWith('e'));
        for (const [i, id] of ids.entries()) if (i > 0) expect(compareIds(ids[i - 1] as string, id) >= 0).toBe(false);
      }
    }),
    { numRuns: Number(process.env.TABS_RUNS ?? budget({ local: 60, ci: 500 })) },
  );
}, 120_000);
