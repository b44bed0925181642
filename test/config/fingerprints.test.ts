import { expect, test } from 'vitest';
import { shapeOf } from '../../src/fingerprints.ts';
import { compileSpellings } from '../../src/rules/spellings.ts';
import { foldedCoverage } from '../../src/rules/target.ts';
import { configOf } from './parse.ts';

/* What one node stores, others find in Redis, unless another configuration has stored it. */

const shape = (settings: string): string => shapeOf(configOf(`origin: { url: http://127.0.0.1:1 }\n${settings}`));

test.each([
  ['what counts as credentials', 'credentialHeaders: [x-who]'],
  ['credentials in queries', 'credentialParams: [who]'],
  ['credentials that all share', 'defaults: { cache: { credentials: { shared: [x-api-key] } } }'],
  ['cookies that say nothing', 'defaults: { cache: { cookies: { ignore: [seen] } } }'],
  ['tags', 'routes: [{ match: /a, tags: [a] }]'],
])('another configuration: %s', (_what, settings) => {
  expect(shape(settings)).not.toBe(shape(''));
});

test('what a record of a node with another configuration covers has the own form of all spellings', () => {
  const { folded } = compileSpellings(configOf('origin: { url: http://127.0.0.1:1, ignoreInPaths: [case] }'));
  const coverage = { tags: new Set(['p:/items/B', 'q:/Lists/1?a=1']), patterns: ['/Trips/B/*'], tagPatterns: [] };
  expect(foldedCoverage(coverage, folded)).toEqual({
    tags: new Set(['p:/items/B', 'q:/Lists/1?a=1', 'p:/items/b', 'p:/lists/1']),
    patterns: ['/Trips/B/*', '/trips/b/*'],
    tagPatterns: [],
  });
});

test.each([
  ['written in another order', 'credentialHeaders: [x-who, x-them]', 'credentialHeaders: [x-them, x-who]'],
  ['of other rules', '', 'rules: [{ on: PUT /a, invalidate: [/b] }]'],
])('the same configuration: %s', (_what, one, other) => {
  expect(shape(one)).toBe(shape(other));
});
