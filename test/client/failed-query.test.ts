import { QueryObserver } from '@tanstack/query-core';
import { expect, test, vi } from 'vitest';
import { api, change, client, followed, live, show, turn, useQueryRig } from './query-rig.ts';

/* An API that fails after a change, and says nothing when it is up again. */

useQueryRig();

let fails = true;
/** When the API was asked while it failed, in seconds since the first time. */
let asked: number[] = [];

let end: () => void;

/** A step on the screen whose fetch for an event has failed. The time does not pass by itself. */
async function failed(random = 0): Promise<QueryObserver<number>> {
  fails = false;
  asked = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const began = performance.now();
  const queryFn = async (): Promise<number> => {
    if (!fails) return api.version;
    asked.push(Math.round((performance.now() - began) / 1_000));
    throw new Error('no step');
  };
  const observer = new QueryObserver<number>(client, {
    queryKey: ['step', 7],
    queryFn,
    retry: false,
    staleTime: Infinity,
  });
  observer.subscribe(() => {});
  end = followed({ random: () => random });
  await turn();
  fails = true;
  change('e-1');
  await turn();
  return observer;
}

async function pass(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1_000);
  await turn();
}

test('what has failed is fetched again after 30 s, while the connection stays live', async () => {
  const step = await failed();
  expect(asked).toEqual([0]);
  fails = false;
  await pass(29);
  expect(step.getCurrentResult().data).toBe(1);
  await pass(1);
  expect(step.getCurrentResult().data).toBe(2);
});

test('clients whose fetches have failed together come apart: the random part may double a pause', async () => {
  await failed(0.5);
  await pass(600);
  expect(asked).toEqual([0, 45, 135, 315]);
});

test('following that has ended leaves no timer of what has failed', async () => {
  await failed();
  expect(vi.getTimerCount()).toBe(1);
  end();
  expect(vi.getTimerCount()).toBe(0);
});

test('then in pauses that double up to five minutes, until it succeeds', async () => {
  await failed();
  await pass(1_200);
  expect(asked).toEqual([0, 30, 90, 210, 450, 750, 1_050]);
  fails = false;
  await pass(300);
  fails = true;
  await pass(1_200);
  expect(asked).toHaveLength(7);
});

test('all that has failed has one timer', async () => {
  await failed();
  const other = new QueryObserver(client, {
    queryKey: ['step', 7, 'photos'],
    queryFn: () => Promise.reject(new Error('no photos')),
    retry: false,
  });
  other.subscribe(() => {});
  await turn();
  change('e-2');
  await turn();
  const { length } = asked;
  expect(vi.getTimerCount()).toBe(1);
  await pass(30);
  expect(asked).toHaveLength(length + 1);
  expect(vi.getTimerCount()).toBe(1);
});

test('nothing is tried while the connection is lost: when it is live again, all is fetched', async () => {
  await failed();
  live.become('retrying');
  await pass(600);
  expect(asked).toEqual([0]);
  live.become('live');
  await turn();
  expect(asked).toEqual([0, 600]);
  await pass(30);
  expect(asked).toEqual([0, 600, 630]);
});

test('what has left the screen is not fetched, but when it is shown again', async () => {
  const step = await failed();
  step.destroy();
  await pass(600);
  expect(asked).toEqual([0]);
  show();
  expect(api.fetches).toBe(1);
});
