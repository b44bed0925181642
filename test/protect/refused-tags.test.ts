import { describe, expect, test } from 'vitest';
import { RefusedTags } from '../../src/exchange/write/refused-tags.ts';

/* Anybody can make tags up, and each that is refused may cost a record. */

describe('resources that refused tags may invalidate', () => {
  const clockAt = () => {
    const clock = { now: 0, wall: () => 0, monotonic: () => clock.now };
    return clock;
  };

  test.each([
    { what: 'one, the first time', taken: [['/a', 0, true]] },
    {
      what: 'the same once a second',
      taken: [
        ['/a', 0, true],
        ['/a', 999, false],
        ['/a', 1_000, true],
        ['/a', 1_500, false],
      ],
    },
    {
      what: 'others meanwhile',
      taken: [
        ['/a', 0, true],
        ['/b', 500, true],
        ['/a', 1_200, true],
        ['/b', 1_300, false],
      ],
    },
  ] as const)('$what', ({ taken }) => {
    const clock = clockAt();
    const refused = new RefusedTags(clock);
    for (const [resource, at, isTaken] of taken) {
      clock.now = at;
      expect(refused.take(resource)).toBe(isTaken);
    }
  });

  test('are bounded: no more than 1,000 in a second', () => {
    const clock = clockAt();
    const refused = new RefusedTags(clock);
    const all = (): number => Array.from({ length: 2_000 }, (_, i) => refused.take(`/${i}`)).filter(Boolean).length;
    expect([all(), all()]).toEqual([1_000, 0]);
    clock.now = 1_000;
    expect(all()).toBe(1_000);
  });
});
