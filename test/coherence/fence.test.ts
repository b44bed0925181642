import { describe, expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { Quarantines } from '../../src/coherence/quarantines.ts';
import { mergeCoverage, nothingCovered } from '../../src/coherence/record.ts';
import { type Coverage, isCoveredBy, matchesParts, namedTag, pathTag } from '../../src/coherence/tag.ts';
import { TagFamilies } from '../../src/coherence/tag-families.ts';

const coverage = (part: Partial<Coverage> & { named?: string[]; paths?: string[] }): Coverage => ({
  tags: new Set([...(part.tags ?? []), ...(part.named ?? []).map(namedTag), ...(part.paths ?? []).map(pathTag)]),
  patterns: part.patterns ?? [],
  tagPatterns: part.tagPatterns ?? [],
});
/** A call with so many arguments throws a RangeError. */
const MORE_THAN_ARGUMENTS = 200_000;
const step = { path: '/steps/7', tags: [pathTag('/steps/7'), namedTag('step:7'), namedTag('accommodation:42')] };

describe('an invalidation covers', () => {
  test.each([
    ['its path', coverage({ paths: ['/steps/7'] }), true],
    ['another path', coverage({ paths: ['/steps/8'] }), false],
    ['a path pattern', coverage({ patterns: ['/steps/*'] }), true],
    ['a pattern of other paths', coverage({ patterns: ['/trips/*'] }), false],
    ['a tag', coverage({ named: ['accommodation:42'] }), true],
    ['a tag that its own begins with', coverage({ named: ['accommodation:4'] }), false],
    ['a wildcard for a tag', coverage({ tagPatterns: [['accommodation:', '']] }), true],
    ['a wildcard for tags of another kind', coverage({ tagPatterns: [['activity:', '']] }), false],
    ['a wildcard that looks like an automatic tag', coverage({ tagPatterns: [['/steps/', '']] }), false],
    ['nothing', nothingCovered, false],
  ])('%s', (_what, hit, expected) => {
    expect(isCoveredBy(step, hit)).toBe(expected);
  });

  test.each([
    ['step:7', ['step:', ''], true],
    ['step:', ['step:', ''], true],
    ['a:b:c', ['a:', ':c'], true],
    ['a:c', ['a:', ':c'], false],
    ['a-x-b-y-c', ['a', 'x', 'y', 'c'], true],
    ['a-y-b-x-c', ['a', 'x', 'y', 'c'], false],
    ['exact', ['exact'], true],
    ['exactly', ['exact'], false],
  ])('%s in %j: %s', (text, parts, expected) => {
    expect(matchesParts(text, parts)).toBe(expected);
  });
});

describe('the fence', () => {
  const fenceWith = (...all: Coverage[]): Fence => {
    const fence = new Fence();
    for (const [i, each] of all.entries()) fence.apply({ coverage: each, position: i + 1, at: '', announcements: [] });
    return fence;
  };

  test('says how long what a write reads stays quarantined, so that a write inside a quarantine does not prolong it', () => {
    let now = 0;
    const fence = new Fence(() => now);
    const knowledge = { families: new TagFamilies(), opaque: [] };
    const left = (path: string) => fence.quarantinedForMs([{ path, tags: [], open: [] }], knowledge);
    const open = (position: number, paths: string[], quarantineMs?: number) =>
      fence.apply({
        ...{ coverage: coverage({ paths }), position, at: '', announcements: [], quarantine: true },
        ...(quarantineMs !== undefined && { quarantineMs }),
      });
    open(1, ['/a'], 100);
    now = 30;
    open(2, ['/a', '/b'], left('/a'));
    open(3, ['/unrelated'], 500);
    open(4, ['/unknown']);
    expect(['/a', '/b', '/c', '/unknown'].map(left)).toEqual([70, 70, 0, Number.POSITIVE_INFINITY]);
    now = 110;
    expect(left('/b')).toBe(0);
    fence.apply({ coverage: nothingCovered, announcements: [], at: '', position: 5, endsQuarantine: 4 });
    expect(left('/unknown')).toBe(0);
  });

  test('admits a response that no record has covered since the fill began', () => {
    const fence = fenceWith(coverage({ named: ['step:7'] }), coverage({ named: ['step:8'] }));
    expect(fence.applied).toBe(2);
    expect(fence.admits(step, 1)).toBe(true);
    expect(fence.admits(step, 0)).toBe(false);
  });

  test('a tag named by two records counts from the later one', () => {
    const fence = fenceWith(coverage({ named: ['step:7'] }), nothingCovered, coverage({ named: ['step:7'] }));
    expect(fence.admits(step, 2)).toBe(false);
    expect(fence.admits(step, 3)).toBe(true);
  });

  test('patterns cover the paths that match them', () => {
    const fence = fenceWith(coverage({ patterns: ['/steps/*'] }), coverage({ patterns: ['/trips/*'] }));
    expect(fence.admits(step, 0)).toBe(false);
    expect(fence.admits(step, 1)).toBe(true);
  });

  test('refuses what it has forgotten', () => {
    const fence = new Fence();
    const many = (n: number): string[] => Array.from({ length: n }, (_, i) => `x:${i}`);
    fence.apply({ coverage: coverage({ named: many(100_000) }), position: 1, at: '', announcements: [] });
    expect(fence.admits(step, 0)).toBe(true);
    fence.apply({ coverage: coverage({ named: ['one:more'] }), position: 2, at: '', announcements: [] });
    expect(fence.admits(step, 0)).toBe(false);
    expect(fence.admits(step, 1)).toBe(true);
  });

  test('forgets patterns too, and refuses what began before them', () => {
    const fence = new Fence();
    for (let position = 1; position <= 1_001; position++) {
      fence.apply({ coverage: coverage({ patterns: ['/trips/*'] }), position, at: '', announcements: [] });
    }
    expect(fence.admits(step, 0)).toBe(false);
    expect(fence.admits(step, 1)).toBe(true);
  });

  test('a response is quarantined until its quarantine ends', () => {
    const fence = new Fence();
    fence.apply({
      coverage: coverage({ named: ['step:7'] }),
      position: 1,
      at: '',
      announcements: [],
      quarantine: true,
    });
    fence.apply({
      coverage: coverage({ named: ['step:7'] }),
      position: 2,
      at: '',
      announcements: [],
      quarantine: true,
    });
    fence.apply({
      coverage: coverage({ named: ['step:7'] }),
      position: 3,
      at: '',
      announcements: [],
      endsQuarantine: 1,
    });
    expect(fence.isQuarantined(step)).toBe(true);
    fence.apply({
      coverage: coverage({ named: ['step:7'] }),
      position: 4,
      at: '',
      announcements: [],
      endsQuarantine: 2,
    });
    expect(fence.isQuarantined(step)).toBe(false);
    expect(fence.admits(step, 3)).toBe(false);
  });
});

test('more quarantines than a call takes arguments leave the end of the last one known', () => {
  const quarantines = new Quarantines();
  // The first one leaves no room for the others.
  quarantines.open(0, coverage({ named: Array.from({ length: 100_000 }, (_, i) => `x:${i}`) }), 0);
  const other = coverage({ named: ['other'] });
  for (let position = 1; position <= MORE_THAN_ARGUMENTS; position++) quarantines.open(position, other, position);
  const knowledge = { families: new TagFamilies(), opaque: [] };
  expect(quarantines.lastUntil({ path: '/', tags: [], open: [] }, knowledge)).toBe(MORE_THAN_ARGUMENTS);
});

test('merged coverage is the union', () => {
  const merged = mergeCoverage([
    coverage({ named: ['a'], patterns: ['/x/*'], tagPatterns: [['a', '']] }),
    coverage({ named: ['b', 'a'], patterns: ['/x/*', '/y/*'], tagPatterns: [['a', '']] }),
  ]);
  expect([...merged.tags]).toEqual(['t:a', 't:b']);
  expect(merged.patterns).toEqual(['/x/*', '/y/*']);
  expect(merged.tagPatterns).toEqual([['a', '']]);
});

describe('what the fence keeps', () => {
  const long = (i: number): string => `${i}${'x'.repeat(8_000)}`;

  test('long tags are known by their digest', () => {
    const fence = new Fence();
    fence.apply({ coverage: coverage({ named: [long(1)] }), position: 1, at: '', announcements: [] });
    const response = (i: number) => ({ path: '/a', tags: [namedTag(long(i))] });
    expect([fence.admits(response(1), 0), fence.admits(response(2), 0)]).toEqual([false, true]);
  });

  test('patterns are forgotten by their length, and what began before them is refused', () => {
    const fence = new Fence();
    for (let position = 1; position <= 600; position++) {
      fence.apply({ coverage: coverage({ patterns: [`/${long(position)}/*`] }), position, at: '', announcements: [] });
    }
    expect(fence.admits(step, 0)).toBe(false);
    expect(fence.admits(step, 500)).toBe(true);
    expect(fence.admits({ path: `/${long(600)}/b`, tags: [] }, 500)).toBe(false);
  });

  test.each<[string, (i: number) => Coverage, number]>([
    ['tags', (i) => coverage({ named: Array.from({ length: 500 }, (_each, n) => `${i}-${n}`) }), 201],
    ['patterns', (i) => coverage({ patterns: [`/${long(i)}/*`] }), 500],
  ])('beyond a number of quarantined %s everything is quarantined, until those quarantines end', (_what, of, count) => {
    const fence = new Fence();
    const apply = (position: number, endsQuarantine?: number): void => {
      const quarantine = endsQuarantine === undefined ? { quarantine: true } : { endsQuarantine };
      fence.apply({
        coverage: endsQuarantine === undefined ? of(position) : nothingCovered,
        position,
        at: '',
        announcements: [],
        ...quarantine,
      });
    };
    for (let position = 1; position < count; position++) apply(position);
    const before = fence.isQuarantined(step);
    apply(count);
    expect([before, fence.isQuarantined(step)]).toEqual([false, true]);
    apply(count + 1, count);
    expect(fence.isQuarantined(step)).toBe(false);
    for (let position = 1; position < count; position++) apply(count + 1 + position, position);
    apply(3 * count);
    expect(fence.isQuarantined(step)).toBe(false);
  });

  test('a quarantine with a pattern and a long tag applies to what they cover', () => {
    const fence = new Fence();
    fence.apply({
      coverage: coverage({ patterns: ['/steps/*'], named: [long(1)] }),
      position: 1,
      at: '',
      announcements: [],
      quarantine: true,
    });
    expect(fence.isQuarantined(step)).toBe(true);
    expect(fence.isQuarantined({ path: '/a', tags: [namedTag(long(1))] })).toBe(true);
    expect(fence.isQuarantined({ path: '/a', tags: [namedTag(long(2))] })).toBe(false);
    fence.apply({ coverage: nothingCovered, position: 2, at: '', announcements: [], endsQuarantine: 1 });
    expect(fence.isQuarantined(step)).toBe(false);
  });
});
