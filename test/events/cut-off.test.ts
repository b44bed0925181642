import { afterEach, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { EventHub } from '../../src/events/hub.ts';
import { unrestricted } from '../../src/events/rights.ts';
import type { Ending, Sink } from '../../src/events/sink.ts';

/* A node that hears of no writes any more, in virtual time. */

function stage() {
  let isCurrent = true;
  let beat = (): void => {};
  const hub = new EventHub({
    epoch: 'e',
    history: { maxEvents: 100, maxBytes: 1_000_000 },
    maxSubscribers: 10,
    heartbeatMs: 15_000,
    isCurrent: () => isCurrent,
    timers: {
      after: (_ms, run) => {
        beat = run;
        return () => {};
      },
    },
  });
  const subscribe = () => {
    const written: string[] = [];
    const endings: Ending[] = [];
    const sink: Sink = {
      writableLength: 0,
      write: (bytes) => written.push(String(bytes)) > 0,
      once: () => {},
      cork: () => {},
      uncork: () => {},
      end: (why) => void endings.push(why),
    };
    hub.subscribe({ filter: { match: [], tags: [] }, rights: unrestricted }, sink);
    return { written, endings };
  };
  /** What the beats up to now find. */
  const beats = (...found: readonly boolean[]): void => {
    for (const each of found) {
      isCurrent = each;
      beat();
    }
  };
  const set = (current: boolean): void => {
    isCurrent = current;
  };
  return { hub, subscribe, beats, set };
}

let hub: EventHub;
afterEach(() => hub.close());

test.each<[string, boolean[], Ending[]]>([
  ['for two heartbeats', [false, false], ['away']],
  ['for one', [false], []],
  ['now and then', [false, true, false, true], []],
  ['never', [true, true, true], []],
])('a node that is cut off %s', (_what, found, endings) => {
  const on = stage();
  ({ hub } = on);
  const subscriber = on.subscribe();
  on.beats(...found);
  expect(subscriber.endings).toEqual(endings);
});

test('its clients are told when to come again, and others are refused, until it hears of writes', () => {
  const on = stage();
  ({ hub } = on);
  const { written } = on.subscribe();
  on.beats(false, false);
  expect(written.at(-1)).toMatch(/^retry: \d+\n\n$/);
  expect(hub.subscribers).toBe(0);
  expect(() => on.subscribe()).toThrow(new GatewayError('notServing', 'it hears of no writes, so it has no events'));
  on.set(true);
  const later = on.subscribe();
  // Cut off once more: it counts from the beginning.
  on.beats(true, false);
  expect(later.endings).toEqual([]);
});
