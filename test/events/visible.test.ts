import { expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { visibleEvents } from '../../src/events/visible.ts';
import { compileSpellings } from '../../src/rules/spellings.ts';
import { configOf } from '../config/parse.ts';

const config = (defaults = ''): string => `origin: { url: http://x }
${defaults}
routes:
  - match: /own/kept
    cache: { ttl: 60s }
  - match: /own/**
    cache: off
  - match: /mixed/:id
    cache: off
  - match: /things/**
    cache: { ttl: 60s }
rules:
  - { name: declared, on: POST /own/:id, event: own.changed, invalidate: [/own/x] }
  - { name: silent, on: PUT /own/:id, invalidate: [/own/x] }
`;
const event = (paths: string[], cause: Partial<Event['cause']> = {}, tags: string[] = []): Event => ({
  id: 'e-1',
  type: 'invalidate',
  paths,
  tags,
  cause: { method: 'POST', path: '/things/1', rule: null, ...cause },
  at: '',
});

test.each<[string, Event, string[] | undefined]>([
  ['a cached path', event(['/things/1']), ['/things/1']],
  ['one that no route names', event(['/else']), ['/else']],
  ['one that is not cached', event(['/own/S3CRET']), undefined],
  ['one of a single query that is not cached', event(['/own/S3CRET?token=1']), undefined],
  ['both', event(['/own/S3CRET', '/things/1']), ['/things/1']],
  ['one that an earlier route caches', event(['/own/kept']), ['/own/kept']],
  ['a tag along with it', event(['/own/S3CRET'], {}, ['thing:1']), []],
  ['one whose rule names the event', event(['/own/7'], { rule: 'declared' }), ['/own/7']],
  ['one whose rule names none', event(['/own/7'], { rule: 'silent' }), undefined],
  ['one that an operator names', event(['/own/7'], { path: 'admin:/invalidate' }), ['/own/7']],
  ['a pattern that is cached nowhere', event(['/own/deeper/*']), undefined],
  ['a pattern that is cached in part', event(['/own/*', '/own/**']), ['/own/*', '/own/**']],
  ['a pattern that no route covers', event(['/mixed/**', '/mixed/*/x']), ['/mixed/**', '/mixed/*/x']],
  ['a pattern that one route covers', event(['/mixed/*']), undefined],
  ['everything', event(['/**']), ['/**']],
])('%s', (_what, happened, paths) => {
  expect(visibleEvents(configOf(config()))(happened)?.paths).toEqual(paths);
});

test.each<[string, string[] | undefined]>([
  ['/own/deeper/*', undefined],
  ['/own/**', ['/own/**']],
  ['/mixed/*', undefined],
  ['/mixed/*/x', ['/mixed/*/x']],
  ['/mixed/**', ['/mixed/**']],
  ['/**', ['/**']],
])(
  'where a catch-all stands behind the others, the first route that has all of a pattern decides: %s',
  (path, paths) => {
    const last = `  - { match: "/**", cache: { ttl: 60s } }\nrules:`;
    expect(visibleEvents(configOf(config().replace('rules:', last)))(event([path]))?.paths).toEqual(paths);
  },
);

test('a spelling that the origin takes for a path that is not cached is left out as that path is', () => {
  const yaml = `origin: { url: http://x, ignoreInPaths: [case] }
defaults: { cache: { ttl: 60s } }
routes:
  - { match: /reset/:token, cache: off }
`;
  const parsed = configOf(yaml);
  const visible = visibleEvents(parsed, compileSpellings(parsed).plain);
  const seen = visible(event(['/RESET/S3CRET', '/THINGS/1'], { path: '/Reset/S3CRET' }));
  expect([seen?.paths, seen?.cause.path]).toEqual([['/THINGS/1'], '/reset/:token']);
});

test('what caused it is named by its route where it is not cached', () => {
  const visible = visibleEvents(configOf(config()));
  const pathOf = (cause: Partial<Event['cause']>): string | undefined =>
    visible(event(['/things/1'], cause))?.cause.path;
  expect(pathOf({ path: '/own/S3CRET' })).toBe('/own/**');
  expect(pathOf({ path: '/mixed/S3CRET' })).toBe('/mixed/:id');
  // As the request spelled it.
  for (const path of ['/mixed/S3CRET/', '//mixed//S3CRET']) expect(pathOf({ path })).toBe('/mixed/:id');
  expect(pathOf({ path: '/own/7', rule: 'declared' })).toBe('/own/7');
  expect(pathOf({ path: '/things/1' })).toBe('/things/1');
});

test('if nothing is cached by default, only what a route caches is announced', () => {
  const visible = visibleEvents(configOf(config('defaults: { cache: off }')));
  expect(visible(event(['/else', '/else/*']))).toBeUndefined();
  expect(visible(event(['/**', '/else/**'], { path: '/else' }))).toMatchObject({
    paths: ['/**'],
    cause: { path: '/**' },
  });
});

test('an event of which nothing is left out is not copied', () => {
  const visible = visibleEvents(configOf(config()));
  const whole = event(['/things/1', '/things/*'], {}, ['thing:1']);
  expect(visible(whole)).toBe(whole);
});
