import { expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { Endpoint } from '../../src/webhooks/endpoint.ts';
import { idOf } from '../../src/webhooks/message.ts';
import { newQueue, type Outcome } from '../../src/webhooks/queue.ts';

/* The wall clock is set while an endpoint has messages waiting. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function stage() {
  const now = { wall: 0, monotonic: 0 };
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const sent: string[] = [];
  const asked: number[] = [];
  let outcome: Outcome = { kind: 'delivered' };
  const endpoint = new Endpoint(
    { name: 'e', match: [], tags: [], events: [] } as unknown as ConstructorParameters<typeof Endpoint>[0],
    {
      clock: { wall: () => now.wall, monotonic: () => now.monotonic },
      timers: {
        after: (ms, run) => {
          asked.push(ms);
          const timer = { at: now.monotonic + ms, run };
          timers.add(timer);
          return () => void timers.delete(timer);
        },
      },
      random: () => 0.5,
      send: (message) => {
        sent.push(idOf(message));
        return Promise.resolve(outcome);
      },
      report: { change: () => {}, attempt: () => {} },
      holds: () => true,
      changed: () => {},
    },
  );
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    sent,
    asked,
    set: (by: number): void => {
      now.wall += by;
    },
    answer: (next: Outcome): void => {
      outcome = next;
    },
    begin: async (): Promise<void> => {
      endpoint.open(newQueue('e-0', now.wall));
      await settle();
    },
    take: async (id: string): Promise<void> => {
      const cause = { method: 'PUT', path: '/a', rule: null };
      const event: Event = { id, type: 'invalidate', paths: ['/a'], tags: [], cause, at: '' };
      endpoint.take([event], id);
      await settle();
    },
    pass: async (ms: number): Promise<void> => {
      now.wall += ms;
      now.monotonic += ms;
      for (const timer of timers) {
        if (timer.at > now.monotonic) continue;
        timers.delete(timer);
        timer.run();
      }
      await settle();
    },
  };
}

test.each([-HOUR_MS, -40 * DAY_MS])('an event is sent at once after the clock was set by %i', async (by) => {
  const on = stage();
  await on.begin();
  await on.pass(10);
  await on.take('e-1');
  on.set(by);
  await on.take('e-2');
  expect(on.sent).toEqual(['e-0.resync', 'e-1', 'e-2']);
  expect(on.asked).toEqual([]);
});

test.each([-HOUR_MS, -40 * DAY_MS, 0])('a pause has its length while the clock is set by %i', async (by) => {
  const on = stage();
  on.answer({ kind: 'failed', reason: '503' });
  await on.begin();
  on.set(by);
  await on.take('e-1');
  await on.pass(4_999);
  expect(on.sent).toEqual(['e-0.resync']);
  on.answer({ kind: 'delivered' });
  await on.pass(1);
  expect(on.sent).toEqual(['e-0.resync', 'e-0.resync', 'e-1']);
});
