import { afterEach, expect, test, vi } from 'vitest';
import { type FollowOptions, follow, type Mutate } from '../../src/client/swr.ts';
import { scriptedLive } from './scripted-live.ts';

/* What a browser is not needed for. test/browser/swr.test.ts has the rest, with SWR itself. */

test('what a revalidation throws is on the console, and the next event is followed', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const asked: unknown[] = [];
  const error = new Error("the application's onError is broken");
  const mutate: Mutate = (key) => {
    if (typeof key === 'function') return Promise.resolve((key as (key: unknown) => boolean)('/steps/7'));
    asked.push(key);
    return Promise.reject(error);
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

/** A cache of SWR with two keys, and what is revalidated of it. */
function cacheWith(options: FollowOptions = {}, steps: (id: string) => readonly string[] = (id) => [`/steps/${id}`]) {
  const asked: unknown[] = [];
  const mutate: Mutate = async (key) => {
    if (typeof key !== 'function') return void asked.push(key);
    for (const cached of ['/steps/7', '/trips/1']) (key as (key: unknown) => boolean)(cached);
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
