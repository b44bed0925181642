import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { MAX_SEGMENTS, Topic } from '../../src/events/topic.ts';
import { TopicIndex } from '../../src/events/topic-index.ts';
import { PatternError } from '../../src/route/pattern.ts';

const event = (paths: string[], tags: string[]): Event => ({
  id: 'e-1',
  type: 'invalidate',
  paths,
  tags,
  cause: { method: 'PUT', path: '/', rule: null },
  at: '',
});

const found = (index: TopicIndex, happened: Event): Topic[] =>
  [...index.matching(happened)].filter((topic) => topic !== undefined);

test.each([
  ['everything', { match: [], tags: [] }, event(['/a'], []), true],
  ['a path', { match: ['/steps/7'], tags: [] }, event(['/steps/7'], []), true],
  ['another path', { match: ['/steps/7'], tags: [] }, event(['/steps/8'], []), false],
  ['a pattern', { match: ['/steps/:id'], tags: [] }, event(['/x', '/steps/8'], []), true],
  ['a pattern of another length', { match: ['/steps/:id'], tags: [] }, event(['/steps/8/thumbnail'], []), false],
  ['any rest', { match: ['/steps/**'], tags: [] }, event(['/steps/8/thumbnail'], []), true],
  ['an event with a wildcard', { match: ['/steps/7'], tags: [] }, event(['/steps/*'], []), true],
  ['an event with a wildcard for other paths', { match: ['/trips/7'], tags: [] }, event(['/steps/*'], []), false],
  ['an event of one query', { match: ['/steps/7'], tags: [] }, event(['/steps/7?lang=de'], []), true],
  ['a path written otherwise', { match: ['/caf%c3%a9/'], tags: [] }, event(['/caf%C3%A9'], []), true],
  ['a tag', { match: [], tags: ['step:7'] }, event([], ['step:7']), true],
  ['another tag', { match: [], tags: ['step:7'] }, event([], ['step:77']), false],
  ['a widened tag in the event', { match: [], tags: ['step:7'] }, event([], ['step:*']), true],
  ['a widened tag of another kind', { match: [], tags: ['step:7'] }, event([], ['trip:*']), false],
  ['a wildcard in the filter', { match: [], tags: ['step:*'] }, event([], ['step:7']), true],
  ['wildcards in both', { match: [], tags: ['step:*'] }, event([], ['step:7:*']), true],
  ['wildcards in both that exclude each other', { match: [], tags: ['step:*'] }, event([], ['trip:*']), false],
  ['either of path and tag', { match: ['/steps/7'], tags: ['trip:3'] }, event(['/trips/3'], ['trip:3']), true],
  ['a path that is called like a tag', { match: [], tags: ['/steps/7'] }, event(['/steps/7'], []), false],
])('%s', (_what, filter, happened, expected) => {
  const topic = new Topic(filter);
  const index = new TopicIndex();
  index.add(topic);
  expect(found(index, happened)).toEqual(expected ? [topic] : []);
  index.remove(topic);
  expect(found(index, happened)).toEqual([]);
  expect(index.isEmpty).toBe(true);
});

test('equal filters are one topic', () => {
  const a = new Topic({ match: ['/steps/:id', '/a'], tags: ['x', 'y', 'x'] });
  const b = new Topic({ match: ['/a/', '/steps/*', '/a'], tags: ['y', 'x'] });
  expect(a.key).toBe(b.key);
  expect(() => new Topic({ match: ['steps'], tags: [] })).toThrow(PatternError);
});

const segment = fc.constantFrom('a', 'b', '*');
const pattern = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.boolean())
  .map(([segments, rest]) => `/${[...segments, ...(rest ? ['**'] : [])].join('/')}`);
const tag = fc
  .array(fc.constantFrom('a', 'b', ':', '*'), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''));
const filter = fc.record({ match: fc.array(pattern, { maxLength: 3 }), tags: fc.array(tag, { maxLength: 2 }) });

test('an event finds the same topics together as each would match alone', () => {
  fc.assert(
    fc.property(
      fc.array(filter, { maxLength: 6 }),
      fc.array(pattern, { maxLength: 3 }),
      fc.array(tag, { maxLength: 3 }),
      (filters, paths, tags) => {
        const happened = event(paths, tags);
        const topics = new Map(filters.map((each) => new Topic(each)).map((topic) => [topic.key, topic]));
        const all = new TopicIndex();
        for (const topic of topics.values()) all.add(topic);
        const expected = [...topics.values()].filter(
          (topic) =>
            topic.isEverything ||
            paths.some((path) => topic.overlapsPath(path)) ||
            tags.some((each) => topic.overlapsTag(each)),
        );
        expect(new Set(found(all, happened))).toEqual(new Set(expected));
        for (const topic of topics.values()) all.remove(topic);
        expect(all.isEmpty).toBe(true);
      },
    ),
  );
});

test('the segments of all patterns of a subscription are bounded', () => {
  const deep = (count: number): string[] => [`/${'*/'.repeat(count - 1)}x`];
  expect(new Topic({ match: deep(MAX_SEGMENTS), tags: [] }).patterns).toHaveLength(1);
  expect(() => new Topic({ match: deep(MAX_SEGMENTS + 1), tags: [] })).toThrow(PatternError);
  // Without a wildcard it is one name, however deep.
  expect(new Topic({ match: [`/${'a/'.repeat(400)}x`], tags: [] }).paths).toHaveLength(1);
});
