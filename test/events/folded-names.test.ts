import { expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { foldedGrant, foldedNames } from '../../src/events/folded-names.ts';
import { Grants, grantOf } from '../../src/events/grants.ts';
import { MAX_SEGMENTS, Topic } from '../../src/events/topic.ts';
import { compileSpellings } from '../../src/rules/spellings.ts';
import { configOf } from '../config/parse.ts';

/* Events also have the folded form of each name, where all origins ignore the same. */

const told = (named: Partial<Event>): Event => ({
  ...{ id: 'e-1', type: 'invalidate', paths: [], tags: [], at: '' },
  ...{ cause: { method: 'PUT', path: '/items/B', rule: null } },
  ...named,
});

test.each<[string, string, Partial<Event>, Partial<Event>]>([
  ['a path', 'case', { paths: ['/items/B'] }, { paths: ['/items/b'] }],
  ['a path with an extension', 'extension', { paths: ['/items/B.json'] }, { paths: ['/items/B'] }],
  ['a query, sorted', 'case', { paths: ['/Found?Item=B&a=1'] }, { paths: ['/found?a=1&item=b'] }],
  ['a pattern', 'case', { paths: ['/Trips/B/*/**'] }, { paths: ['/trips/b/*/**'] }],
  ['a tag', 'case', { tags: ['In:B'] }, { tags: ['in:b'] }],
  ['a tag with wildcards', 'case', { tags: ['In:*:B'] }, { tags: ['in:*:b'] }],
  ['what has that form', 'case', { paths: ['/items/b'], tags: ['in:b'] }, {}],
])('%s', (_what, ignored, named, added) => {
  const config = configOf(`origin: { url: "http://a", ignoreInPaths: [${ignored}] }`);
  const { paths, tags } = told(named);
  expect(foldedNames(compileSpellings(config), (event) => event)(told(named))).toMatchObject({
    paths: [...paths, ...(added.paths ?? [])],
    tags: [...tags, ...(added.tags ?? [])],
  });
});

test('the folded forms of a claim do not count against its bound', () => {
  const claim = { match: Array.from({ length: 64 }, (_, i) => `/Teams/T${i}/*/**`) };
  const granted = grantOf(claim, 'ann');
  if ('mistake' in granted) throw new Error(granted.mistake);
  const config = configOf('origin: { url: "http://a", ignoreInPaths: [case] }');
  const rights = new Grants(foldedGrant(compileSpellings(config))(granted), { subject: 'ann', expiresAt: undefined });
  const { patterns } = new Topic({ match: [], tags: [] }, rights);
  expect(patterns.join('').split('/').length - 1).toBe(2 * MAX_SEGMENTS);
});
