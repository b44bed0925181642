import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import type { Filter } from '../../src/events/filter.ts';
import { Grants, grantOf } from '../../src/events/grants.ts';

const cause = { method: 'PUT', path: '/users/7/orders/1', rule: 'a rule' };
const event = (paths: string[], tags: string[] = [], more: Partial<Event> = {}): Event => ({
  ...{ id: 'e-1', type: 'invalidate', paths, tags, cause, at: '' },
  ...more,
});

function rights(claim: unknown, sub = '7'): Grants {
  const grant = grantOf(claim, sub);
  if ('mistake' in grant) throw new Error(grant.mistake);
  return new Grants(grant, { subject: sub, expiresAt: undefined });
}

describe('what of an event may be seen', () => {
  const own = { match: ['/users/{sub}/**'], tags: ['room:*', 'user:{sub}'] };
  test.each<[what: string, claim: object, event: Event, paths: string[], tags: string[]]>([
    ['a path that is granted', own, event(['/users/7/orders/1']), ['/users/7/orders/1'], []],
    ['of several paths, those that are granted', own, event(['/users/8', '/users/7', '/orders']), ['/users/7'], []],
    ['a query of a path that is granted', own, event(['/users/7?full=1']), ['/users/7?full=1'], []],
    [
      'of several tags, those that are granted',
      own,
      event([], ['room:1', 'user:8', 'user:7']),
      [],
      ['room:1', 'user:7'],
    ],
    ['of a wildcard, what is granted of it', own, event(['/users/*']), ['/users/7'], []],
    ['of everything, what is granted', own, event(['/**'], ['*']), ['/users/7/**'], ['room:*', 'user:7']],
    ['a wildcard within what is granted, as it is', own, event(['/users/7/orders/*']), ['/users/7/orders/*'], []],
    ['of a tag wildcard, what is granted of it', own, event([], ['user:*']), [], ['user:7']],
    ['what wildcards have in common', { match: ['/*/b/:x.json'] }, event(['/a/*/**']), ['/a/b/*.json'], []],
    ['everything, where all is granted', { match: ['/**'], tags: ['*'] }, event(['/a'], ['b']), ['/a'], ['b']],
  ])('%s', (_what, claim, seen, paths, tags) => {
    expect(rights(claim).visible(seen)).toMatchObject({ paths, tags });
  });

  test.each<[what: string, claim: object, event: Event]>([
    ['a path of another user', own, event(['/users/8/orders/1'])],
    ['a path whose beginning alone is granted', own, event(['/users/77'])],
    ['a tag of another user', own, event([], ['user:77', 'user:'])],
    ['a wildcard that is about others', own, event(['/orders/*'], ['order:*'])],
    ['a path, where tags alone are granted', { tags: ['*'] }, event(['/a'])],
    ['anything, where nothing is granted', {}, event(['/**'], ['*'])],
  ])('nothing: %s', (_what, claim, hidden) => {
    expect(rights(claim).visible(hidden)).toBeUndefined();
  });

  test.each<[what: string, event: Event, shown: Partial<Event>]>([
    [
      'whole, where all of it may be seen',
      event(['/users/7'], [], { payload: { a: 1 } }),
      { cause, payload: { a: 1 } },
    ],
    ['a payload is left out with a path', event(['/users/7', '/x'], [], { payload: { a: 1 } }), { cause }],
    ['a payload is left out with a tag', event(['/users/7'], ['x'], { payload: { a: 1 } }), { cause }],
    [
      'a cause that may not be seen is hidden, and the payload with it',
      event(['/users/7'], [], { cause: { ...cause, path: '/users/8' }, payload: { a: 1 } }),
      { cause: { method: 'UNKNOWN', path: '/**', rule: null } },
    ],
    [
      "an operator's invalidation has no cause that may be seen",
      event(['/users/7'], [], { cause: { method: 'POST', path: 'admin:/invalidate', rule: null } }),
      { cause: { method: 'UNKNOWN', path: '/**', rule: null } },
    ],
  ])('%s', (_what, told, shown) => {
    const { payload, ...rest } = told;
    expect(rights(own).visible(told)).toEqual({ ...rest, paths: ['/users/7'], tags: [], ...shown });
  });
});

describe('{sub} is data', () => {
  test.each<[sub: string, sees: string[], hidden: string[]]>([
    ['*', ['/users/%2A/a'], ['/users/7/a', '/users/a']],
    ['**', ['/users/%2A%2A'], ['/users/7', '/users']],
    [':id', ['/users/%3Aid'], ['/users/7']],
    ['a/b', ['/users/a%2Fb'], ['/users/a/b', '/users/a']],
    ['..', [], ['/users', '/', '/users/7', '/users/..']],
    ['{sub}', ['/users/%7Bsub%7D'], ['/users/sub']],
    ['$&', ['/users/%24%26'], ['/users/%7Bsub%7D']],
    ['7?x', ['/users/7%3Fx'], ['/users/7']],
    ['ü 1', ['/users/%C3%BC%201'], ['/users/1']],
  ])('%j', (sub, sees, hidden) => {
    const { visible } = {
      visible: (path: string) => rights({ match: ['/users/{sub}/**'] }, sub).visible(event([path])),
    };
    for (const path of sees) expect(visible(path)?.paths).toEqual([path]);
    for (const path of hidden) expect(visible(path)).toBeUndefined();
  });
});

test.each<[what: string, claim: unknown, sub: string | undefined, mistake: RegExp]>([
  ['no claim', undefined, '7', /not an object/],
  ['a text', '/**', '7', /not an object/],
  ['a list', ['/**'], '7', /not an object/],
  ['null', null, '7', /not an object/],
  ['another key', { match: ['/**'], paths: [] }, '7', /"paths"/],
  ['a pattern that is no list', { match: '/**' }, '7', /lists/],
  ['a pattern that is no text', { match: ['/a', 7] }, '7', /lists/],
  ['one bad pattern among good ones', { match: ['/**', 'a'] }, '7', /start with a slash/],
  ['a pattern of another syntax', { match: ['/users/{id}'] }, '7', /match/],
  ['an empty tag', { tags: [''] }, '7', /empty/],
  ['{sub} without a sub', { match: ['/users/{sub}/**'] }, undefined, /"sub"/],
  ['{sub} with an empty sub', { match: ['/users/{sub}/**'] }, '', /"sub"/],
  ['{sub} that would be the name of a parameter', { match: ['/users/:id{sub}'] }, 'x', /parameter/],
  ['{sub} with a star in a tag', { tags: ['user:{sub}'] }, '*', /wildcard/],
  ['too many patterns', { match: Array.from({ length: 65 }, (_, i) => `/${i}`) }, '7', /more than 64/],
  ['patterns that are too long', { match: [`/${'a/'.repeat(300)}`] }, '7', /more than 256 segments/],
  ['a long sub', { match: ['/users/{sub}'] }, 'x'.repeat(2_000), /characters/],
])('a claim with a mistake grants nothing: %s', (_what, claim, sub, mistake) => {
  expect(grantOf(claim, sub)).toEqual({ mistake: expect.stringMatching(mistake) });
});

test.each<[asked: Partial<Filter>, granted: Partial<Filter>, allows: boolean]>([
  [{}, { match: ['/a'] }, true],
  [{}, {}, false],
  [{ match: ['/users/:id'] }, { match: ['/users/7/**'] }, true],
  [{ match: ['/users/8'] }, { match: ['/users/7/**'] }, false],
  [{ match: ['/users/8', '/users/7'] }, { match: ['/users/7/**'] }, true],
  [{ tags: ['room:*'] }, { tags: ['room:7'] }, true],
  [{ tags: ['room:8'] }, { tags: ['room:7'], match: ['/**'] }, false],
])('who asks %j and is granted %j: %j', (asked, granted, allows) => {
  expect(rights(granted).allows({ match: [], tags: [], ...asked })).toBe(allows);
});

test.each([7, {}, ['a'], null, true])('a "sub" of %j, which is no text, grants nothing', (sub) => {
  expect(grantOf({ match: ['/users/{sub}/**'] }, sub)).toEqual({ mistake: 'the "sub" is no text' });
});
