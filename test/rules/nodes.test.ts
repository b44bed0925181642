import fc from 'fast-check';
import { JSONPathEnvironment } from 'json-p3';
import { describe, expect, test } from 'vitest';
import { changed, fieldChanged } from '../../src/rules/changed.ts';
import { parseJson } from '../../src/rules/json.ts';
import { belowRoot, compileJsonPath } from '../../src/rules/jsonpath.ts';
import { nodesAt } from '../../src/rules/nodes.ts';
import { MAX_SELECTED } from '../../src/rules/selection.ts';
import type { Json } from '../../src/rules/types.ts';

const environment = new JSONPathEnvironment();
const json = (text: string): Json => parseJson(text, 'application/json');

test.each([
  ...['$.a', '$.a.b', '$[0]', '$[-1].a', '$.*', '$[*].a', '$..a', '$..a.b', '$.a..b', "$['a','b']", '$[?@.a]'],
  ...["$.a['a','b'].b", '$.*[?@.a == $.b]', '$..[?@.a].b', '$.a[0:2].c'],
])('what %s selects is what another implementation of RFC 9535 selects', (path) => {
  const key = fc.constantFrom('a', 'b', 'c');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.constant(null), tie('list'), tie('object')),
    list: fc.array(tie('tree'), { maxLength: 3 }),
    object: fc.dictionary(key, tie('tree'), { maxKeys: 3 }),
  }));
  const sorted = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort();
  fc.assert(
    fc.property(tree, (value) => {
      const parsed = JSON.parse(JSON.stringify(value));
      const ours = nodesAt(parsed, compileJsonPath(path))?.map((node) => node.value) ?? [];
      expect(sorted(ours)).toEqual(sorted(environment.query(path, parsed).values()));
    }),
  );
});

test.each(['$[*]', '$[:]', '$..id', '$[?@.id]'])('%s gives nothing above the bound, rather than a part', (path) => {
  const list = (count: number): unknown[] => Array.from({ length: count }, (_, id) => ({ id: `${id}` }));
  expect(nodesAt(list(MAX_SELECTED), compileJsonPath(path))).toHaveLength(MAX_SELECTED);
  expect(nodesAt(list(MAX_SELECTED + 1), compileJsonPath(path))).toBeUndefined();
});

describe('whether two representations differ', () => {
  const rows: [string, string, string[], string][] = [
    ['{"a":1,"b":2}', '{ "b": 2, "a": 1 }', [], 'same'],
    ['{"a":1}', '{"a":1,"b":null}', [], 'different'],
    ['{"a":[1,2]}', '{"a":[2,1]}', [], 'different'],
    ['{"a":[]}', '{"a":{}}', [], 'different'],
    ['{"a":1,"t":1}', '{"a":1,"t":2}', ['t'], 'same'],
    ['{"a":1,"t":1}', '{"a":1}', ['t'], 'same'],
    ['{"a":1,"t":1}', '{"a":2,"t":2}', ['t'], 'different'],
    ['{"m":{"t":1,"a":1}}', '{"m":{"t":2,"a":1}}', ['m.t'], 'same'],
    ['{"m":{"t":1},"t":1}', '{"m":{"t":2},"t":1}', ['t'], 'different'],
    ['[{"t":1,"id":1},{"t":1,"id":2}]', '[{"t":3,"id":1},{"t":4,"id":2}]', ['[*].t'], 'same'],
    ['{"a":{"b":[{"t":1}]}}', '{"a":{"b":[{"t":2}]}}', ['.t'], 'same'],
    ['{"id":9007199254740993}', '{"id":9007199254740992}', [], 'different'],
    ['{"id":9007199254740993}', '{"id":9007199254740993}', [], 'same'],
    ['{"id":1.0}', '{"id":1}', [], 'same'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}', [], 'different'],
    ['{"constructor":1}', '{}', [], 'different'],
    ['{"a":1', '{"a":1}', [], 'unknown'],
    ['', '{"a":1}', [], 'different'],
    ['{"a":1}', '', [], 'different'],
    ['', '', [], 'same'],
  ];
  test.each(rows)('%s and %s, ignoring %j: %s', (before, after, ignoring, expected) => {
    const paths = ignoring.map((path) => compileJsonPath(path.startsWith('.') ? `$.${path}` : belowRoot(path)));
    expect(changed(json(before), json(after), paths)).toBe(expected);
  });

  const fields: [string, string, string, string][] = [
    ['{"stepId":7}', '{"stepId":7}', 'stepId', 'same'],
    ['{"stepId":7}', '{"stepId":"7"}', 'stepId', 'different'],
    ['{"stepId":7}', '{}', 'stepId', 'different'],
    ['{}', '{}', 'stepId', 'same'],
    ['{"a":{"x":1,"y":2}}', '{"a":{"y":2,"x":1}}', 'a', 'same'],
    ['{"a":[{"id":1},{"id":2}]}', '{"a":[{"id":1},{"id":3}]}', 'a[*].id', 'different'],
    ['{"a":1}', '', 'a', 'unknown'],
    ['', '{"a":1}', 'a', 'different'],
    ['{"a"', '{"a":1}', 'a', 'unknown'],
    // "$" in a filter is the whole body, also below its first step.
    ['{"on":1,"l":[{"id":1,"v":1}]}', '{"on":1,"l":[{"id":1,"v":2}]}', 'l[?@.id == $.on].v', 'different'],
  ];
  test.each(fields)('%s and %s in %s: %s', (before, after, path, expected) => {
    expect(fieldChanged(json(before), json(after), compileJsonPath(belowRoot(path)))).toBe(expected);
  });
});
