import { describe, expect, test } from 'vitest';
import { MAX_EXPANSIONS } from '../../src/rules/expand.ts';
import { coverageOf } from '../../src/rules/target.ts';
import { type Bodies, described, resolved } from './sources.ts';

const list = (count: number, from = 0): string =>
  JSON.stringify(Array.from({ length: count }, (_, i) => ({ id: from + i })));

describe('what a write leads to', () => {
  const rows: [string, string | string[], Bodies, string[]][] = [
    ['a literal path', '/accommodations', {}, ['/accommodations']],
    ['the root', '/', {}, ['/']],
    ['a path parameter', '/accommodations/{id}', {}, ['/accommodations/42']],
    ['a tag', 'tag: accommodation:{id}', {}, ['tag:accommodation:42']],
    ['a query', '/accommodations?stepId={response.stepId}', { response: '{"stepId":7}' }, ['/accommodations?stepId=7']],
    ['a query in order', '/a?z={id}&a=1', {}, ['/a?a=1&z=42']],
    ['wildcards', ['/steps/*', '/trips/**', '/**'], {}, ['/steps/*', '/trips/**', '/**']],
    ['a wildcard and a value', '/steps/*/photos/{id}', {}, ['/steps/*/photos/42']],
    ['text around a value', '/files/v{id}.json', {}, ['/files/v42.json']],
    ['each of many', '/steps/{response[*].id}', { response: list(3) }, ['/steps/0', '/steps/1', '/steps/2']],
    [
      'every combination',
      '/a/{response.x[*]}/{response.y[*]}',
      { response: '{"x":[1,2],"y":["a","b"]}' },
      ['/a/1/a', '/a/1/b', '/a/2/a', '/a/2/b'],
    ],
    ['each target once', ['/a/{id}', '/a/42', '/a/{params.id}', '/a/42/', '/b/*', '/b/*/'], {}, ['/a/42', '/b/*']],
    ['kinds that are written alike are not alike', ['/a?tag', '/a', 'tag: /a'], {}, ['/a?tag=', '/a', 'tag:/a']],
    ['no target', [], {}, []],
  ];
  test.each(rows)('%s', (_, targets, bodies, expected) => {
    const resolution = resolved(targets, bodies);
    expect(described(resolution)).toEqual(expected);
    expect(resolution.unresolved).toEqual([]);
    expect(resolution.rejected).toEqual([]);
  });
});

describe('a target without a value falls back to a wildcard', () => {
  const rows: [string, string, Bodies, string[]][] = [
    ['a segment', '/steps/{response.stepId}', {}, ['/steps/*']],
    ['in the middle', '/steps/{response.stepId}/photos/{id}', {}, ['/steps/*/photos/42']],
    ['a segment with text in it', '/files/{response.name}.json', {}, ['/files/*']],
    ['two in a segment, one known', '/files/{id}-{response.rev}', {}, ['/files/*']],
    ['a query', '/accommodations?stepId={response.stepId}', {}, ['/accommodations']],
    ['a query, one known', '/accommodations?id={id}&stepId={response.stepId}', {}, ['/accommodations']],
    ['a path with a query', '/steps/{response.stepId}?lang=de', {}, ['/steps/*']],
    ['a tag', 'tag: step:{response.stepId}', {}, ['tag:step:*']],
    ['a tag in the middle', 'tag: step:{response.stepId}:{id}', {}, ['tag:step:*:42']],
    ['a tag that is all placeholder', 'tag: {response.tag}', {}, ['tag:*']],
    ['a tag with a wildcard of its own', 'tag: {response.kind}:*', {}, ['tag:*:*']],
    ['a name that the pattern does not have', '/steps/{stepId}', {}, ['/steps/*']],
    ['null', '/steps/{response.stepId}', { response: '{"stepId":null}' }, ['/steps/*']],
    ['an empty string', '/steps/{response.stepId}', { response: '{"stepId":""}' }, ['/steps/*']],
    ['an object', '/steps/{response.step}', { response: '{"step":{"id":7}}' }, ['/steps/*']],
    ['an array of objects', '/steps/{response.steps}', { response: '{"steps":[{"id":7}]}' }, ['/steps/*']],
    ['an empty array', '/steps/{response.steps[*].id}', { response: '{"steps":[]}' }, ['/steps/*']],
    ['some without', '/steps/{response[*].id}', { response: '[{"id":7},{}]' }, ['/steps/*']],
    ['not JSON', '/steps/{response.stepId}', { response: '<p>' }, ['/steps/*']],
    ['nested too deep', '/steps/{response.stepId}', { response: '['.repeat(10_000) }, ['/steps/*']],
    ['a member twice', '/steps/{response.stepId}', { response: '{"stepId":7,"stepId":9}' }, ['/steps/*']],
    ['too many', '/steps/{response[*].id}', { response: list(1_001) }, ['/steps/*']],
    ['before switched off', '/steps/{before.stepId}', { before: { missing: 'not-read' } }, ['/steps/*']],
  ];
  test.each(rows)('%s', (_, target, bodies, expected) => {
    const resolution = resolved(target, bodies);
    expect(described(resolution)).toEqual(expected);
    expect(resolution.unresolved.length).toBeGreaterThan(0);
    expect(resolution.rejected).toEqual([]);
  });

  test('the reason names each source', () => {
    const target = '/steps/{ before.stepId, response.step.id }';
    expect(resolved(target, { before: { missing: 'incomplete' }, response: '{"step":null}' }).unresolved).toEqual([
      { target, placeholder: 'before.stepId, response.step.id', reason: 'before.stepId: incomplete' },
    ]);
    expect(resolved(target, { response: '{"step":null}' }).unresolved[0]?.reason).toBe(
      'before.stepId: absent; response.step.id: nothing selected',
    );
  });

  test('a tag has a wildcard only for an unknown value: stars in values stay data', () => {
    const bodies: Bodies = { response: '{"a":"x*","b":null}' };
    expect(resolved('tag: {response.a}:{response.b}:{response.a}', bodies).targets).toEqual([
      { kind: 'tagPattern', parts: ['x*:', ':x*'] },
    ]);
    expect(resolved('tag: {response.a}', bodies).targets).toEqual([{ kind: 'tag', tag: 'x*' }]);
  });
});

describe('ids that mean something else in a path are data', () => {
  const rows: [string, string][] = [
    ['a/b', '/steps/a%2Fb'],
    ['a?b=c', '/steps/a%3Fb%3Dc'],
    ['a#b', '/steps/a%23b'],
    ['%2F', '/steps/%252F'],
    ['*', '/steps/%2A'],
    ['**', '/steps/%2A%2A'],
    [':id', '/steps/%3Aid'],
    ['{id}', '/steps/%7Bid%7D'],
    ['é☂', '/steps/%C3%A9%E2%98%82'],
    ['a b', '/steps/a%20b'],
    ['..', '/steps/%252E%252E'],
    ['.', '/steps/%252E'],
    ['../users/me', '/steps/..%2Fusers%2Fme'],
    ['a\r\nb', '/steps/a%0D%0Ab'],
    ['\ud800', '/steps/%EF%BF%BD'],
    ["!'()", '/steps/%21%27%28%29'],
  ];
  test.each(rows)('%j', (value, path) => {
    const response = JSON.stringify({ stepId: value });
    expect(resolved('/steps/{response.stepId}', { response }).targets).toEqual([{ kind: 'path', path }]);
  });

  test('in a query they stay in their parameter', () => {
    const response = JSON.stringify({ stepId: '7&admin=*?#+ é' });
    expect(resolved('/a?stepId={response.stepId}&b=1', { response }).targets).toEqual([
      { kind: 'query', path: '/a', query: 'b=1&stepId=7%26admin%3D%2A%3F%23%2B%20%C3%A9' },
    ]);
    expect(resolved('/a?s={response.s}', { response: '{"s":".."}' }).targets).toEqual([
      { kind: 'query', path: '/a', query: 's=..' },
    ]);
  });

  test('numbers beyond 2^53 keep their digits', () => {
    const response = '{"a":9007199254740993,"b":[12345678901234567890123]}';
    expect(described(resolved(['/steps/{response.a}', 'tag: b:{response.b[*]}'], { response }))).toEqual([
      '/steps/9007199254740993',
      'tag:b:12345678901234567890123',
    ]);
  });
});

describe('the product of several placeholders is bounded', () => {
  const target = '/a/{response.x[*].id}/{response.y[*].id}';
  const bodies = (x: number, y: number): Bodies => ({ response: `{"x":${list(x)},"y":${list(y)}}` });

  test('up to the bound each combination is a target', () => {
    const { targets, unresolved } = resolved(target, bodies(MAX_EXPANSIONS / 10, 10));
    expect(targets).toHaveLength(MAX_EXPANSIONS);
    expect(unresolved).toEqual([]);
  });

  test.each(['widen', 'ignore', 'reject'] as const)('above it the target has wildcards, under "%s" too', (policy) => {
    const resolution = resolved(target, bodies(MAX_EXPANSIONS / 10 + 1, 10), { rule: { unresolved: policy } });
    expect(described(resolution)).toEqual(['/a/*/*']);
    expect(resolution.unresolved).toHaveLength(1);
    expect(resolution.unresolved[0]?.reason).toMatch(/more than 1000/);
  });
});

describe('what a rule says of the unresolved', () => {
  const targets = ['/accommodations/{id}', '/steps/{before.stepId, response.stepId}', 'tag: trip:{request.tripId}'];

  test('ignore leaves out what is not known, and keeps what is', () => {
    const resolution = resolved(
      targets,
      { before: '{"stepId":7}', response: { missing: 'too-large' } },
      {
        rule: { unresolved: 'ignore' },
      },
    );
    expect(described(resolution)).toEqual(['/accommodations/42', '/steps/7']);
    expect(resolution.unresolved.map(({ target }) => target)).toEqual([
      '/steps/{before.stepId, response.stepId}',
      'trip:{request.tripId}',
    ]);
    expect(resolution.rejected).toEqual([]);
  });

  test('ignore leaves out a target of which one placeholder is not known', () => {
    const resolution = resolved('/a/{id}/{response.x}', {}, { rule: { unresolved: 'ignore' } });
    expect(resolution.targets).toEqual([]);
  });

  test('ignore never leaves out some of too many', () => {
    const resolution = resolved(
      '/steps/{response[*].id}',
      { response: list(1_001) },
      { rule: { unresolved: 'ignore' } },
    );
    expect(described(resolution)).toEqual(['/steps/*']);
  });

  test('reject says why to refuse the write, and falls back to a wildcard if it is already done', () => {
    const resolution = resolved(targets, { before: '{"stepId":7}' }, { rule: { unresolved: 'reject' } });
    expect(described(resolution)).toEqual(['/accommodations/42', '/steps/*', 'tag:trip:*']);
    expect(resolution.rejected).toEqual([
      {
        target: 'trip:{request.tripId}',
        placeholder: 'request.tripId',
        reason: 'request.tripId: absent',
      },
    ]);
  });

  test('reject cannot ask for what only the answer tells', () => {
    const answers = ['/steps/{response.stepId}', '/a/{request.id, responseHeader.location[-1]}'];
    const resolution = resolved(answers, { response: { missing: 'not-read' } }, { rule: { unresolved: 'reject' } });
    expect(resolution.unresolved).toHaveLength(2);
    expect(resolution.rejected).toEqual([]);
  });
});

describe('targets as coverage', () => {
  test('every kind becomes what it covers, once', () => {
    const targets = ['/a/{id}', '/a?x={id}', '/a/*', 'tag: t:{id}', 'tag: t:*', 'tag: t:{response.nope}'];
    const { targets: found } = resolved(targets);
    const coverage = coverageOf([...found, ...found]);
    // n: is what stands for several queries of the path (No-Vary-Search).
    expect([...coverage.tags]).toEqual(['p:/a/42', 'q:/a?x=42', 'n:/a', 't:t:42']);
    expect(coverage.patterns).toEqual(['/a/*']);
    expect(coverage.tagPatterns).toEqual([['t:', '']]);
  });

  test('no target covers nothing', () => {
    expect(coverageOf([])).toEqual({ tags: new Set(), patterns: [], tagPatterns: [] });
  });
});
