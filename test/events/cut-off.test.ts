import { afterEach, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { EventHub } from '../../src/events/hub.ts';
import { unrestricted } from '../../src/events/rights.ts';
import type { Ending, Sink } from '../../src/events/sink.ts';

/* A node that hears of no writes any more, in virtual time. */

function stage() {
  let holdsLease = true;
  let beat = (): void => {};
  const hub = new EventHub({
    epoch: 'e',
    history: { maxEvents: 100, maxBytes: 1_000_000 },
    maxSubscribers: 10,
    heartbeatMs: 15_000,
    holdsLease: () => holdsLease,
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
    const { unsubscribe } = hub.subscribe({ filter: { match: [], tags: [] }, rights: unrestricted }, sink);
    return { written, endings, unsubscribe };
  };
  /** What the beats up to now find. */
  const beats = (...found: readonly boolean[]): void => {
    for (const each of found) {
      holdsLease = each;
      beat();
    }
  };
  const set = (current: boolean): void => {
    holdsLease = current;
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

test('its clients are told when to come again, and others are refused, until it holds a lease', () => {
  const on = stage();
  ({ hub } = on);
  const { written } = on.subscribe();
  on.beats(false, false);
  expect(written.at(-1)).toMatch(/^retry: \d+\n\n$/);
  expect(hub.subscribers).toBe(0);
  expect(() => on.subscribe()).toThrow(new GatewayError('notServing', 'it is cut off from the others'));
  on.set(true);
  const later = on.subscribe();
  // Cut off once more: it counts from the beginning.
  on.beats(false);
  expect(later.endings).toEqual([]);
});

test('a heartbeat that was missed before the last subscriber left does not count for the next one', () => {
  const on = stage();
  ({ hub } = on);
  const first = on.subscribe();
  on.beats(false);
  first.unsubscribe();
  on.set(true);
  const later = on.subscribe();
  on.beats(false);
  expect(later.endings).toEqual([]);
});
