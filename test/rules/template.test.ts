import { describe, expect, test } from 'vitest';
import { parseTemplate, TemplateError } from '../../src/rules/template.ts';
import type { Template } from '../../src/rules/types.ts';

/** The template in one line: placeholders by number, segments and parts apart. */
function shape(template: Template): string {
  const pieces = (parts: readonly (string | number)[]) =>
    parts.map((piece) => (typeof piece === 'number' ? `<${piece}>` : piece)).join('');
  if (template.kind === 'tag') return template.parts.map(pieces).join(' | ');
  const path = template.segments.map((segment) => (typeof segment === 'string' ? segment : pieces(segment))).join(' ');
  return template.query === undefined ? path : `${path} ? ${pieces(template.query)}`;
}

function sources(template: Template): string[][] {
  return template.placeholders.map((placeholder) =>
    placeholder.sources.map((source) => {
      if ('steps' in source) return `${source.root}(${source.steps.map((step) => step.kind).join(' ')})`;
      return `${source.root}:${source.name}${source.segment === undefined ? '' : `[${source.segment}]`}`;
    }),
  );
}

function faultOf(text: string, kind: 'path' | 'tag'): TemplateError {
  try {
    parseTemplate(text, kind);
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
  throw new Error(`${text} is a template`);
}

describe('path templates', () => {
  const rows: [string, string, string[][]][] = [
    ['/', '', []],
    ['/steps', 'steps', []],
    ['/steps/', 'steps', []],
    ['//steps///7', 'steps 7', []],
    ['/steps/{id}', 'steps <0>', [['params:id']]],
    ['/steps/{ id }', 'steps <0>', [['params:id']]],
    ['/steps/{params.id}', 'steps <0>', [['params:id']]],
    ['/files/{id}.json', 'files <0>.json', [['params:id']]],
    ['/files/v{id}-{rev}.json', 'files v<0>-<1>.json', [['params:id'], ['params:rev']]],
    ['/steps/*', 'steps *', []],
    ['/steps/*/photos/**', 'steps * photos **', []],
    ['/**', '**', []],
    ['/caf%c3%a9/a!b/%41', 'caf%C3%A9 a%21b A', []],
    ['/steps/{before.stepId, response.stepId}', 'steps <0>', [['before(name)', 'response(name)']]],
    ['/steps/{stepId,before.stepId}', 'steps <0>', [['params:stepId', 'before(name)']]],
    ['/accommodations?stepId={response.stepId}', 'accommodations ? stepId=<0>', [['response(name)']]],
    ['/a/{x}?p={y}&q=1&r={z}', 'a <0> ? p=<1>&q=1&r=<2>', [['params:x'], ['params:y'], ['params:z']]],
    ['/a?p=1?2/3', 'a ? p=1?2/3', []],
    ['/a/{response.items[*].id}', 'a <0>', [['response(name wildcard name)']]],
    ['/a/{response[0]["id"]}', 'a <0>', [['response(index name)']]],
    ["/a/{response['x']}", 'a <0>', [['response(name)']]],
    ['/a/{response.items[-1].id}', 'a <0>', [['response(name index name)']]],
    ['/a/{response..id}', 'a <0>', [['response(descent)']]],
    ["/a/{response['a','b'].id, before.id}", 'a <0>', [['response(segment name)', 'before(name)']]],
    ["/a/{response.items[?@.kind == 'x},{y'].id}", 'a <0>', [['response(name segment name)']]],
    ["/a/{response.items[?match(@.kind, 'a{2},?')].id}", 'a <0>', [['response(name segment name)']]],
    ['/a/{response["it\\"s, }"].id}', 'a <0>', [['response(name name)']]],
    ['/a/{query.stepId}', 'a <0>', [['query:stepId']]],
    ["/a/{query['step id']}", 'a <0>', [['query:step id']]],
    ['/a/{requestHeader.X-Tenant}', 'a <0>', [['requestHeader:x-tenant']]],
    ["/a/{responseHeader['X-Id']}", 'a <0>', [['responseHeader:x-id']]],
    ['/a/{responseHeader.Location[-1]}', 'a <0>', [['responseHeader:location[-1]']]],
    ['/a/{request}', 'a <0>', [['params:request']]],
    ['/a/{response.a-b}', 'a <0>', [['response(name)']]],
  ];
  test.each(rows)('%s', (text, expected, expectedSources) => {
    const template = parseTemplate(text, 'path');
    expect(shape(template)).toBe(expected);
    expect(sources(template)).toEqual(expectedSources);
    expect(template.text).toBe(text);
  });

  test('a placeholder keeps what stands between its braces', () => {
    expect(parseTemplate('/a/{ before.x,response.x }', 'path').placeholders[0]?.text).toBe('before.x,response.x');
  });
});

describe('tag templates', () => {
  const rows: [string, string][] = [
    ['steps', 'steps'],
    ['step:{id}', 'step:<0>'],
    ['step:{id}:{query.lang}', 'step:<0>:<1>'],
    ['{id}', '<0>'],
    ['step:*', 'step: | '],
    ['*:{id}:*', ' | :<0>: | '],
    ['accommodation:{response.accommodations[*].id}', 'accommodation:<0>'],
    ['a?b/c%zz', 'a?b/c%zz'],
  ];
  test.each(rows)('%s', (text, expected) => {
    expect(shape(parseTemplate(text, 'tag'))).toBe(expected);
  });
});

describe('what is not a template says where and what to write instead', () => {
  const rows: ['path' | 'tag', string, number, RegExp][] = [
    ['path', '', 0, /empty/],
    ['tag', '', 0, /empty/],
    ['path', 'steps/7', 0, /must start with a slash/],
    ['path', '{id}', 0, /must start with a slash/],
    ['path', '/steps/{}', 8, /source is missing/],
    ['path', '/steps/{ }', 9, /source is missing/],
    ['path', '/steps/{id,}', 11, /source is missing/],
    ['path', '/steps/{,id}', 8, /source is missing/],
    ['path', '/steps/{id', 7, /never closed/],
    ['path', '/steps/{response.a[0}', 7, /never closed.*still open/],
    ['path', "/steps/{response['a}", 7, /never closed.*still open/],
    ['path', '/steps/id}', 9, /without a "\{"/],
    ['path', '/steps/{a}}', 10, /without a "\{"/],
    ['path', '/steps/{a{b}}', 9, /inside a placeholder/],
    ['path', '/steps/{7}', 8, /does not begin with a name/],
    ['path', '/steps/{.id}', 8, /does not begin with a name/],
    ['path', '/steps/{step-id}', 8, /unknown root "step"/],
    ['path', '/steps/{before stepId}', 14, /missing after "before"/],
    ['path', '/steps/{before.stepId response.stepId}', 22, /JSONPath/],
    ['path', '/steps/{response.}', 17, /ends too early/],
    ['path', '/steps/{response.a[}', 7, /never closed/],
    ['path', '/steps/{response.a[]}', 18, /JSONPath/],
    ['path', '/steps/{response.a[01]}', 19, /JSONPath/],
    ['path', '/steps/{response.a[?@.b = 1]}', 24, /JSONPath/],
    ['path', '/steps/{response.a[?nope(@.b)]}', 20, /JSONPath/],
    ['path', '/steps/{response.a[9007199254740993]}', 19, /JSONPath/],
    ['path', '/steps/{response..a..b}', 19, /"\.\." occurs twice/],
    ['path', '/steps/{response.a[?@..b]}', 20, /inside a filter/],
    ['path', '/steps/{response.a[?@.c == 1 && !(@..b)]}', 34, /inside a filter/],
    ['path', '/steps/{response.a[?@.b[?@..c]]}', 25, /inside a filter/],
    ['path', '/steps/{response.a[?count($.b[*]) > 1]}', 26, /whole body/],
    ['path', '/steps/{response.a[?match(@.b, @.c)]}', 20, /comes from the body/],
    ['path', "/steps/{response.a[?match(@.b, '(a')]}", 20, /I-Regexp/],
    ['path', "/steps/{response.a[?search(@.b, '(a*)*')]}", 20, /too long/],
    ['path', "/steps/{response.a[?search(@.b, '(a|aa)+b')]}", 20, /too long/],
    ['path', "/steps/{response.a[?search(@.b, 'a*b*')]}", 20, /too long/],
    ['path', "/steps/{response.a[?search(@.b, 'a?a?a?aaa')]}", 20, /too long/],
    ['path', "/steps/{response.a[?search(@.b, 'a{1,9}a{1,9}')]}", 20, /too long/],
    ['path', "/steps/{response.a[?search(@.b, '(a|b)(a|b)(a|b)(a|b)(a|b)')]}", 20, /too long/],
    ['path', '/steps/{query}/{query.a.b}', 21, /takes exactly one name/],
    ['path', '/steps/{query[*]}', 13, /takes exactly one name/],
    ['path', '/steps/{params..id}', 14, /takes exactly one name/],
    ['path', '/steps/{query.a[0]}', 15, /cannot have an index/],
    ['path', '/steps/{responseHeader.etag[0]}', 27, /cannot have an index/],
    ['path', '/a b', 2, /" " is not allowed/],
    ['path', '/é', 1, /is not allowed/],
    ['path', '/a#b', 2, /is not allowed/],
    ['path', '/a\\b', 2, /is not allowed/],
    ['path', '/a%2', 2, /is not allowed/],
    ['path', '/a%{id}', 2, /is not allowed/],
    ['path', '/a%00', 2, /is not allowed/],
    ['path', '/a/../b', 3, /dot segment/],
    ['path', '/a/%2E', 3, /dot segment/],
    ['path', '/a/b*', 4, /only part of a segment/],
    ['path', '/a/*{id}', 3, /only part of a segment/],
    ['path', '/a/***', 3, /only part of a segment/],
    ['path', '/**/a', 1, /must be the last/],
    ['path', '/a?', 3, /query is empty/],
    ['path', '/a?b=*', 5, /cannot have wildcards/],
    ['path', '/a/*?b=1', 3, /wildcards cannot have a query/],
    ['path', `/${'{a}/'.repeat(9)}`, 0, /too many placeholders/],
    ['tag', 'step 7', 4, /white space/],
    ['tag', 'step:\u0000', 5, /white space/],
  ];
  test.each(rows)('%s %s', (kind, text, offset, message) => {
    const fault = faultOf(text, kind);
    expect(fault.message).toMatch(message);
    expect(fault.offset).toBe(offset);
    expect(fault.hint).not.toBe('');
  });

  test('regular expressions that cannot backtrack for long are allowed', () => {
    for (const pattern of ['acc.*', '[a-z*+?]{2}-[0-9]{4}', 'a\\\\*b\\\\+c+', '(a|b|c):x', '\\\\p{L}x?']) {
      expect(() => parseTemplate(`/a/{response[?match(@.b, '${pattern}')].id}`, 'path')).not.toThrow();
    }
  });

  test('a filter may compare with one place in the body', () => {
    expect(() => parseTemplate('/a/{response.items[?@.id == $.selected.id].id}', 'path')).not.toThrow();
  });
});
