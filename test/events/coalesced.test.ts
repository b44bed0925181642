import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Coalesced } from '../../src/events/coalesced.ts';
import type { Event } from '../../src/events/event.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const event = (i: number, path: string, more: Partial<Event> = {}): Event => ({
  ...{ id: `e-${i}`, type: 'invalidate', paths: [path], tags: [], at: '' },
  cause: { method: 'PUT', path, rule: null },
  ...more,
});

function window(ms: number): { coalesced: Coalesced; emitted: Event[] } {
  const emitted: Event[] = [];
  return { coalesced: new Coalesced(ms, (events) => void emitted.push(...events)), emitted };
}

test('of those with the same type, paths and tags, only the last is sent', () => {
  const { coalesced, emitted } = window(100);
  coalesced.add([
    event(1, '/a', { tags: ['x', 'y'] }),
    event(2, '/a', { type: 'other', tags: ['x', 'y'] }),
    event(3, '/a', { tags: ['y', 'x'] }),
  ]);
  expect(emitted).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(emitted).toEqual([event(2, '/a', { type: 'other', tags: ['x', 'y'] }), event(3, '/a', { tags: ['y', 'x'] })]);
});

test('no event has tags that it does not have at a node where the window began later', () => {
  const moved = [event(1, '/messages/9', { tags: ['room:1'] }), event(3, '/messages/9', { tags: ['room:2'] })];
  const { coalesced, emitted } = window(100);
  coalesced.add(moved);
  coalesced.flush();
  expect(emitted).toEqual(moved);
});

test('the window ends early when a thousand are held', () => {
  const { coalesced, emitted } = window(60_000);
  coalesced.add(Array.from({ length: 999 }, (_, i) => event(i, `/${i}`)));
  expect(emitted).toHaveLength(0);
  coalesced.add([event(999, '/999')]);
  expect(emitted).toHaveLength(1_000);
});

test('what is held is as bounded as what is sent, however many names an event has', () => {
  const { coalesced, emitted } = window(60_000);
  for (let i = 0; i < 200; i++) {
    coalesced.add([event(i, '/a', { tags: Array.from({ length: 200 }, (_, n) => `step:${n + i}`) })]);
  }
  coalesced.add([event(200, '/b', { paths: Array.from({ length: 5_000 }, (_, i) => `/steps/${i}`) })]);
  coalesced.flush();
  expect(emitted.map(({ paths, tags }) => [paths, tags])).toEqual([
    [['/a'], ['step:*']],
    [['/steps/*'], []],
  ]);
});

test('without a window, nothing is held', () => {
  const { coalesced, emitted } = window(0);
  coalesced.add([event(1, '/a'), event(2, '/a')]);
  expect(emitted).toHaveLength(2);
});
