import { expect, test } from 'vitest';
import { mayCover } from '../../src/coherence/write-set.ts';
import { DEFAULT_ORIGIN } from '../../src/config/origins.ts';
import { saidOf } from '../../src/exchange/inspect/verdict.ts';
import type { ClientRequest, Origin } from '../../src/exchange/ports.ts';
import { compileRoutes } from '../../src/exchange/routes.ts';
import { readsOf, representationAt } from '../../src/exchange/write/plan.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { compileSpellings } from '../../src/rules/spellings.ts';
import { coverageOf } from '../../src/rules/target.ts';
import { configOf } from '../config/parse.ts';

/* What reads and writes are taken for where an origin takes several paths for the same. */

function compiled(yaml: string) {
  const config = configOf(yaml);
  return {
    rules: compileRules(config.rules, config.routes, compileSpellings(config)),
    routes: compileRoutes(config, new Map([[DEFAULT_ORIGIN, {} as Origin]])),
  };
}

test('the read set of a write has the tags of its representation in every spelling', () => {
  const { rules, routes } = compiled(`
origin: { url: "http://a", ignoreInPaths: [case, extension] }
routes: [{ match: "/items/:id", cache: { ttl: 60s }, tags: ["In:{id}"] }]
`);
  expect(representationAt(rules, routes, '/items/B').tags).toEqual(['In:B', 'in:b']);
  expect(representationAt(rules, routes, '/items/B.c').tags).toEqual(['In:B.c', 'In:B', 'in:b.c', 'in:b']);
});

test('a write reads what another in flight writes under another spelling', () => {
  const { rules, routes } = compiled(`
origin: { url: "http://a", ignoreInPaths: [case] }
rules: [{ name: r, on: "PUT /items/:id", invalidate: ["/Lists/{id}"] }]
`);
  const conflicts = (written: string, read: string): boolean => {
    const request = { target: { resource: read } } as ClientRequest;
    const coverage = coverageOf([{ kind: 'path', path: written }], rules.paths);
    return readsOf(rules, routes, request, undefined).some((each) => mayCover(coverage, each, rules.knowledge));
  };
  expect([conflicts('/items/b', '/items/B'), conflicts('/items/b', '/items/c')]).toEqual([true, false]);
});

test('a write conflicts with those of its own tags, however they are spelled', () => {
  const { paths, knowledge } = compiled(`
origin: { url: "http://a", ignoreInPaths: [case] }
routes:
  - { match: "/baskets/:id", cache: { ttl: 60s }, tags: ["IN:{response.item}"] }
  - { match: "/others/:id", cache: { ttl: 60s }, tags: ["Other:{response.item}"] }
rules: [{ name: r, on: "PUT /items/:id", invalidate: [{ tag: "In:{id}" }] }]
`).rules;
  const coverage = coverageOf([{ kind: 'tag', tag: 'In:B' }], paths);
  const read = (path: string, tags: string[], head: string) => ({ path, tags, open: knowledge.families.related(head) });
  expect([
    mayCover(coverage, read('/baskets/1', [], 'IN:'), knowledge),
    mayCover(coverage, read('/baskets/1', [], 'IN'), knowledge),
    mayCover(coverage, read('/others/1', [], 'Other:'), knowledge),
    mayCover(coverage, { path: '/others/1', tags: ['Other:1'], open: [] }, knowledge),
  ]).toEqual([true, true, false, false]);
});

test.each(['/pages/me', '/pages/me.xml', '/pages/7', '/pages/7.json', '/others/7', '/pages/7/x', '/OTHERS/7'])(
  'an explanation finds the policy of %s as a gateway does',
  (path) => {
    const config = configOf(`
origin: { url: "http://a", ignoreInPaths: [case, extension] }
routes:
  - { match: "/pages/:id.json", cache: { ttl: 60s } }
  - { match: "/pages/me", cache: off }
  - { match: "/pages/:id", cache: { ttl: 90s } }
  - { match: "/others/:id", cache: { ttl: 60s } }
defaults: { cache: { ttl: 30s } }
`);
    const routes = compileRoutes(config, new Map([[DEFAULT_ORIGIN, {} as Origin]]));
    expect(saidOf(config).findPolicy(path)).toEqual(routes.find(path).route.policy);
  },
);
