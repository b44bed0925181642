import { describe, expect, test } from 'vitest';
import { select } from '../../src/rules/select.ts';
import { MAX_ID_LENGTH, MAX_SELECTED, MAX_VISITED, type Selection } from '../../src/rules/selection.ts';
import { parseSource } from '../../src/rules/source.ts';
import type { MissingReason } from '../../src/rules/types.ts';
import { type Bodies, jsonOf, sourcesOf, unread } from './sources.ts';

function selected(source: string, bodies: Bodies, params: Record<string, string> = {}): Selection {
  return select(parseSource(source), sourcesOf(params, bodies));
}

describe('a JSONPath below a body', () => {
  const rows: [string, string, string[], Selection['certainty']][] = [
    ['.id', '{"id":7}', ['7'], 'all'],
    ['.id', '{"id":"7"}', ['7'], 'all'],
    ['.id', '{"id":"a/b?c#d %2F é *"}', ['a/b?c#d %2F é *'], 'all'],
    ['.id', '{"id":" "}', [' '], 'all'],
    ['.id', '{"id":0}', ['0'], 'all'],
    ['.id', '{"id":-1.5}', ['-1.5'], 'all'],
    ['.id', '{"id":true}', ['true'], 'all'],
    ['.id', '{"id":false}', ['false'], 'all'],
    ['.id', '{"id":9007199254740993}', ['9007199254740993'], 'all'],
    ['.id', '{"id":1e400}', ['1e400'], 'all'],
    ['.id', '{"id":1.0000000000000000001}', ['1.0000000000000000001'], 'all'],
    ['.id', '{"id":-0}', ['-0'], 'all'],
    ['.id', '{"id":4.2e1}', ['42'], 'all'],
    ['.id', '{"id":"\\ud800"}', ['\uFFFD'], 'all'],
    ['.a.b.c', '{"a":{"b":{"c":1}}}', ['1'], 'all'],
    ["['a b']['.']", '{"a b":{".":1}}', ['1'], 'all'],
    ['.é', '{"é":1}', ['1'], 'all'],
    ['[0].id', '[{"id":1},{"id":2}]', ['1'], 'all'],
    ['[-1].id', '[{"id":1},{"id":2}]', ['2'], 'all'],
    ['[*].id', '[{"id":1},{"id":2},{"id":1}]', ['1', '2'], 'all'],
    ['[*].id', '[{"id":9007199254740993},{"id":9007199254740995}]', ['9007199254740993', '9007199254740995'], 'all'],
    ['.ids[*]', '{"ids":["a",1,true]}', ['a', '1', 'true'], 'all'],
    ['.byId.*.id', '{"byId":{"x":{"id":1},"y":{"id":2}}}', ['1', '2'], 'all'],
    ['[*][*].id', '[[{"id":1}],[],[{"id":2}]]', ['1', '2'], 'all'],
    // Left to json-p3.
    ['..id', '{"id":1,"a":[{"id":2},{"b":{"id":9007199254740993}}]}', ['1', '2', '9007199254740993'], 'all'],
    ["['a','b']", '{"a":1,"b":9007199254740993}', ['1', '9007199254740993'], 'all'],
    ['[1:3]', '[1,2,3,4]', ['2', '3'], 'all'],
    ['[?@.kind == "a"].id', '[{"kind":"a","id":1},{"kind":"b","id":2}]', ['1'], 'all'],
    ['.items[?match(@.kind, "a.*")].id', '{"items":[{"kind":"ab","id":1},{"kind":5,"id":2}]}', ['1'], 'all'],
    ['.items[?search(@.kind, "b")].id', '{"items":[{"kind":"abc","id":1},{"kind":5,"id":2}]}', ['1'], 'all'],
    ['.items[?@.id == $.chosen].id', '{"chosen":2,"items":[{"id":1},{"id":2}]}', ['2'], 'all'],
    ['.items[?@.on].owner.id', '{"items":[{"on":1,"owner":{"id":9007199254740993}}]}', ['9007199254740993'], 'all'],
    // The body says that there is none.
    ['.id', '{"id":null}', [], 'all'],
    ['.id', '{"id":""}', [], 'all'],
    ['.step.id', '{"step":null}', [], 'all'],
    ['.items[*].id', '{"items":[]}', [], 'all'],
    ['.items[*].id', '{"items":null}', [], 'all'],
    ['.items[*].*', '{"items":[{}]}', [], 'all'],
    ['.items[0].id', '{"items":[]}', [], 'all'],
    ['.items[-2].id', '{"items":[{"id":1}]}', [], 'all'],
    ['[*].id', '[{"id":1},{"id":null},{"id":""},null]', ['1'], 'all'],
    ['[?@.kind == "a"].id', '[{"kind":"b","id":2}]', [], 'all'],
    ['..[?@.kind == "a"].id', '{"items":[{"kind":"b","id":2}]}', [], 'all'],
    ['[5:].id', '[{"id":2}]', [], 'all'],
    // There is nothing under that name.
    ['.id', '{}', [], 'missing'],
    ['.id', '{"ID":1}', [], 'missing'],
    ['.step.id', '{"step":{}}', [], 'missing'],
    ['.items[*].id', '{}', [], 'missing'],
    ['.items[*].id', '{"items":[{},{}]}', [], 'missing'],
    ['..id', '{"a":[1]}', [], 'missing'],
    ["['a','b']", '{"c":1}', [], 'missing'],
    ['.id', '"text"', [], 'missing'],
    ['.id', 'true', [], 'missing'],
    ['.id', 'null', [], 'missing'],
    ['[?@.id].id', '7', [], 'missing'],
    // Own properties only.
    ['.constructor', '{}', [], 'missing'],
    ['.__proto__', '{}', [], 'missing'],
    ['.toString', '{}', [], 'missing'],
    ['.length', '{}', [], 'missing'],
    ['.constructor.name', '{}', [], 'missing'],
    ["['constructor','__proto__']", '{}', [], 'missing'],
    ['.__proto__', '{"__proto__":7}', ['7'], 'all'],
    ['.__proto__.id', '{"__proto__":{"id":9007199254740993}}', ['9007199254740993'], 'all'],
    ['.constructor', '{"constructor":"x"}', ['x'], 'all'],
    // There is a value, but it is not an id or not in the expected place.
    ['.id', '{"id":{"value":7}}', [], 'unknown'],
    ['.id', '{"id":{}}', [], 'unknown'],
    ['.id', '{"id":[7]}', [], 'unknown'],
    ['.id', '{"id":[]}', [], 'unknown'],
    ['.step.id', '{"step":7}', [], 'unknown'],
    ['.id', '[{"id":7}]', [], 'unknown'],
    ['.length', '[1,2]', [], 'unknown'],
    ['[0].id', '{"0":{"id":1}}', [], 'unknown'],
    ['[*].id', '[1]', [], 'unknown'],
    ['[*].id', '[{"id":1},{}]', ['1'], 'unknown'],
    ['[*].id', '[{"id":1},{"id":{}}]', ['1'], 'unknown'],
    ['[?@.kind == "a"].id', '[{"kind":"a","id":1},{"kind":"a"}]', ['1'], 'unknown'],
    ['.id', `{"id":"${'x'.repeat(MAX_ID_LENGTH)}"}`, ['x'.repeat(MAX_ID_LENGTH)], 'all'],
    ['.id', `{"id":"${'x'.repeat(MAX_ID_LENGTH + 1)}"}`, [], 'unknown'],
    ['.id', `{"id":${'9'.repeat(MAX_ID_LENGTH + 1)}}`, [], 'unknown'],
    // A filter that cannot look at what it is asked to look at has not said that nothing passes.
    ['[?search(@.a, "x")].id', `[{"a":"${'x'.repeat(300)}","id":1}]`, [], 'unknown'],
  ];
  test.each(rows)('%s of %s', (path, body, values, certainty) => {
    for (const root of ['request', 'response', 'before'] as const) {
      const selection = selected(`${root}${path}`, { [root]: body });
      expect(selection).toMatchObject({ values, certainty });
      // Whatever is not simply there has its reason.
      expect(selection.reason === '').toBe(certainty === 'all' && values.length > 0);
    }
  });
});

describe('bounds on what one body can select', () => {
  const list = (count: number): string => JSON.stringify({ items: Array.from({ length: count }, (_, id) => ({ id })) });

  test.each(['.items[*].id', '..id', '.items[?@.id >= 0].id'])('%s gives up above the bound, and says so', (path) => {
    expect(selected(`response${path}`, { response: list(MAX_SELECTED) }).values).toHaveLength(MAX_SELECTED);
    expect(selected(`response${path}`, { response: list(MAX_SELECTED + 1) })).toMatchObject({
      values: [],
      certainty: 'too-many',
    });
  });

  test('equal ids count once', () => {
    const body = JSON.stringify(Array.from({ length: 5_000 }, () => 7));
    expect(selected('response[*]', { response: body })).toMatchObject({ values: ['7'], certainty: 'all' });
  });

  test.each(['[*]', '[:]'])('%s stops after so many nodes, though none is an id', (path) => {
    const nulls = (count: number): string => `[${'null,'.repeat(count - 1)}null]`;
    expect(selected(`response${path}`, { response: nulls(MAX_VISITED) }).certainty).toBe('all');
    expect(selected(`response${path}`, { response: nulls(MAX_VISITED + 1) }).certainty).toBe('too-many');
  });

  test('an array too long for json-p3 to spread is unread, and throws nothing', () => {
    const value = { items: [{ id: 1, tags: Array.from({ length: 200_000 }, () => 1) }] };
    const sources = { ...sourcesOf({}), response: { value } };
    expect(select(parseSource('response.items[?count(@.tags[*]) > 1].id'), sources).certainty).toBe('unknown');
  });

  test('a descent goes as deep as bodies may be', () => {
    const body = `${'{"a":'.repeat(99)}{"id":1}${'}'.repeat(99)}`;
    expect(selected('response..id', { response: body })).toMatchObject({ values: ['1'], certainty: 'all' });
  });
});

describe('bodies that are not there', () => {
  const reasons: readonly MissingReason[] = ['absent', 'not-json', ...unread];
  test.each(reasons)('%s', (missing) => {
    for (const root of ['request', 'response', 'before'] as const) {
      // An answer "OK" names no field; a form that is sent, or a page that is shown, may name any.
      const silent = missing === 'absent' || (missing === 'not-json' && root === 'response');
      expect(selected(`${root}.id`, { [root]: { missing } })).toEqual({
        values: [],
        certainty: silent ? 'missing' : 'unknown',
        reason: missing,
      });
    }
  });
});

describe('parameters and header fields', () => {
  const rows: [string, Bodies, string[], Selection['certainty']][] = [
    ['id', {}, ['a/b'], 'all'],
    ['params.id', {}, ['a/b'], 'all'],
    ["params['id']", {}, ['a/b'], 'all'],
    ['nope', {}, [], 'missing'],
    ['constructor', {}, [], 'missing'],
    ['query.a', { query: 'a=1&b=2&a=3' }, ['1', '3'], 'all'],
    ['query.a', { query: 'a=x+y%2Fz%C3%A9' }, ['x y/zé'], 'all'],
    ["query['a b']", { query: 'a%20b=1' }, ['1'], 'all'],
    ['query.a', { query: 'a=' }, [], 'all'],
    ['query.a', { query: 'a' }, [], 'all'],
    ['query.a', { query: '' }, [], 'missing'],
    ['query.a', { query: 'b=1' }, [], 'missing'],
    ['query.a', { query: '?a=1' }, [], 'missing'],
    ['query.a', { query: `a=${'x'.repeat(MAX_ID_LENGTH + 1)}` }, [], 'unknown'],
    ['query.a', { query: Array.from({ length: MAX_SELECTED + 1 }, (_, i) => `a=${i}`).join('&') }, [], 'too-many'],
    ['requestHeader.X-Tenant', { requestHeader: { 'x-tenant': ' acme ' } }, ['acme'], 'all'],
    ["requestHeader['x-tenant']", { requestHeader: { 'x-tenant': 'a, b' } }, ['a, b'], 'all'],
    ['requestHeader.x-tenant', { requestHeader: { 'x-tenant': ' ' } }, [], 'all'],
    ['requestHeader.x-tenant', {}, [], 'missing'],
    ['responseHeader.x-id', { responseHeader: { 'x-id': '7' } }, ['7'], 'all'],
    ['responseHeader.location', { responseHeader: { location: '/a/7' } }, ['/a/7'], 'all'],
    ['responseHeader.location[-1]', { responseHeader: { location: '/a/7' } }, ['7'], 'all'],
    [
      'responseHeader.location[-1]',
      { responseHeader: { location: 'http://10.0.0.1:80/a/7/?x=1/2#y/z' } },
      ['7'],
      'all',
    ],
    ['responseHeader.location[1]', { responseHeader: { location: '//host/steps/7/a/42' } }, ['7'], 'all'],
    ['responseHeader.location[-1]', { responseHeader: { location: '42' } }, ['42'], 'all'],
    ['responseHeader.location[-1]', { responseHeader: { location: '/a/x%2Fy' } }, ['x/y'], 'all'],
    ['responseHeader.location[2]', { responseHeader: { location: '/a/7' } }, [], 'missing'],
    ['responseHeader.location[-1]', { responseHeader: { location: 'http://host' } }, [], 'missing'],
    ['responseHeader.content-location[0]', { responseHeader: { 'content-location': '/a/7' } }, ['a'], 'all'],
  ];
  test.each(rows)('%s of %o', (source, bodies, values, certainty) => {
    expect(selected(source, bodies, { id: 'a/b' })).toMatchObject({ values, certainty });
  });
});

test('a body is left as it was', () => {
  const body = '{"items":[{"id":9007199254740993,"kind":"a"}]}';
  const response = jsonOf(body);
  const sources = { ...sourcesOf({}), response };
  select(parseSource('response..id'), sources);
  select(parseSource('response.items[?@.kind].id'), sources);
  expect(response).toMatchObject({ value: JSON.parse(body) });
});
