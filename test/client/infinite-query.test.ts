import { InfiniteQueryObserver } from '@tanstack/query-core';
import { expect, test, vi } from 'vitest';
import { client, followed, live, turn, useQueryRig } from './query-rig.ts';

/* A list that is scrolled while what it has is fetched again: `fetchNextPage` cancels that, and fetches one page. */

useQueryRig();

/** A list with two pages on the screen, which say the version that they were read at. */
async function twoPages() {
  let version = 1;
  const waiting: (() => void)[] = [];
  const read: number[] = [];
  const observer = new InfiniteQueryObserver(client, {
    queryKey: ['step', 7],
    queryFn: ({ pageParam }) => {
      read.push(pageParam);
      const page = `${pageParam}:v${version}`;
      return new Promise<string>((resolve) => waiting.push(() => resolve(page)));
    },
    initialPageParam: 0,
    getNextPageParam: (_last, all) => all.length,
    retry: false,
    staleTime: Infinity,
  });
  const list = {
    read,
    show: (): (() => void) => observer.subscribe(() => {}),
    scroll: (): void => void observer.fetchNextPage(),
    write(refetchWithinMs = 0): void {
      version += 1;
      live.event({ id: `e-${version}`, paths: ['/steps/7'], refetchWithinMs });
    },
    /** One page after the other. */
    async answer(): Promise<void> {
      for (let i = 0; i < 6; i++) {
        for (const each of waiting.splice(0)) each();
        await turn();
      }
    },
    pages: (): readonly string[] | undefined => observer.getCurrentResult().data?.pages,
    hide: (): void => {},
  };
  list.hide = list.show();
  await list.answer();
  list.scroll();
  await list.answer();
  followed({ random: () => 1 });
  await turn();
  await list.answer();
  read.length = 0;
  return list;
}

test('a list that is scrolled while it is fetched for an event has no old pages', async () => {
  const list = await twoPages();
  list.write();
  await turn();
  list.scroll();
  await list.answer();
  expect(list.pages()).toEqual(['0:v2', '1:v2', '2:v2']);
});

test('a list that is scrolled while its fetch waits has no old pages', async () => {
  const list = await twoPages();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  list.write(1_000);
  list.scroll();
  await list.answer();
  vi.advanceTimersByTime(1_000);
  await list.answer();
  expect(list.pages()).toEqual(['0:v2', '1:v2', '2:v2']);
});

test('a list that was not on the screen when the event came has no old pages when it is scrolled', async () => {
  const list = await twoPages();
  list.hide();
  list.write();
  list.show();
  list.scroll();
  await list.answer();
  expect(list.pages()).toEqual(['0:v2', '1:v2', '2:v2']);
});

test('what is scrolled while nothing is stale is not fetched again', async () => {
  const list = await twoPages();
  list.scroll();
  await list.answer();
  expect(list.read).toEqual([2]);
});
