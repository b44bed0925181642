import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import type { DraftRule } from '../../src/openapi/draft-model.ts';
import { covers, patternsMeet } from '../../src/openapi/pattern-sets.ts';
import { coversTarget, isAsWideOn } from '../../src/openapi/target-sets.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { warningsOf } from '../config/parse.ts';

/* What several rules have in common is written once. What each write makes stale stays the same. */

const folder = 'test/openapi';
const documents = ['documents', 'published'].flatMap((name) =>
  readdirSync(`${folder}/${name}`)
    .filter((file) => /\.(?:ya?ml|json)$/.test(file))
    .map((file) => `${name}/${file}`),
);

const targetsOf = (rules: readonly DraftRule[], method: string, pattern: string): string[] =>
  rules
    .filter((rule) => rule.methods.includes(method) && covers(rule.pattern, pattern))
    .flatMap(({ targets }) => targets.map(({ text }) => text));

test.each(documents)('%s: each write makes the same stale, in fewer lines', (name) => {
  const text = readFileSync(`${folder}/${name}`, 'utf8');
  const full = draftConfig(text, { condense: false });
  const draft = draftConfig(text);
  expect(writeDraft(draft, name).length).toBeLessThanOrEqual(writeDraft(full, name).length);
  const stored = draft.routes.filter(({ off }) => !off).map(({ match }) => match);
  for (const { methods, pattern } of full.rules) {
    for (const method of methods) {
      const wanted = targetsOf(full.rules, method, pattern);
      const found = targetsOf(draft.rules, method, pattern);
      const lost = wanted.filter((each) => !found.some((other) => coversTarget(other, each)));
      expect(lost, `${method} ${pattern}`).toEqual([]);
      const added = found.filter((each) => {
        if (wanted.includes(each)) return false;
        const concerned = stored.filter((route) => each.startsWith('/') && patternsMeet(each, route));
        return !concerned.every((route) => wanted.some((other) => isAsWideOn(route, other, each)));
      });
      expect(added, `${method} ${pattern}`).toEqual([]);
    }
  }
});

const json = (schema: object) => ({ responses: { 200: { content: { 'application/json': { schema } } } } });
const thing = { type: 'object', properties: { id: { type: 'string' }, name: { type: 'string' } } };
const list = json({ type: 'array', items: thing });
const one = { get: json(thing), put: json(thing) };
const draftOf = (paths: object) => draftConfig(JSON.stringify({ openapi: '3.1.0', paths }));

test('what all writes below a resource have in common is a rule of its own', () => {
  const below = Object.fromEntries(
    ['parts', 'notes', 'tags', 'files', 'links', 'users'].map((name) => [
      `/things/{id}/${name}/{${name}Id}`,
      { get: json({ type: 'object', properties: { [`${name}Id`]: { type: 'string' } } }), put: {} },
    ]),
  );
  const { rules } = draftOf({ '/things': { get: list }, '/things/{id}': one, ...below });
  const shared = rules.find(({ pattern }) => pattern === '/things/:id/**');
  expect(shared?.targets.map(({ text }) => text)).toEqual(['/things/{id}', 'thing:{id}', '/things']);
  expect(rules.filter(({ targets }) => targets.some(({ text }) => text === '/things'))).toEqual([shared]);
});

test('of a rule, what another target covers is left out', () => {
  const node = { type: 'object', properties: { id: { type: 'string' }, parent: { type: 'string' } } };
  const draft = draftOf({
    '/nodes/{id}': { get: json(node), delete: {} },
    '/nodes/{id}/children': { get: json({ type: 'array', items: node }) },
    '/nodes/{id}/parents': { get: json({ type: 'array', items: node }) },
  });
  for (const { targets } of draft.rules)
    for (const { text } of targets)
      expect(targets.filter((other) => coversTarget(other.text, text)).map((other) => other.text)).toEqual([text]);
  expect(warningsOf(writeDraft(draft, 'x'))).toEqual([]);
});

test.each([
  ['/a/*', '/a/{id}', true],
  ['/a/{id}', '/a/*', false],
  ['/a/{id, response.id}', '/a/{id}', true],
  ['/a/{id}.json', '/a/{id}', false],
  ['/a/{id, response.id}.json', '/a/{id}.json', true],
  ['/a/**', '/a/{id}/b', true],
  ['/a/*', '/a/{id}/b', false],
  ['/a/*/b', '/a/**', false],
  ['a:*', 'a:{id}', true],
  ['a:*', 'b:{id}', false],
  ['a:{id}', '/a/{id}', false],
  // What a JSONPath selects is not compared.
  ["/a/{response['x, y'].id, id}", '/a/{id}', false],
])('%s covers %s: %s', (wide, narrow, does) => {
  expect(coversTarget(wide, narrow)).toBe(does);
});
