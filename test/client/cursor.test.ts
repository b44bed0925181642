import { InfiniteQueryObserver, QueryClient, type QueryKey, QueryObserver } from '@tanstack/query-core';
import { describe, expect, test, vi } from 'vitest';
import { allNotes } from '../../src/client/cursor.ts';
import { follow, noteCursor } from '../../src/client/tanstack-query.ts';
import { api, change, client, followed, live, show, shown, startConnecting, turn, useQueryRig } from './query-rig.ts';

useQueryRig();

const answeredAt = (cursor: string): Response => new Response(null, { headers: { 'Unstale-Event-Cursor': cursor } });

describe('the gap between a fetch and the subscription', () => {
  test.each([
    ['no cursor: nobody knows', undefined, 2],
    ['a cursor from before the subscription', 'e-3', 2],
    ['a cursor of the same position', 'e-4', 1],
    ['a cursor from after it', 'e-5', 1],
    ['a cursor of another epoch', 'd-9', 2],
  ])('%s', async (_, cursor, fetches) => {
    startConnecting();
    followed();
    api.cursor = cursor;
    await shown();
    live.become('live', 'e-4');
    await turn();
    expect(api.fetches).toBe(fetches);
  });

  test('a fetch that runs when the stream is confirmed is looked at when it ends', async () => {
    startConnecting();
    followed();
    const step = show();
    api.version = 2;
    live.become('live', 'e-4');
    await turn();
    await api.answer();
    await api.answer();
    expect(step.data()).toBe(2);
  });

  test('a connection that was live before is caught up with as well, once', async () => {
    await shown();
    followed();
    await turn();
    expect(api.fetches).toBe(2);
    await api.answer();
    live.become('retrying');
    live.become('live');
    await turn();
    expect(api.fetches).toBe(2);
  });
});

describe('data that is newer than the event is left alone', () => {
  test.each([
    ['newer', 'e-7', 'e-6', false],
    ['the same', 'e-7', 'e-7', false],
    ['a later event of the same record', 'e-7', 'e-7.1', true],
    ['older', 'e-7', 'e-10', true],
    ['of another epoch', 'e-7', 'f-1', true],
    ['without a cursor', undefined, 'e-1', true],
    ['not an id', 'later', 'e-1', true],
  ])('%s', async (_, cursor, id, isFetched) => {
    followed();
    await turn();
    api.cursor = cursor;
    await shown();
    change(id);
    expect(api.fetches).toBe(isFetched ? 2 : 1);
  });

  test('data that the application has put there has no cursor', async () => {
    followed();
    await turn();
    api.cursor = 'e-7';
    await shown();
    client.setQueryData(['step', 7], 0);
    change('e-6');
    expect(api.fetches).toBe(2);
  });

  test.each([
    ['the older of two responses counts', ['e-9', 'e-3'], true],
    ['a response without a cursor counts as old', ['e-9', undefined], true],
    ['responses of two epochs cannot be compared', ['e-9', 'd-9'], true],
    ['both are newer', ['e-9', 'e-8'], false],
  ])('%s', async (_, cursors, isFetched) => {
    followed();
    await turn();
    const queryFn = vi.fn((context: { queryKey: QueryKey }) => {
      for (const cursor of cursors) {
        noteCursor(
          context,
          new Response(null, { headers: cursor === undefined ? {} : { 'Unstale-Event-Cursor': cursor } }),
        );
      }
      return 1;
    });
    new QueryObserver(client, { queryKey: ['step', 7], queryFn }).subscribe(() => {});
    await turn();
    change('e-5');
    expect(queryFn).toHaveBeenCalledTimes(isFetched ? 2 : 1);
  });

  test('what a fetch that failed has noted does not count for the next', async () => {
    followed();
    await turn();
    let cursor = 'e-3';
    const queryFn = vi.fn((context: { queryKey: QueryKey }) => {
      noteCursor(context, new Response(null, { headers: { 'Unstale-Event-Cursor': cursor } }));
      return cursor === 'e-3' ? Promise.reject(new Error('not JSON')) : 1;
    });
    const observer = new QueryObserver(client, { queryKey: ['step', 7], queryFn, retry: false });
    observer.subscribe(() => {});
    await turn();
    cursor = 'e-9';
    await observer.refetch();
    change('e-5');
    expect(queryFn).toHaveBeenCalledTimes(2);
  });

  test('two clients whose keys are one array do not take the cursor of the other for their own', async () => {
    const queryKey = ['step', 7];
    const clients = [client, new QueryClient()];
    const answers: (() => void)[] = [];
    let [version, cursor] = [1, 'e-3'];
    const queryFn = (context: { queryKey: QueryKey }): Promise<number> => {
      const read = version;
      noteCursor(context, new Response(null, { headers: { 'Unstale-Event-Cursor': cursor } }));
      return new Promise((resolve) => answers.push(() => resolve(read)));
    };
    const steps = clients.map((each) => {
      follow(each, live, { '/steps/:id': ({ id }) => [['step', id]] });
      return new QueryObserver(each, { queryKey, queryFn, staleTime: Infinity });
    });
    await turn();
    steps[0]?.subscribe(() => {});
    await turn();
    [version, cursor] = [2, 'e-4'];
    live.event({ id: 'e-4', paths: ['/steps/7'] });
    steps[1]?.subscribe(() => {});
    for (let i = 0; i < 4; i++) {
      await turn();
      for (const answer of answers.splice(0)) answer();
    }
    await turn();
    expect(steps.map((step) => step.getCurrentResult().data)).toEqual([2, 2]);
    clients[1]?.clear();
  });

  test('a slow body of one client does not take the cursor of what another with the same array fetches', async () => {
    const queryKey = ['step', 7];
    const slow = new QueryClient();
    const bodies = new Map<QueryClient, (() => void)[]>([
      [client, []],
      [slow, []],
    ]);
    let [version, cursor] = [1, 'e-3'];
    const steps = [client, slow].map((each) => {
      follow(each, live, { '/steps/:id': ({ id }) => [['step', id]] });
      const queryFn = (context: { queryKey: QueryKey }): Promise<number> => {
        const read = version;
        noteCursor(context, answeredAt(cursor));
        return new Promise((resolve) => bodies.get(each)?.push(() => resolve(read)));
      };
      return new QueryObserver(each, { queryKey, queryFn, staleTime: Infinity });
    });
    const answer = async (of: QueryClient): Promise<void> => {
      for (const body of bodies.get(of)?.splice(0) ?? []) body();
      await turn();
    };
    await turn();
    for (const step of steps) step.subscribe(() => {});
    await turn();
    await answer(client);
    [version, cursor] = [2, 'e-4'];
    live.event({ id: 'e-4', paths: ['/steps/7'] });
    await turn();
    // Its body is that of e-3, while the other client has noted e-4.
    for (const each of [slow, client, slow]) await answer(each);
    expect(steps.map((step) => step.getCurrentResult().data)).toEqual([2, 2]);
    slow.clear();
  });

  test.each([
    ['what it has noted counts', ['e-9'], [], 1],
    ['the older response counts, if it was noted before', ['e-3'], ['e-9'], 2],
    ['the older response counts, if it was noted after', ['e-9'], ['e-3'], 2],
  ])('of a fetch that began before its client was followed, %s', async (_, before, after, fetches) => {
    let answer: (version: number) => void = () => {};
    const queryFn = vi.fn((_context: { queryKey: QueryKey }) => new Promise<number>((resolve) => (answer = resolve)));
    new QueryObserver(client, { queryKey: ['step', 7], queryFn, staleTime: Infinity }).subscribe(() => {});
    await turn();
    const context = queryFn.mock.lastCall?.[0] as { queryKey: QueryKey };
    for (const cursor of before) noteCursor(context, answeredAt(cursor));
    startConnecting();
    followed();
    for (const cursor of after) noteCursor(context, answeredAt(cursor));
    answer(1);
    await turn();
    live.become('live', 'e-5');
    await turn();
    expect(queryFn).toHaveBeenCalledTimes(fetches);
  });

  test('nothing is noted for a client that is no longer followed', () => {
    const others = allNotes.size;
    const unfollow = followed();
    expect(allNotes.size).toBe(others + 1);
    unfollow();
    expect(allNotes.size).toBe(others);
  });

  test.each([
    ['newer', 'e-3', false],
    ['newer, if they have no cursor', undefined, false],
    ['newer, if the application has put them there', 'e-9', true],
  ])('a further page does not make the earlier pages %s', async (_, cursor, isSet) => {
    followed();
    await turn();
    api.cursor = cursor;
    const observer = new InfiniteQueryObserver(client, {
      queryKey: ['step', 7],
      queryFn: api.read,
      initialPageParam: 0,
      getNextPageParam: (_, pages) => pages.length,
    });
    observer.subscribe(() => {});
    await api.answer();
    if (isSet) client.setQueryData(['step', 7], { pages: [0], pageParams: [0] });
    api.cursor = 'e-9';
    void observer.fetchNextPage();
    await api.answer();
    change('e-5');
    expect(api.fetches).toBe(3);
  });
});
