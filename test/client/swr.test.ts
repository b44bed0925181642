import { afterEach, expect, test, vi } from 'vitest';
import { type FollowOptions, follow, type Mutate, type SwrKey } from '../../src/client/swr.ts';
import { scriptedLive } from './scripted-live.ts';

/* What a browser is not needed for. test/browser/swr.test.ts has the rest, with SWR itself. */

test.each<[string, (error: Error) => Promise<never>]>([
  ['rejects with', (error) => Promise.reject(error)],
  [
    'throws at once',
    (error) => {
      throw error;
    },
  ],
])('what a revalidation %s is on the console, and the next event is followed', async (_, fail) => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const asked: unknown[] = [];
  const error = new Error("the application's onError is broken");
  const mutate: Mutate = (key) => {
    if (typeof key === 'function') return Promise.resolve((key as (key: unknown) => boolean)('/steps/7'));
    asked.push(key);
    return fail(error);
  };
  const live = scriptedLive('connecting');
  follow(mutate, live, { '/steps/:id': ({ id }) => [`/steps/${id}`] });
  for (const id of ['e-1', 'e-2']) {
    live.event({ id, paths: ['/steps/7'] });
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(asked).toEqual(['/steps/7', '/steps/7']);
  expect(warn.mock.calls).toEqual([
    ['unstale:', error],
    ['unstale:', error],
  ]);
  warn.mockRestore();
});

/** A cache of SWR, and what is revalidated of it. */
function cacheWith(
  options: FollowOptions = {},
  steps: (id: string) => readonly SwrKey[] = (id) => [`/steps/${id}`],
  keys: readonly SwrKey[] = ['/steps/7', '/trips/1'],
) {
  const asked: unknown[] = [];
  const mutate: Mutate = async (key) => {
    if (typeof key !== 'function') return void asked.push(key);
    for (const cached of keys) (key as (key: unknown) => boolean)(cached);
  };
  const live = scriptedLive('connecting');
  const end = follow(mutate, live, { '/steps/:id': ({ id }) => steps(id) }, options);
  return { asked, live, end };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test.each<[string, FollowOptions, readonly string[]]>([
  ['every key', {}, ['/steps/7', '/trips/1']],
  ['the keys that it is about', { keys: (key) => key === '/trips/1' }, ['/trips/1']],
])('a resync revalidates %s', async (_, options, keys) => {
  const { asked, live } = cacheWith(options);
  live.resync('e-1');
  await turn();
  expect(asked).toEqual(keys);
});

test('an event that the map cannot read is a warning with its id, and every key is revalidated', async () => {
  const { asked, live } = cacheWith({}, () => {
    throw new Error('no such id');
  });
  live.event({ id: 'e-1', paths: ['/steps/7'] });
  await turn();
  expect(asked).toEqual(['/steps/7', '/trips/1']);
  expect(live.warnings).toMatchObject([{ id: 'e-1', message: expect.stringContaining('no such id') }]);
});

test.each<[string, readonly SwrKey[]]>([
  [
    'undefined and null',
    [
      ['steps', undefined],
      ['steps', null],
    ],
  ],
  [
    'a date and its text',
    [
      ['at', new Date(0)],
      ['at', '1970-01-01T00:00:00.000Z'],
    ],
  ],
  [
    'two maps',
    [
      ['of', new Map([[1, 2]])],
      ['of', new Map([[3, 4]])],
    ],
  ],
  ['a bigint', [['wallet', 7n], '/steps/7']],
])('keys that SWR tells apart are revalidated each for itself: %s', async (_, keys) => {
  const { asked, live } = cacheWith({}, undefined, keys);
  live.resync('e-1');
  await turn();
  expect(asked).toEqual(keys);
});

test('a key that the filter of the application cannot read is revalidated, and so are those behind it', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const error = new Error('no list');
  const keys = (key: SwrKey): boolean => {
    if (key === '/steps/7') throw error;
    return true;
  };
  const { asked, live } = cacheWith({ keys });
  live.resync('e-1');
  await turn();
  expect(asked).toEqual(['/steps/7', '/trips/1']);
  expect(warn.mock.calls).toEqual([['unstale:', error]]);
  warn.mockRestore();
});

test.each<[string, (id: string) => readonly SwrKey[], string, readonly SwrKey[]]>([
  ['that SWR does not list is revalidated: it may have been preloaded', (id) => [['step', id]], '7', [['step', '7']]],
  ['that SWR lists, too, is revalidated once', (id) => [`/steps/${id}`], '7', ['/steps/7']],
  ['with a wildcard is only looked for', (id) => [`/steps/${id}`], '*', ['/steps/7']],
])('a key of the map %s', async (_, steps, id, keys) => {
  const { asked, live } = cacheWith({}, steps);
  live.event({ id: 'e-1', paths: [`/steps/${id}`] });
  await turn();
  expect(asked).toEqual(keys);
});

test.each<[string, (live: ReturnType<typeof scriptedLive>) => void, boolean]>([
  ['a resync drops', (live) => live.resync('e-1'), true],
  ['a wildcard drops', (live) => live.event({ paths: ['/steps/*'] }), true],
  ['an event of one step leaves', (live) => live.event({ paths: ['/steps/7'] }), false],
])('%s what SWR has no key for yet, under suspense', async (_, tell, isDropped) => {
  const dropped: unknown[] = [];
  const mutate: Mutate = async (key) => {
    if (typeof key !== 'function') return;
    for (const cached of [undefined, '/trips/1']) {
      if ((key as (key: unknown) => boolean)(cached)) dropped.push(cached);
    }
  };
  const live = scriptedLive('connecting');
  follow(mutate, live, { '/steps/:id': ({ id }) => [`/steps/${id}`] });
  tell(live);
  expect(dropped).toEqual(isDropped ? [undefined] : []);
});

afterEach(() => {
  vi.useRealTimers();
});

test.each<[string, (live: ReturnType<typeof scriptedLive>) => void, readonly string[]]>([
  ['an event', (live) => live.event({ paths: ['/steps/7'], refetchWithinMs: 1_000 }), ['/steps/7']],
  ['a resync', (live) => live.resync('e-1', { refetchWithinMs: 1_000 }), ['/steps/7', '/trips/1']],
])(
  'revalidations after %s are spread over what the gateway says, and none comes after the end',
  async (_, tell, keys) => {
    vi.useFakeTimers();
    const { asked, live, end } = cacheWith({ random: () => 0.5 });
    tell(live);
    await vi.advanceTimersByTimeAsync(499);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toEqual(keys);
    tell(live);
    end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual(keys);
  },
);
