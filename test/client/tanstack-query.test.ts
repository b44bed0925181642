import { MutationObserver, QueryObserver } from '@tanstack/query-core';
import { describe, expect, test, vi } from 'vitest';
import { follow } from '../../src/client/tanstack-query.ts';
import { api, change, client, followed, live, show, shown, startConnecting, turn, useQueryRig } from './query-rig.ts';

useQueryRig();

test('an event refetches what is on the screen, and nothing else', async () => {
  followed();
  await turn();
  const [step, trip] = [await shown(), await shown(['trip', 3])];
  change('e-1');
  expect(api.fetches).toBe(3);
  await api.answer();
  expect([step.data(), trip.data()]).toEqual([2, 1]);
});

test('an event during the first fetch is kept: the query is fetched once more', async () => {
  followed();
  await turn();
  const step = show();
  change('e-1');
  expect(api.fetches).toBe(1);
  await api.answer();
  expect(api.fetches).toBe(2);
  await api.answer();
  expect(step.data()).toBe(2);
  expect(api.fetches).toBe(2);
});

test.each([
  ['while nothing is fetched', true],
  ['during the first fetch', false],
])('ten events %s make two fetches: one that runs, and one after it', async (_, settled) => {
  followed();
  await turn();
  const step = settled ? await shown() : show();
  const before = settled ? 1 : 0;
  for (let i = 1; i <= 10; i++) change(`e-${i}`);
  await api.answer();
  await api.answer();
  expect(step.data()).toBe(11);
  expect(api.fetches - before).toBe(2);
});

test('the second fetch is spared if the answer of the first is newer than all events', async () => {
  followed();
  await turn();
  api.cursor = 'e-0';
  const step = await shown();
  change('e-1');
  api.cursor = 'e-9';
  for (let i = 2; i <= 9; i++) change(`e-${i}`);
  await api.answer();
  expect(api.fetches).toBe(3);
  await api.answer();
  expect(step.data()).toBe(10);
  expect(api.fetches).toBe(3);
});

test('a query that is not on the screen becomes stale, and is fetched when it is shown', async () => {
  followed();
  await turn();
  (await shown()).close();
  change('e-1');
  expect(api.fetches).toBe(1);
  const again = await shown();
  expect(again.data()).toBe(2);
});

test('a query that is disabled is not fetched', async () => {
  followed();
  await turn();
  await shown();
  show(['trip', 3], { enabled: false });
  live.resync('e-5');
  await api.answer();
  expect(api.fetches).toBe(2);
});

test('a fetch that fails leaves the query stale, and the event is tried once more', async () => {
  let answer: (value: Promise<number>) => void = () => {};
  const queryFn = vi.fn(() => new Promise<number>((resolve) => (answer = resolve)));
  followed();
  await turn();
  const observer = new QueryObserver(client, { queryKey: ['step', 7], queryFn, retry: false });
  observer.subscribe(() => {});
  change('e-1');
  answer(Promise.reject(new Error('no network')));
  await turn();
  expect(queryFn).toHaveBeenCalledTimes(2);
  answer(Promise.resolve(2));
  await turn();
  expect(observer.getCurrentResult().data).toBe(2);
});

test('what could not be fetched is fetched when the connection is live again', async () => {
  followed();
  await turn();
  const step = await shown();
  const { read } = api;
  const failing = vi.fn(() => Promise.reject(new Error('no network')));
  client
    .getQueryCache()
    .find({ queryKey: ['step', 7] })
    ?.setOptions({ queryKey: ['step', 7], queryFn: failing, retry: false });
  change('e-1');
  await turn();
  live.become('retrying');
  client
    .getQueryCache()
    .find({ queryKey: ['step', 7] })
    ?.setOptions({ queryKey: ['step', 7], queryFn: read });
  live.become('live');
  await api.answer();
  expect(failing).toHaveBeenCalledTimes(1);
  expect(step.data()).toBe(2);
  live.become('retrying');
  live.become('live');
  expect(api.fetches).toBe(2);
});

test('a fetch that its page gave up stays marked: the query is fetched when it is shown again', async () => {
  followed();
  await turn();
  (await shown()).close();
  await client.invalidateQueries();
  const queryFn = ({ signal }: { signal: AbortSignal }): Promise<number> =>
    new Promise((_, reject) => signal.addEventListener('abort', reject));
  const left = new QueryObserver(client, { queryKey: ['step', 7], queryFn, staleTime: Infinity }).subscribe(() => {});
  // As if it had been current: the mark is then only what the event left.
  client.setQueryData(['step', 7], 1);
  change('e-1');
  left();
  await turn();
  expect(client.getQueryState(['step', 7])).toMatchObject({ fetchStatus: 'idle', isInvalidated: true });
});

test('after a resync, what is on the screen is fetched, and everything else is stale', async () => {
  followed();
  await turn();
  await shown();
  (await shown(['trip', 3])).close();
  await shown(['other']);
  live.resync('f-0');
  expect(api.fetches).toBe(5);
  expect(client.getQueryState(['trip', 3])?.isInvalidated).toBe(true);
});

test('a resync that comes late, from an earlier id, leaves what is known of a later event', async () => {
  startConnecting();
  followed();
  api.cursor = 'e-10';
  const query = show();
  api.version += 1;
  live.become('live', 'e-11');
  await turn();
  live.resync('e-10');
  await api.answer();
  await api.answer();
  expect(query.data()).toBe(2);
});

test('queries that are not fetched through the gateway can be left out of a resync', async () => {
  followed({ queries: ([kind]) => kind !== 'other' });
  await turn();
  await shown();
  await shown(['other']);
  live.resync('f-0');
  expect(api.fetches).toBe(3);
});

describe('a spread of fetches over many clients', () => {
  test('a fetch waits for its part of the time', async () => {
    followed({ random: () => 0.5 });
    await turn();
    await shown();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    live.event({ id: 'e-1', paths: ['/steps/7'], refetchWithinMs: 1_000 });
    vi.advanceTimersByTime(499);
    expect(api.fetches).toBe(1);
    live.event({ id: 'e-2', paths: ['/steps/7'], refetchWithinMs: 1_000 });
    vi.advanceTimersByTime(1);
    expect(api.fetches).toBe(2);
    vi.advanceTimersByTime(1_000);
    expect(api.fetches).toBe(2);
  });

  test('so does the fetch after a resync', async () => {
    followed({ random: () => 0.5 });
    await turn();
    await shown();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    live.resync('f-0', { refetchWithinMs: 1_000 });
    expect(api.fetches).toBe(1);
    vi.advanceTimersByTime(500);
    expect(api.fetches).toBe(2);
  });

  test('a query that leaves the screen meanwhile stays stale, whatever the application puts there', async () => {
    followed({ random: () => 0.5 });
    await turn();
    const step = await shown();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    live.event({ id: 'e-1', paths: ['/steps/7'], refetchWithinMs: 1_000 });
    client.setQueryData(['step', 7], 0);
    step.close();
    vi.advanceTimersByTime(500);
    expect(api.fetches).toBe(1);
    show();
    expect(api.fetches).toBe(2);
  });

  test('a fetch that begins meanwhile is enough', async () => {
    followed({ random: () => 0.5 });
    await turn();
    const step = await shown();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    live.event({ id: 'e-1', paths: ['/steps/7'], refetchWithinMs: 1_000 });
    step.close();
    show();
    expect(api.fetches).toBe(2);
    vi.advanceTimersByTime(1_000);
    expect(api.fetches).toBe(2);
  });
});

describe('an optimistic update', () => {
  /** A write that updates the step first, and ends when the returned function is called. */
  function update(value: string): () => Promise<void> {
    let answer = (): void => {};
    const mutation = new MutationObserver(client, {
      mutationFn: () => new Promise<void>((resolve) => (answer = resolve)),
      onMutate: async () => {
        await client.cancelQueries({ queryKey: ['step', 7] });
        client.setQueryData(['step', 7], value);
      },
    });
    const mutating = mutation.mutate();
    return () => {
      answer();
      return mutating;
    };
  }

  const upload = (): void => {
    void new MutationObserver(client, { mutationFn: () => new Promise(() => {}) }).mutate();
  };

  test('is not undone by the fetch that it cancelled', async () => {
    followed();
    await turn();
    const step = await shown();
    change('e-1');
    const end = update('optimistic');
    await turn();
    expect(step.data()).toBe('optimistic');
    expect(api.fetches).toBe(2);
    await end();
    expect(api.fetches).toBe(3);
    await api.answer();
    expect(step.data()).toBe(2);
  });

  test('holds events back until its own write has ended, whatever else is running', async () => {
    followed();
    await turn();
    const step = await shown();
    upload();
    change('e-1');
    const end = update('optimistic');
    await turn();
    upload();
    change('e-2');
    expect(api.fetches).toBe(2);
    await end();
    expect(api.fetches).toBe(3);
    await api.answer();
    expect(step.data()).toBe(3);
    change('e-3');
    await api.answer();
    expect(step.data()).toBe(4);
  });

  test('is not undone by making up for a fetch that it cancelled after an event', async () => {
    followed();
    await turn();
    const step = await shown();
    void client.refetchQueries();
    change('e-1');
    const end = update('optimistic');
    await turn();
    await api.answer();
    expect([step.data(), api.fetches]).toEqual(['optimistic', 2]);
    await end();
    expect(api.fetches).toBe(3);
  });

  test('is not undone when another component shows it', async () => {
    followed();
    await turn();
    const step = await shown();
    change('e-1');
    update('optimistic');
    await turn();
    await shown();
    expect([step.data(), api.fetches]).toEqual(['optimistic', 2]);
  });

  test.each([
    ['an earlier one', ['first', 'second']],
    ['a later one', ['second', 'first']],
  ])('is not undone when %s ends', async (_which, [early = '', late = '']) => {
    followed();
    await turn();
    const step = await shown();
    change('e-1');
    const ends = new Map<string, () => Promise<void>>();
    for (const value of ['first', 'second']) {
      ends.set(value, update(value));
      await turn();
    }
    await ends.get(early)?.();
    expect([step.data(), api.fetches]).toEqual(['second', 2]);
    await ends.get(late)?.();
    expect(api.fetches).toBe(3);
  });
});

test.each<[string, () => void]>([
  ['with the next event', () => change('e-2')],
  ['when the connection is live again', () => live.become('live')],
])('a fetch that is cancelled while no mutation runs is made up for %s', async (_when, then) => {
  followed();
  await turn();
  await shown();
  change('e-1');
  await client.cancelQueries();
  live.become('retrying');
  expect(api.fetches).toBe(2);
  then();
  expect(api.fetches).toBe(3);
});

test('a fetch that is cancelled after an event leaves the query stale, for whatever shows it next', async () => {
  followed();
  await turn();
  await shown();
  void client.refetchQueries();
  change('e-1');
  await client.cancelQueries();
  expect(api.fetches).toBe(2);
  const again = await shown();
  expect([again.data(), api.fetches]).toEqual([2, 3]);
});

test('a map that cannot read an event is a warning with its id, and everything is fetched', async () => {
  follow(client, live, {
    '/steps/:id': () => {
      throw new Error('broken');
    },
  });
  await turn();
  await shown();
  change('e-8');
  expect(api.fetches).toBe(2);
  expect(live.warnings).toEqual([{ id: 'e-8', message: expect.stringContaining('Error: broken') }]);
});

test('following that ends in the turn in which it began fetches nothing', async () => {
  await shown();
  followed()();
  await turn();
  expect(api.fetches).toBe(1);
});

test('nothing is followed after the end', async () => {
  const end = followed({ random: () => 1 });
  await turn();
  await shown();
  live.event({ id: 'e-1', paths: ['/steps/7'], refetchWithinMs: 1 });
  end();
  change('e-2');
  live.resync('e-3');
  await turn();
  expect(api.fetches).toBe(1);
});

test('what failed while the API was down is fetched again when it is up, however new its data is', async () => {
  api.cursor = 'e-5';
  follow(client, live, { 'event:origin.up': () => [['step']] });
  await turn();
  const step = await shown();
  api.version = 2;
  // It has the id of the event before it.
  live.event({ id: 'e-5', type: 'origin.up', paths: [], tags: ['unstale:origin:default'], isStatus: true });
  await api.answer();
  expect([api.fetches, step.data()]).toEqual([2, 2]);
});
