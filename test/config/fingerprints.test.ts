import { expect, test } from 'vitest';
import { shapeOf } from '../../src/fingerprints.ts';
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

test.each([
  ['written in another order', 'credentialHeaders: [x-who, x-them]', 'credentialHeaders: [x-them, x-who]'],
  ['of other rules', '', 'rules: [{ on: PUT /a, invalidate: [/b] }]'],
])('the same configuration: %s', (_what, one, other) => {
  expect(shape(one)).toBe(shape(other));
});
