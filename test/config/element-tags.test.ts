import { describe, expect, test } from 'vitest';
import { warningsOf } from './parse.ts';

/* A response is found by the tags of what it lists. What is added to the list has to find it in another way. */

const rule = { on: 'PUT|PATCH|DELETE /inns/:id', invalidate: '{ tag: "inn:{id}" }' };
const said = (route: string, ...rules: { on: string; invalidate: string }[]): string[] => {
  const written = rules.map(({ on, invalidate }) => `  - { on: "${on}", invalidate: [${invalidate}] }\n`);
  const yaml = `origin: { url: http://x, ignoreInPaths: [] }\nroutes:\n  - ${route}\nrules:\n${written.join('')}`;
  return warningsOf(yaml).map(({ line, column, code, message }) => `${line}:${column} ${code}: ${message}`);
};
const ofInns = 'inn:{response.inns[*].id}';
const step = `{ match: /steps/:id, tags: ["${ofInns}"] }`;
const alone = (column: number, tag: string): string =>
  `3:${column} element-tags-alone: nothing invalidates /steps/:id when an element is added: ${tag} names those that it lists`;

describe('is said', () => {
  test.each([
    ['where no rule finds the route otherwise', step, [rule]],
    [
      'where rules find others by their paths',
      step,
      [rule, { on: 'POST /inns', invalidate: '"/trips/{response.trip}"' }],
    ],
    [
      'where those who add name the added alone',
      step,
      [rule, { on: 'POST /inns', invalidate: '{ tag: "inn:{response.id}" }' }],
    ],
    ['where other rules are for writes to the route', step, [rule, { on: 'PUT /steps/:id', invalidate: '"/steps"' }]],
  ])('%s', (_what, route, rules) => {
    const found = said(route, ...rules).filter((text) => text.includes('element-tags-alone'));
    expect(found).toEqual([alone(33, ofInns)]);
  });

  test.each([
    'inn:{response.inns[0:5].id}',
    "inn:{response['inns', :0][*].id}",
    'inn:{response..inn}',
    'inn:{response.inns[*].id, response.others[*].id}',
    'inn:{response.inns[*].id}:{id}',
  ])('of %s', (tag) => {
    expect(said(`{ match: /steps/:id, tags: ["${tag}"] }`, { ...rule, invalidate: '{ tag: "inn:*" }' })).toEqual([
      alone(33, tag),
    ]);
  });

  test('once of a route', () => {
    const tags = `"${ofInns}", "act:{response.acts[*].id}"`;
    const acts = { on: 'PUT /acts/:id', invalidate: '{ tag: "act:{id}" }' };
    expect(said(`{ match: /steps/:id, tags: [${tags}] }`, rule, acts)).toEqual([alone(33, ofInns)]);
  });
});

describe('is not said', () => {
  const newInn = (invalidate: string) => ({ on: 'POST /inns', invalidate });

  test.each([
    ['where a rule names the path', step, [rule, newInn('"/steps/{response.stepId}"')]],
    ['where one names a pattern', step, [rule, newInn('"/steps/**"')]],
    ['where one names one of its queries', step, [rule, newInn('"/steps/{response.stepId}?full={response.id}"')]],
    [
      'where another tag is invalidated',
      `{ match: /steps/:id, tags: ["step:{id}", "${ofInns}"] }`,
      [rule, newInn('{ tag: "step:{response.stepId}" }')],
    ],
    [
      'of a tag that has a value without the list',
      '{ match: /steps/:id, tags: ["inn:{response.inns[*].id, response.main}"] }',
      [rule],
    ],
    ['of a member', '{ match: /steps/:id, tags: ["inn:{response.inn.id}"] }', [rule]],
    ['of the collection that is written to', '{ match: /inns, tags: ["inn:{response[*].id}"] }', [rule]],
    [
      'of a collection that a cascade reaches',
      '{ match: /inns, tags: ["inn:{response[*].id}"] }\n  - { match: /inns/:id, tags: ["inn:{id}"] }',
      [{ ...rule, invalidate: '{ path: "/inns/{id}", cascade: true }' }],
    ],
    ['of what is written', '{ match: /inns/:id, tags: ["inn:{response.similar[*].id}"] }', [rule]],
    ['with a comment that silences it', `${step} # unstale-ignore element-tags-alone`, [rule]],
  ])('%s', (_what, route, rules) => {
    expect(said(route, ...rules).filter((text) => text.includes('element-tags-alone'))).toEqual([]);
  });

  test('of a tag that no rule invalidates, which is another warning', () => {
    const other = { on: 'PUT /a', invalidate: '/b' };
    expect(said(step, other).map((text) => text.split(' ')[1])).toContain('tag-never-invalidated:');
    expect(said(step, other).filter((text) => text.includes('element-tags-alone'))).toEqual([]);
  });
});
