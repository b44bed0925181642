import { expect, test } from 'vitest';
import { wordsOfStaleIfError } from '../../src/snapshot/report.ts';
import { configOf } from '../config/parse.ts';

test.each([
  ['by default', '', 'staleIfError: off'],
  [
    'on a route',
    '{ match: /a, cache: { staleIfError: 10m } }',
    'staleIfError: on for 1 of 2 policies, for 600000 ms at most',
  ],
  ['on a route that stores nothing', '{ match: /a, cache: off }', 'staleIfError: off'],
])('what is said of staleIfError %s', (_, route, words) => {
  expect(wordsOfStaleIfError(configOf(`origin: { url: "http://127.0.0.1:1" }\nroutes: [${route}]\n`))).toBe(words);
});
