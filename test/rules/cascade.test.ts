import { describe, expect, test } from 'vitest';
import { compileCascade } from '../../src/rules/cascade.ts';
import { describeTarget } from '../../src/rules/target.ts';
import type { Target } from '../../src/rules/types.ts';

type Routes = Parameters<typeof compileCascade>[0];

const of = (routes: Routes, target: Target, certain = false): string[] =>
  compileCascade(routes).of(target, certain).map(describeTarget);

/** Each route embeds the one before it. */
const chain = (length: number): Routes =>
  Array.from({ length }, (_, i) => ({
    match: `/r${i}/:id`,
    tags: [`t${i}:{id}`, ...(i === 0 ? [] : [`t${i - 1}:{response.below[*].id}`])],
  }));

describe('a cascade goes on', () => {
  test('exactly from what is written, by wildcards from what embeds it', () => {
    expect(of(chain(3), { kind: 'path', path: '/r0/7' })).toEqual(['tag:t0:7', 'tag:t1:*', 'tag:t2:*']);
  });

  test('to the end of a chain, however long: nothing is cut off silently', () => {
    const tags = Array.from({ length: 40 }, (_, i) => (i === 0 ? 'tag:t0:7' : `tag:t${i}:*`));
    expect(of(chain(40), { kind: 'path', path: '/r0/7' })).toEqual(tags);
  });

  test('no further than what is certain, where the rule ignores the rest', () => {
    expect(of(chain(3), { kind: 'path', path: '/r0/7' }, true)).toEqual(['tag:t0:7']);
  });

  test('not beyond a route that says nothing of itself', () => {
    const routes = chain(3).map((route, i) => (i === 1 ? { ...route, tags: route.tags.slice(1) } : route));
    expect(of(routes, { kind: 'path', path: '/r0/7' })).toEqual(['tag:t0:7']);
  });
});

describe('cycles end', () => {
  const rows: [string, Routes, string[]][] = [
    [
      'of one, which embeds its like',
      [{ match: '/a/:id', tags: ['a:{id}', 'a:{response.related[*].id}'] }],
      ['tag:a:7', 'tag:a:*'],
    ],
    [
      'of two, which embed each other',
      [
        { match: '/a/:id', tags: ['a:{id}', 'b:{response.bs[*].id}'] },
        { match: '/b/:id', tags: ['b:{id}', 'a:{response.as[*].id}'] },
      ],
      ['tag:a:7', 'tag:b:*', 'tag:a:*'],
    ],
    [
      'above what is written',
      [
        { match: '/a/:id', tags: ['a:{id}'] },
        { match: '/b/:id', tags: ['b:{id}', 'a:{response.as[*].id}', 'c:{response.cs[*].id}'] },
        { match: '/c/:id', tags: ['c:{id}', 'b:{response.bs[*].id}'] },
      ],
      ['tag:a:7', 'tag:b:*', 'tag:c:*'],
    ],
  ];
  test.each(rows)('%s', (_, routes, tags) => expect(of(routes, { kind: 'path', path: '/a/7' })).toEqual(tags));

  test('of routes that all embed each other, each of which is gone through once', () => {
    const all = Array.from({ length: 200 }, (_, i) => i);
    const embedded = all.map((i) => `t${i}_{response.t${i}}`);
    const routes = all.map((i) => ({ match: `/r${i}/:id`, tags: [`t${i}_{id}`, ...embedded] }));
    expect(of(routes, { kind: 'path', path: '/r0/7' })).toHaveLength(201);
  });
});
