import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundedEvent } from '../../src/events/bounded.ts';
import type { Event } from '../../src/events/event.ts';
import { Topic } from '../../src/events/topic.ts';

const event = (paths: readonly string[], tags: readonly string[] = []): Event => ({
  id: 'e-1',
  type: 'invalidate',
  paths,
  tags,
  cause: { method: 'POST', path: '/batch', rule: null },
  at: '',
});
const many = (count: number, of: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => of(i));

describe('an event that names too much names patterns in its place', () => {
  test.each<[string, string[], string[]]>([
    ['a hundred are told', many(100, (i) => `/x/${i}`), many(100, (i) => `/x/${i}`)],
    ['siblings', ['/batch', ...many(101, (i) => `/x/${i}`)], ['/batch', '/x/*']],
    ['queries of one path', ['/batch', ...many(101, (i) => `/x?page=${i}`)], ['/batch', '/x']],
    ['at the top', many(101, (i) => `/${i}`), ['/*']],
    ['cousins', ['/batch', ...many(101, (i) => `/x/${i}/y`)], ['/batch', '/x/**']],
    ['strangers', many(101, (i) => `/x${i}/y`), ['/**']],
    ['patterns', ['/a/**', ...many(101, (i) => `/x/${i}/*`)], ['/a/**', '/x/**']],
    ['one that is very long', ['/batch', `/x/${'y'.repeat(20_000)}`], ['/batch', '/x/*']],
    ['one that is very long at the top', [`/${'y'.repeat(20_000)}`], ['/*']],
    ['long before its last segment', [`/${'y'.repeat(20_000)}/z`], ['/**']],
  ])('%s', (_what, paths, expected) => {
    expect(boundedEvent(event(paths)).paths).toEqual(expected);
  });

  test.each<[string, string[], string[]]>([
    ['of one kind', ['all', ...many(101, (i) => `step:${i}`)], ['all', 'step:*']],
    ['of no kind', many(101, (i) => `t${i}`), ['*']],
    ['of many kinds', many(101, (i) => `k${i}:1`), ['*']],
    ['one that is very long', [`step:${'y'.repeat(20_000)}`], ['step:*']],
  ])('tags %s', (_what, tags, expected) => {
    expect(boundedEvent(event(['/a'], tags))).toMatchObject({ paths: ['/a'], tags: expected });
  });

  test('a subscriber to one of the names still gets it', () => {
    const segment = fc.constantFrom('a', 'b', 'c', '*', 'x'.repeat(400));
    const path = fc
      .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '/**', '?q=1'), fc.nat(200))
      .map(([segments, end, i]) => `/${[...segments, i].join('/')}${end}`);
    const tag = fc.tuple(fc.constantFrom('a:', 'b:', ''), fc.nat(200)).map(([kind, i]) => `${kind}${i}`);
    const names = { size: '+2', maxLength: 300 } as const;
    fc.assert(
      fc.property(fc.array(path, names), fc.array(tag, names), (paths, tags) => {
        const { paths: toldPaths, tags: toldTags } = boundedEvent(event(paths, tags));
        expect(toldPaths.length + toldTags.length).toBeLessThanOrEqual(200);
        expect(toldPaths.join('').length + toldTags.join('').length).toBeLessThanOrEqual(32 * 1024);
        for (const name of paths) {
          const topic = new Topic({ match: [name.split('?')[0] as string], tags: [] });
          expect(toldPaths.some((told) => topic.overlapsPath(told.split('?')[0] as string))).toBe(true);
        }
        for (const name of tags) {
          const topic = new Topic({ match: [], tags: [name] });
          expect(toldTags.some((told) => topic.overlapsTag(told))).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
});
