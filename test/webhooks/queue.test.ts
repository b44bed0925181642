import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { bodyOf, idOf, type Message, messageOf } from '../../src/webhooks/message.ts';
import {
  MAX_DEAD,
  MAX_DEAD_SIZE,
  MAX_WAITING,
  MAX_WAITING_SIZE,
  newQueue,
  type Outcome,
  type Queue,
  type QueueStep,
  resumed,
  step,
} from '../../src/webhooks/queue.ts';
import { ATTEMPTS, LONGEST_PAUSE_MS } from '../../src/webhooks/schedule.ts';

/* What waits for an endpoint: a pure reducer, with clock and random passed in. */

const now = 1_700_000_000_000;
const HOUR = 3_600_000;
const event = (n: number, path: string, more: Partial<Event> = {}): Event => ({
  id: `e-${n}`,
  type: 'invalidate',
  paths: [path],
  tags: [],
  cause: { method: 'PUT', path, rule: null },
  at: '2026-01-02T03:04:05.678Z',
  ...more,
});
const empty: Queue = { ...newQueue('e-0', now), waiting: [] };
const take = (...events: Event[]): QueueStep => ({
  kind: 'take',
  messages: events.map(messageOf),
  position: events.at(-1)?.id ?? 'e-0',
  now,
});
const begin: QueueStep = { kind: 'begin' };
const ended = (outcome: Outcome, at = now, random = 0.5): QueueStep => ({ kind: 'end', outcome, now: at, random });
const failed: Outcome = { kind: 'failed', reason: 'status 500' };
const delivered: Outcome = { kind: 'delivered' };
const played = (queue: Queue, ...steps: QueueStep[]): Queue =>
  steps.reduce((held, each) => step(held, each).queue, queue);
const changesOf = (queue: Queue, ...steps: QueueStep[]): string[] => {
  const changes: string[] = [];
  for (const each of steps) {
    const stepped = step(queue, each);
    queue = stepped.queue;
    changes.push(...stepped.changes);
  }
  return changes;
};
const ids = ({ waiting }: Queue): string[] => waiting.map(idOf);

describe('what waits', () => {
  test('begins with a resync: nobody knows what was before', () => {
    expect(ids(newQueue('e-7', now))).toEqual(['e-7.resync']);
  });

  test('goes in the order of the log, the next when the one before is delivered', () => {
    const queue = played(empty, take(event(1, '/a'), event(2, '/b')), begin, ended(delivered));
    expect(ids(queue)).toEqual(['e-2']);
    expect(queue.attempts).toBe(0);
  });

  const rows: [string, Event[], [string, string[]][]][] = [
    [
      'one path: the last is left, with all tags',
      [event(1, '/a', { tags: ['x'] }), event(2, '/b'), event(3, '/a', { tags: ['y'] })],
      [
        ['e-2', []],
        ['e-3', ['x', 'y']],
      ],
    ],
    [
      'one path, of two types',
      [event(1, '/a'), event(2, '/a', { type: 'a.changed' })],
      [
        ['e-1', []],
        ['e-2', []],
      ],
    ],
    [
      'payloads: each is a message',
      [event(1, '/a', { payload: { n: 1 } }), event(2, '/a', { payload: { n: 2 } })],
      [
        ['e-1', []],
        ['e-2', []],
      ],
    ],
  ];
  test.each(rows)('coalesces %s', (_, events, left) => {
    const together = played(empty, take(...events));
    const apart = played(empty, ...events.map((each) => take(each)));
    for (const queue of [together, apart]) {
      expect(queue.waiting.map((message) => [idOf(message), message.kind === 'event' && message.event.tags])).toEqual(
        left,
      );
    }
  });

  test('does not coalesce with one that was sent: its id and content stay the same', () => {
    const queue = played(empty, take(event(1, '/a')), begin, take(event(2, '/a')), ended(failed), take(event(3, '/a')));
    expect(ids(queue)).toEqual(['e-1', 'e-3']);
  });

  test.each([
    ['many', Array.from({ length: MAX_WAITING + 1 }, (_, i) => event(i + 1, `/${i}`))],
    [
      'large',
      Array.from({ length: 9 }, (_, i) =>
        event(i + 1, `/${i}`, { payload: { text: 'x'.repeat(MAX_WAITING_SIZE / 8) } }),
      ),
    ],
  ])('that is too %s becomes one resync', (_, events) => {
    const { queue, changes } = step(empty, take(...events));
    expect([ids(queue), changes]).toEqual([[`e-${events.length}.resync`], ['overflowed']]);
  });

  test('keeps the message under way when it overflows, and when events may have been missed', () => {
    const sending = played(empty, take(event(1, '/a'), event(2, '/b')), begin);
    expect(ids(played(sending, { kind: 'miss', position: 'e-9', now }))).toEqual(['e-1', 'e-9.resync']);
    const many = Array.from({ length: MAX_WAITING }, (_, i) => event(i + 3, `/${i}`));
    expect(ids(played(sending, take(...many)))).toEqual(['e-1', `e-${MAX_WAITING + 2}.resync`]);
  });

  const paid = (n: number): Event => event(n, '/a', { payload: { n } });
  const missed: QueueStep = { kind: 'miss', position: 'f-9', now };
  test.each<[string, QueueStep[], string[]]>([
    ['before the resync', [take(paid(1), event(2, '/b'), paid(3))], ['e-1', 'e-3', 'f-9.resync']],
    ['with one under way', [take(event(1, '/b'), paid(2)), begin], ['e-1', 'e-2', 'f-9.resync']],
    ['which it is itself', [take(paid(1), paid(2)), begin], ['e-1', 'e-2', 'f-9.resync']],
    ['the second time', [take(paid(1)), missed], ['e-1', 'f-9.resync']],
  ])('keeps payloads when events may have been missed, %s: nobody could fetch them again', (_, steps, left) => {
    expect(ids(played(empty, ...steps, missed))).toEqual(left);
  });

  test('keeps no more payloads than may wait when events may have been missed', () => {
    const full = played(empty, take(...Array.from({ length: MAX_WAITING }, (_, i) => paid(i + 1))));
    const { queue, changes } = step(full, missed);
    expect([ids(queue), changes]).toEqual([['f-9.resync'], ['missed', 'overflowed']]);
  });

  test('is not gone through again for each event', () => {
    let looks = 0;
    const watched = (n: number): Message => {
      const { paths, ...rest } = event(n, `/${n}`);
      const get = (): readonly string[] => {
        looks += 1;
        return paths;
      };
      return { kind: 'event', event: Object.defineProperty(rest, 'paths', { get }) as Event, size: 1 };
    };
    const takes = (...messages: Message[]): QueueStep => ({ kind: 'take', messages, position: 'e-1', now });
    let queue = played(empty, takes(...Array.from({ length: 900 }, (_, i) => watched(i))));
    looks = 0;
    for (let n = 900; n < 990; n++) queue = played(queue, takes(watched(n)), begin, ended(failed));
    for (let n = 0; n < 90; n++) queue = played(queue, begin, ended(delivered), takes(watched(1_000 + n)));
    expect(looks).toBeLessThan(500);
  });
});

describe('an attempt that fails', () => {
  test('is made again after longer and longer pauses: ten in about three days', () => {
    let queue = played(empty, take(event(1, '/a'), event(2, '/b')));
    const dues: number[] = [];
    let at = now;
    for (let i = 0; i < ATTEMPTS; i++) {
      queue = played(queue, begin, ended(failed, at));
      dues.push(queue.dueAt - at);
      at = queue.dueAt;
    }
    expect(ATTEMPTS).toBe(10);
    expect(dues).toEqual([5_000, 300_000, HOUR / 2, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR, 0]);
    expect((at - now) / (24 * HOUR)).toBeCloseTo(3.15, 1);
    expect(ids(queue)).toEqual(['e-2']);
    expect(queue).toMatchObject({ attempts: 0, failure: 'status 500', dead: [{ reason: 'status 500' }] });
  });

  test.each([
    [0, 4_000],
    [1, 6_000],
  ])('waits with jitter: with %d of 1, %d ms', (random, pause) => {
    expect(played(empty, take(event(1, '/a')), begin, ended(failed, now, random)).dueAt - now).toBe(pause);
  });

  test.each([
    ['later than the pause', 60_000, 60_000],
    ['sooner than the pause', 1_000, 5_000],
    ['in more than a day', 1_000 * HOUR, 24 * HOUR],
  ])('a receiver that wants the next attempt %s', (_, retryAfterMs, expected) => {
    const asking = { ...failed, retryAfterMs };
    expect(played(empty, take(event(1, '/a')), begin, ended(asking)).dueAt - now).toBe(expected);
  });

  test('does not count if the sender broke it off', () => {
    const queue = played(empty, take(event(1, '/a')), begin, { kind: 'interrupt' });
    expect(queue).toMatchObject({ attempts: 0, waiting: [{ kind: 'event' }] });
  });

  test('is told once, and so is the recovery', () => {
    const steps = [
      take(event(1, '/a'), event(2, '/b')),
      begin,
      ended(failed),
      begin,
      ended(failed),
      begin,
      ended(delivered),
      begin,
      ended(delivered),
    ];
    expect(changesOf(empty, ...steps)).toEqual(['failing', 'recovered']);
  });

  test('waits no longer than the longest pause after the clock was set back', () => {
    const queue = played(empty, take(event(1, '/a')), begin, ended(failed));
    expect(resumed(queue, now - 1_000 * HOUR).dueAt).toBe(now - 1_000 * HOUR + LONGEST_PAUSE_MS);
  });
});

describe('an endpoint that is gone', () => {
  const gone = played(empty, take(event(1, '/a'), event(2, '/b')), begin, ended({ kind: 'gone' }));

  test('is sent nothing, and nothing is kept for it', () => {
    const later = played(gone, take(event(3, '/c')), { kind: 'miss', position: 'e-4', now });
    expect([gone, later].map(({ disabled, waiting }) => [disabled, waiting.length])).toEqual([
      [true, 0],
      [true, 0],
    ]);
  });

  test('is told to resync once it is enabled again, from where the log was then', () => {
    const queue = played(gone, take(event(3, '/c')), { kind: 'enable', now });
    expect([queue.disabled, ids(queue)]).toEqual([false, ['e-3.resync']]);
  });
});

describe('dead letters', () => {
  const die = (queue: Queue): Queue =>
    played(queue, ...Array.from({ length: ATTEMPTS }, () => [begin, ended(failed)]).flat());
  const dead = die(die(played(empty, take(event(1, '/a'), event(2, '/b'), event(3, '/c')))));

  test('are delivered again before what waits, with ten attempts of their own', () => {
    const queue = played(dead, { kind: 'redeliver', id: undefined, now });
    expect([ids(queue), queue.dead, queue.attempts]).toEqual([['e-1', 'e-2', 'e-3'], [], 0]);
  });

  test('are delivered again one by one, behind a message under way', () => {
    const queue = played(dead, begin, { kind: 'redeliver', id: 'e-2', now });
    expect([ids(queue), queue.dead.map(({ message }) => idOf(message))]).toEqual([['e-3', 'e-2'], ['e-1']]);
  });

  test('are bounded in number and size: the oldest go', () => {
    let queue = played(empty, take(...Array.from({ length: MAX_DEAD + 1 }, (_, i) => event(i + 1, `/${i}`))));
    while (queue.waiting.length > 0) queue = die(queue);
    expect([queue.dead.length, queue.dead[0]?.message]).toMatchObject([MAX_DEAD, { event: { id: 'e-2' } }]);
    let large = played(
      empty,
      take(...[1, 2, 3].map((n) => event(n, '/a', { payload: { text: 'x'.repeat(MAX_DEAD_SIZE / 3) } }))),
    );
    while (large.waiting.length > 0) large = die(large);
    expect(large.dead.length).toBe(2);
  });
});

test('a body is what Standard Webhooks say, with the data of the stream, and no client', () => {
  const { id: _, type: __, ...data } = event(1, '/a', { payload: { n: 1 } });
  expect(JSON.parse(bodyOf(messageOf(event(1, '/a', { payload: { n: 1 }, client: 'ann' }))))).toEqual({
    type: 'invalidate',
    timestamp: data.at,
    data,
  });
});

test('whatever happens, the queue stays within its bounds, and ids grow', () => {
  const steps = fc.oneof(
    fc
      .record({ paths: fc.array(fc.constantFrom('/a', '/b', '/c'), { minLength: 1, maxLength: 3 }) })
      .map(({ paths }) => ({ kind: 'take' as const, paths })),
    fc.constant({ kind: 'attempt' as const, outcome: delivered }),
    fc.constant({ kind: 'attempt' as const, outcome: failed }),
    fc.constant({ kind: 'miss' as const }),
  );
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 200 }), (actions) => {
      let queue = empty;
      let n = 0;
      let last = 0;
      for (const action of actions) {
        if (action.kind === 'take') queue = played(queue, take(...action.paths.map((path) => event(++n, path))));
        else if (action.kind === 'miss') queue = played(queue, { kind: 'miss', position: `e-${n}`, now });
        else if (queue.waiting.length > 0) {
          const [first] = queue.waiting;
          const number = Number(/^e-(\d+)/.exec(first === undefined ? '' : idOf(first))?.[1]);
          expect(number).toBeGreaterThanOrEqual(last);
          last = number;
          queue = played(queue, begin, ended(action.outcome));
        }
        // One that was sent, a resync, and one for each path.
        expect(queue.waiting.length).toBeLessThanOrEqual(5);
      }
    }),
  );
});
