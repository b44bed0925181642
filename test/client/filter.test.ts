import fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers, type Filter, unionOf, wanted } from '../../src/client/filter.ts';
import type { Event } from '../../src/events/event.ts';
import { Topic } from '../../src/events/topic.ts';
import { TopicIndex } from '../../src/events/topic-index.ts';

const names = (paths: string[], tags: string[] = []): Pick<Event, 'paths' | 'tags'> => ({ paths, tags });

test.each<[string, Filter, Pick<Event, 'paths' | 'tags'>, boolean]>([
  ['everything', { match: [], tags: [] }, names(['/a']), true],
  ['a path', { match: ['/steps/7'], tags: [] }, names(['/steps/7']), true],
  ['another path', { match: ['/steps/7'], tags: [] }, names(['/steps/8']), false],
  ['a pattern', { match: ['/steps/:id'], tags: [] }, names(['/x', '/steps/8']), true],
  ['a pattern of another length', { match: ['/steps/:id'], tags: [] }, names(['/steps/8/thumbnail']), false],
  ['any rest', { match: ['/steps/**'], tags: [] }, names(['/steps/8/thumbnail']), true],
  ['any rest, of nothing', { match: ['/steps/**'], tags: [] }, names(['/steps']), true],
  ['an event with a wildcard', { match: ['/steps/7'], tags: [] }, names(['/steps/*']), true],
  ['an event of one query', { match: ['/steps/7'], tags: [] }, names(['/steps/7?lang=de']), true],
  ['a path written otherwise', { match: ['/café/'], tags: [] }, names(['/caf%C3%A9']), true],
  ['text around a parameter', { match: ['/steps/:id.json'], tags: [] }, names(['/steps/7.json']), true],
  ['other text around a parameter', { match: ['/steps/:id.json'], tags: [] }, names(['/steps/7.xml']), false],
  ['an escape that is no UTF-8', { match: ['/%FF'], tags: [] }, names(['/%C3%BF']), true],
  ['a tag', { match: [], tags: ['step:7'] }, names([], ['step:7']), true],
  ['another tag', { match: [], tags: ['step:7'] }, names([], ['step:77']), false],
  ['a wildcard in the filter', { match: [], tags: ['step:*'] }, names([], ['step:7']), true],
  ['a wildcard in the event', { match: [], tags: ['step:7'] }, names([], ['step:*']), true],
  ['wildcards that exclude each other', { match: [], tags: ['step:*'] }, names([], ['trip:*']), false],
])('%s', (_what, filter, event, expected) => {
  expect(wanted(filter)(event)).toBe(expected);
});

const segment = fc.constantFrom('a', 'b', '7', 'a.json', '%FF', 'caf%C3%A9', 'a%2Fb', '%2A');
const patternSegment = fc.oneof(segment, fc.constantFrom(':id', '*', ':id.json', 'a:id', 'é'));
const eventSegment = fc.oneof(segment, fc.constantFrom('*', '*.json'));
/** A name occurs once in a pattern. */
const path = (of: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(of, { maxLength: 3 }), fc.boolean())
    .map(
      ([segments, rest]) =>
        `/${[...segments.map((each, i) => each.replace(':id', `:id${i}`)), ...(rest ? ['**'] : [])].join('/')}`,
    );
const tag = fc.oneof(fc.stringMatching(/^[ab:*]{1,5}$/), fc.constantFrom('unstale:origin:*', 'unstale:*'));
const filters = fc.record({
  match: fc.array(path(patternSegment), { maxLength: 3 }),
  tags: fc.array(tag, { maxLength: 2 }),
});

test('a tab is told whatever the gateway would send to a stream of its own', () => {
  fc.assert(
    fc.property(
      filters,
      fc.record({ paths: fc.array(path(eventSegment), { maxLength: 2 }), tags: fc.array(tag, { maxLength: 2 }) }),
      (filter, event) => {
        const index = new TopicIndex();
        index.add(new Topic(filter));
        const isSent = [...index.matching(event)].some((topic) => topic !== undefined);
        if (isSent) expect(wanted(filter)(event)).toBe(true);
      },
    ),
    { numRuns: 2_000 },
  );
});

/** Whether a stream of this filter is told at its beginning how an origin stands that has never changed. */
const tellsStatus = (filter: Filter): boolean => {
  const topic = new Topic(filter);
  return !topic.isAll && topic.showsTag('unstale:origin:legacy');
};

test('a union with everything and a status tag selects every event', () => {
  const union = new Topic(
    unionOf([
      { match: [], tags: [] },
      { match: [], tags: ['unstale:origin:*'] },
    ]),
  );
  const events = fc
    .record({ paths: fc.array(path(eventSegment), { maxLength: 2 }), tags: fc.array(tag, { maxLength: 2 }) })
    .filter(({ paths, tags }) => paths.length + tags.length > 0);
  const index = new TopicIndex();
  index.add(union);
  fc.assert(
    fc.property(events, (event) => {
      expect([...index.matching(event)].includes(union)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('a union covers each of its filters, and is one that the gateway takes', () => {
  fc.assert(
    fc.property(fc.array(filters, { minLength: 1, maxLength: 40 }), (all) => {
      const union = unionOf(all);
      for (const filter of all) {
        expect(covers(union, filter)).toBe(true);
        expect(filter.tags.length === 0 || !tellsStatus(filter) || tellsStatus(union)).toBe(true);
      }
      expect(union.match.length + union.tags.length).toBeLessThanOrEqual(64);
      new Topic(union);
    }),
  );
});

test.each<[Filter, Filter, boolean]>([
  [{ match: [], tags: [] }, { match: ['/a'], tags: ['b'] }, true],
  [{ match: ['/a'], tags: [] }, { match: [], tags: [] }, false],
  [{ match: ['/a', '/b'], tags: ['c'] }, { match: ['/b'], tags: ['c'] }, true],
  [{ match: ['/a'], tags: [] }, { match: ['/a'], tags: ['c'] }, false],
  // Of how origins stand, a stream of everything is told too little.
  [{ match: [], tags: [] }, { match: [], tags: ['unstale:origin:*'] }, false],
  [{ match: [], tags: [] }, { match: [], tags: ['unst*'] }, false],
  [{ match: [], tags: [] }, { match: ['/a'], tags: ['step:7'] }, true],
  [{ match: ['/**'], tags: ['*'] }, { match: ['/a'], tags: ['unstale:origin:*'] }, true],
  // All events that have a tag, or a path: some have only the other.
  [{ match: [], tags: ['*'] }, { match: ['/a'], tags: [] }, false],
  [{ match: ['/**'], tags: [] }, { match: [], tags: ['step:7'] }, false],
])('%j covers %j: %j', (wide, narrow, expected) => {
  expect(covers(wide, narrow)).toBe(expected);
});
