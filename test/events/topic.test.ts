import { expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { Topic, TopicIndex } from '../../src/events/topic.ts';
import { PatternError } from '../../src/route/pattern.ts';

const event = (paths: string[], tags: string[]): Event => ({
  id: 'e-1',
  type: 'invalidate',
  paths,
  tags,
  cause: { method: 'PUT', path: '/', rule: null },
  at: '',
});

test.each([
  ['everything', { match: [], tags: [] }, event(['/a'], []), true],
  ['a path', { match: ['/steps/7'], tags: [] }, event(['/steps/7'], []), true],
  ['another path', { match: ['/steps/7'], tags: [] }, event(['/steps/8'], []), false],
  ['a pattern', { match: ['/steps/:id'], tags: [] }, event(['/x', '/steps/8'], []), true],
  ['a pattern of another length', { match: ['/steps/:id'], tags: [] }, event(['/steps/8/thumbnail'], []), false],
  ['any rest', { match: ['/steps/**'], tags: [] }, event(['/steps/8/thumbnail'], []), true],
  ['a widened event', { match: ['/steps/7'], tags: [] }, event(['/steps/*'], []), true],
  ['a widened event elsewhere', { match: ['/trips/7'], tags: [] }, event(['/steps/*'], []), false],
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
  expect(topic.matches(happened)).toBe(expected);
  const index = new TopicIndex();
  index.add(topic);
  expect([...index.matching(happened)]).toEqual(expected ? [topic] : []);
  index.remove(topic);
  expect([...index.matching(happened)]).toEqual([]);
});

test('filters that say the same are one topic', () => {
  const a = new Topic({ match: ['/steps/:id', '/a'], tags: ['x', 'y', 'x'] });
  const b = new Topic({ match: ['/a/', '/steps/*', '/a'], tags: ['y', 'x'] });
  expect(a.key).toBe(b.key);
  expect(() => new Topic({ match: ['steps'], tags: [] })).toThrow(PatternError);
});
