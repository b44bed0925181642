import { describe, expect, test } from 'vitest';
import type { BeforeAddress } from '../../src/exchange/write/before.ts';
import { invalidateOutdated } from '../../src/exchange/write/outdated-copies.ts';
import { RefusedTags } from '../../src/exchange/write/refused-tags.ts';
import type { WritePorts } from '../../src/exchange/write/write-ports.ts';
import { Fields } from '../../src/http/fields.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { compileSpellings } from '../../src/rules/spellings.ts';
import { configOf } from '../config/parse.ts';

/* Anybody can make tags up, and each that is refused may cost a record. */

const clockAt = () => {
  const clock = { now: 0, wall: () => 0, monotonic: () => clock.now };
  return clock;
};

describe('resources that refused tags may invalidate', () => {
  // Which resource is asked for at which millisecond, and whether it may be invalidated.
  test.each<[string, ...[string, number, boolean][]]>([
    ['one, the first time', ['/a', 0, true]],
    ['the same once a second', ['/a', 0, true], ['/a', 999, false], ['/a', 1_000, true], ['/a', 1_500, false]],
    ['others meanwhile', ['/a', 0, true], ['/b', 500, true], ['/a', 1_200, true], ['/b', 1_300, false]],
  ])('%s', (_, ...taken) => {
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

  test('are counted by what they are, however they are spelled', async () => {
    const spellings = compileSpellings(configOf('origin: { url: "http://a", ignoreInPaths: [case] }'));
    const records: unknown[] = [];
    const ports = {
      store: { tagged: () => [] },
      log: { append: (record: unknown) => records.push(record) },
      rules: compileRules([], [], spellings),
      shared: true,
      refusedTags: new RefusedTags(clockAt()),
    } as unknown as WritePorts;
    for (const resource of ['/settings', '/Settings', '/SETTINGS', '/other']) {
      const request = { headers: new Fields(['If-Match', '"made-up"']), target: { resource } } as BeforeAddress['get'];
      const current = { etag: '"current"', lastModifiedMs: undefined };
      await invalidateOutdated(ports, request, { get: request, route: {} as BeforeAddress['route'] }, current);
    }
    expect(records).toHaveLength(2);
  });
});
