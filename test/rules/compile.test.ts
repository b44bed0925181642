import { describe, expect, test } from 'vitest';
import { PatternError } from '../../src/route/pattern.ts';
import { compileRules, compileTags, type TagSelection } from '../../src/rules/compile.ts';
import { MAX_EXPANSIONS } from '../../src/rules/expand.ts';
import { TemplateError } from '../../src/rules/template.ts';
import { type Bodies, firstMatch, ruleConfig, sourcesOf } from './sources.ts';

describe('matching rules', () => {
  const rules = compileRules([
    ruleConfig([], { name: 'any', pattern: '/**' }),
    ruleConfig([], { name: 'put', pattern: '/accommodations/:id', methods: ['PUT', 'PATCH'] }),
    ruleConfig([], { name: 'literal', pattern: '/accommodations/mine', methods: ['PUT'] }),
    ruleConfig([], { name: 'get', pattern: '/accommodations/:id', methods: ['GET', '*'] }),
    ruleConfig([], { name: 'batch', pattern: '/accommodations', methods: ['PATCH'] }),
  ]);
  const rows: [string, string, string[]][] = [
    ['PUT', '/accommodations/42', ['any', 'put', 'get']],
    ['PATCH', '/accommodations/42', ['any', 'put', 'get']],
    ['DELETE', '/accommodations/42', ['any', 'get']],
    ['PUT', '/accommodations/mine', ['any', 'put', 'literal', 'get']],
    ['PATCH', '/accommodations', ['any', 'batch']],
    ['MKCOL', '/steps/7', ['any']],
    ['POST', '/', ['any']],
    // RFC 9110 §9.1: methods are case-sensitive, so this is another, unknown, one.
    ['put', '/accommodations/42', ['any', 'get']],
    // "*" is any unsafe method; a safe one must be named.
    ['GET', '/accommodations/42', ['get']],
    ['HEAD', '/accommodations/42', []],
    ['OPTIONS', '/accommodations/42', []],
    ['TRACE', '/accommodations/42', []],
  ];
  test.each(rows)('%s %s: all that match, in order', (method, resource, names) => {
    const matches = rules.match(method, resource);
    expect(matches.map(({ rule }) => rule.config.name)).toEqual(names);
    for (const match of matches) expect(match.method).toBe(method);
  });

  test('each rule has its own parameters, decoded', () => {
    const twice = compileRules([ruleConfig([], { pattern: '/a/:x/:y' }), ruleConfig([], { pattern: '/a/*/:z' })]);
    expect(twice.match('PUT', '/a/1/b%2Fc').map(({ params }) => ({ ...params }))).toEqual([
      { x: '1', y: 'b/c' },
      { z: 'b/c' },
    ]);
  });

  test('a rule knows which bodies it must be given', () => {
    const needs = (targets: string[], before: 'read' | 'off' = 'read') =>
      firstMatch(compileRules([ruleConfig(targets, { before })]).match('PUT', '/accommodations/42')).rule.needs;
    expect(needs(['/a/{id}', '/a/{query.x}'])).toEqual({ before: false, request: false, response: false });
    expect(needs(['/a/{responseHeader.location[-1]}'])).toEqual({ before: false, request: false, response: false });
    expect(needs(['/a/{id, before.x}'])).toEqual({ before: true, request: false, response: false });
    expect(needs(['/a/{before.x}'], 'off')).toEqual({ before: false, request: false, response: false });
    expect(needs(['/a', 'tag: x:{request.x}'])).toEqual({ before: false, request: true, response: false });
    expect(needs(['/a/{response[*].x}'])).toEqual({ before: false, request: false, response: true });
  });

  test('a bad pattern and a bad template are errors, not rules that never match', () => {
    expect(() => compileRules([ruleConfig([], { pattern: '/a/**/b' })])).toThrow(PatternError);
    expect(() => compileRules([ruleConfig(['/a/{'])])).toThrow(TemplateError);
    expect(() => compileRules([ruleConfig(['tag: a b'])])).toThrow(TemplateError);
  });
});

describe('tags of stored responses', () => {
  const tagged = (templates: string | string[], bodies: Bodies = {}): TagSelection =>
    compileTags([templates].flat()).tagsFor(sourcesOf({ stepId: '7' }, bodies));

  const known: [string, string | string[], Bodies, string[]][] = [
    ['none declared', [], {}, []],
    ['a literal', 'steps', {}, ['steps']],
    ['a path parameter', 'step:{stepId}', {}, ['step:7']],
    ['a query parameter', 'step:{query.stepId}', { query: 'stepId=7&stepId=9' }, ['step:7', 'step:9']],
    ['a header', 'tenant:{requestHeader.x-tenant}', { requestHeader: { 'x-tenant': 'acme' } }, ['tenant:acme']],
    ['the body', 'a:{response.items[*].id}', { response: '{"items":[{"id":1},{"id":2}]}' }, ['a:1', 'a:2']],
    ['several, each once', ['a:{stepId}', 'a:7', 'b'], {}, ['a:7', 'b']],
    ['a value with a star', 'a:{response.x}', { response: '{"x":"*"}' }, ['a:*']],
    ['either of two', 's:{response.stepId, response.step.id}', { response: '{"step":{"id":7}}' }, ['s:7']],
    // The body says that there is none.
    ['an empty array', 'a:{response.items[*].id}', { response: '{"items":[]}' }, []],
    ['a null', 's:{response.stepId}', { response: '{"stepId":null}' }, []],
    ['none and another', ['a:{response.items[*].id}', 'b'], { response: '{"items":[]}' }, ['b']],
    ['none of either', 's:{response.stepId, response.step.id}', { response: '{"stepId":null}' }, []],
  ];
  test.each(known)('%s', (_, templates, bodies, tags) => {
    expect(tagged(templates, bodies)).toEqual({ tags, unresolved: [], overflow: false });
  });

  const unknown: [string, string, Bodies][] = [
    ['no such field', 's:{response.stepId}', { response: '{}' }],
    ['no such array', 'a:{response.items[*].id}', { response: '{}' }],
    ['an element without', 'a:{response.items[*].id}', { response: '{"items":[{"id":1},{}]}' }],
    ['an object', 's:{response.step}', { response: '{"step":{"id":7}}' }],
    ['not JSON', 's:{response.stepId}', { response: { missing: 'not-json' } }],
    ['no body', 's:{response.stepId}', { response: { missing: 'absent' } }],
    ['encoded', 's:{response.stepId}', { response: { missing: 'encoded' } }],
    ['one of two unread', 's:{stepId, response.stepId}', { response: { missing: 'too-large' } }],
    ['one of two no id', 's:{response.stepId, response.step}', { response: '{"stepId":7,"step":{}}' }],
    ['no such parameter', 's:{query.stepId}', {}],
    ['no such header', 't:{requestHeader.x-tenant}', {}],
    ['a name that the pattern does not have', 't:{tripId}', {}],
  ];
  test.each(unknown)(
    'a tag that cannot be determined is named, so that nothing is stored: %s',
    (_, template, bodies) => {
      const { unresolved, overflow } = tagged(template, bodies);
      expect(unresolved.map(({ target }) => target)).toEqual([template]);
      expect(overflow).toBe(false);
    },
  );

  test('more tags than the bound overflow, by one template or by several', () => {
    const items = (count: number): Bodies => ({
      response: JSON.stringify({ items: Array.from({ length: count }, (_, id) => ({ id })) }),
    });
    expect(tagged('a:{response.items[*].id}', items(MAX_EXPANSIONS))).toMatchObject({ overflow: false });
    expect(tagged('a:{response.items[*].id}', items(MAX_EXPANSIONS + 1))).toMatchObject({ tags: [], overflow: true });
    expect(tagged(['b', 'a:{response.items[*].id}'], items(MAX_EXPANSIONS))).toMatchObject({ overflow: true });
    expect(tagged('a:{response.items[*].id}:{response.items[*].id}', items(32))).toMatchObject({
      tags: [],
      overflow: true,
    });
  });

  test('the body is asked for only where a tag is selected from it', () => {
    expect(compileTags(['a:{stepId}', 'b:{query.x}']).needsBody).toBe(false);
    expect(compileTags(['a:{responseHeader.x-id}']).needsBody).toBe(false);
    expect(compileTags(['a:{stepId}', 'b:{query.x, response.x}']).needsBody).toBe(true);
  });

  test.each([
    ['a:{stepId}:{request.x}', 12],
    ['a:{stepId, before.x}', 11],
    ['a:*', 2],
    ['a b', 1],
    ['', 0],
  ])('%s makes no sense on a route', (template, offset) => {
    expect(() => compileTags([template])).toThrow(expect.objectContaining({ name: 'TemplateError', offset }));
  });
});
