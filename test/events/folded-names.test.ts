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
  ['a pattern with text beside a wildcard', 'case', { paths: ['/Items/*.JSON'] }, { paths: ['/items/*.json'] }],
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
  const config = configOf('origin: { url: "http://a", ignoreInPaths: [case] }');
  const granted = grantOf(claim, 'ann', foldedGrant(compileSpellings(config)));
  if ('mistake' in granted) throw new Error(granted.mistake);
  const rights = new Grants(granted, { subject: 'ann', expiresAt: undefined });
  const { patterns } = new Topic({ match: [], tags: [] }, rights);
  expect(patterns.join('').split('/').length - 1).toBe(2 * MAX_SEGMENTS);
});

test.each<[string, string, { match?: string[]; tags?: string[] }, { match?: string[]; tags?: string[] }]>([
  ['case', 'ann', { match: ['/Users/{sub}/**'] }, { match: ['/Users/ann/**', '/users/ann/**'] }],
  ['case', 'ADMIN', { match: ['/Users/{sub}/**'] }, { match: ['/Users/ADMIN/**', '/users/ADMIN/**'] }],
  ['case', 'ADMIN', { tags: ['User:{sub}'] }, { tags: ['User:ADMIN', 'user:ADMIN'] }],
  ['parameters', ';x', { match: ['/users/{sub}/**'] }, { match: ['/users/%3Bx/**'] }],
  ['parameters', ';x', { match: ['/{sub}/**'] }, { match: ['/%3Bx/**'] }],
  ['parameters', 'admin;x', { match: ['/users/{sub}/**'] }, { match: ['/users/admin%3Bx/**'] }],
  ['extension', 'admin.x', { match: ['/users/{sub}'] }, { match: ['/users/admin.x'] }],
  ['extension', 'ann', { match: ['/users/{sub}.json'] }, { match: ['/users/ann.json', '/users/ann'] }],
  ['extension', 'ann', { match: ['/users/admin.{sub}'] }, { match: ['/users/admin.ann'] }],
  ['case', 'ann', { match: ['/SUB0/{sub}'] }, { match: ['/SUB0/ann'] }],
  ['case', 'ann', { match: ['/sub0/A/{sub}'] }, { match: ['/sub0/A/ann', '/sub0/a/ann'] }],
])(
  'with [%s], a claim of "%s" grants its folded forms, but none of the value of {sub}: %j',
  (ignored, sub, claim, granted) => {
    const config = configOf(`origin: { url: "http://a", ignoreInPaths: [${ignored}] }`);
    const nothing = { match: [], tags: [] };
    expect(grantOf(claim, sub, foldedGrant(compileSpellings(config)))).toEqual({ ...nothing, ...granted });
  },
);
