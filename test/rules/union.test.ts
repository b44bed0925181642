import { describe, expect, test } from 'vitest';
import { type Bodies, described, resolved, unread } from './sources.ts';

const parents = '/steps/{before.stepId, response.stepId}';
const told = '/steps/{before.stepId, request.stepId, response.stepId}';
const in7 = '{"stepId":7}';
const in9 = '{"stepId":9}';
const any = ['/steps/*'];

describe('a union is enough only if it is certain that there is no other value', () => {
  const rows: [string, string, string, Bodies, string[]][] = [
    ['moved', 'PATCH', parents, { before: in7, response: in9 }, ['/steps/7', '/steps/9']],
    ['not moved', 'PATCH', parents, { before: in7, response: in7 }, ['/steps/7']],
    ['created', 'POST', parents, { response: in9 }, ['/steps/9']],
    ['attached', 'PATCH', parents, { before: '{}', response: in9 }, ['/steps/9']],
    ['attached, null before', 'PATCH', parents, { before: '{"stepId":null}', response: in9 }, ['/steps/9']],
    ['detached, null after', 'PATCH', parents, { before: in7, response: '{"stepId":null}' }, ['/steps/7']],
    ['detached, empty after', 'PATCH', parents, { before: in7, response: '{"stepId":""}' }, ['/steps/7']],
    // What was deleted has no new parent.
    ['deleted, 204', 'DELETE', parents, { before: in7 }, ['/steps/7']],
    ['deleted, "OK"', 'DELETE', parents, { before: in7, response: { missing: 'not-json' } }, ['/steps/7']],
    ['deleted, a report', 'DELETE', parents, { before: in7, response: '{"ok":true}' }, ['/steps/7']],
    ['deleted, nothing known', 'DELETE', parents, {}, any],
    ['deleted, had no parent', 'DELETE', parents, { before: '{"stepId":null}' }, any],
    // What was changed may have been moved, and nothing says where to.
    ['changed, 204', 'PATCH', parents, { before: in7 }, any],
    ['changed, "OK"', 'PUT', parents, { before: in7, response: { missing: 'not-json' } }, any],
    ['changed, a report', 'PATCH', parents, { before: in7, response: '{"ok":true}' }, any],
    ['an action, 204', 'POST', parents, { before: in7 }, any],
    ['unknown method, 204', 'RELOCATE', parents, { before: in7 }, any],
    ['changed, 204, not told', 'PATCH', parents, { before: in7, request: in9 }, any],
    // Unless the request tells, even if only by not asking for a move.
    ['moved, 204, told', 'PATCH', told, { before: in7, request: in9 }, ['/steps/7', '/steps/9']],
    ['changed, 204, told', 'PATCH', told, { before: in7, request: '{"name":"x"}' }, ['/steps/7']],
    [
      'changed, a report, told',
      'PATCH',
      told,
      { before: in7, request: in9, response: '{"ok":true}' },
      ['/steps/7', '/steps/9'],
    ],
    ['no body, 204', 'PATCH', told, { before: in7 }, any],
    ['a form, 204', 'PUT', told, { before: in7, request: { missing: 'not-json' } }, any],
    // The request is no representation: an RFC 6902 patch, a bare list.
    ['a JSON Patch', 'PATCH', told, { before: in7, request: '[{"op":"replace","path":"/stepId","value":9}]' }, any],
    // A shape that was not expected.
    ['an object', 'PATCH', parents, { before: in7, response: '{"stepId":{"id":9}}' }, any],
    ['an array', 'PATCH', parents, { before: in7, response: '[{"stepId":9}]' }, any],
    // Two spellings of one thing.
    [
      'either spelling',
      'PUT',
      '/steps/{response.stepId, response.step.id}',
      { response: '{"step":{"id":9}}' },
      ['/steps/9'],
    ],
    ['neither', 'PUT', '/steps/{response.stepId, response.step.id}', { response: '{}' }, any],
    [
      'the answer in its header',
      'POST',
      '/accommodations/{response.id, responseHeader.location[-1]}',
      { responseHeader: { location: '/accommodations/42' } },
      ['/accommodations/42'],
    ],
    ['a silent header', 'PUT', '/steps/{before.stepId, responseHeader.x-step}', { before: in7 }, any],
    ['a header after DELETE', 'DELETE', '/steps/{before.stepId, responseHeader.x-step}', { before: in7 }, ['/steps/7']],
    ['a parameter and more', 'PUT', '/steps/{query.step, response.stepId}', { query: 'step=7' }, any],
    ['no such parameter', 'PUT', '/steps/{query.step, response.stepId}', { response: in9 }, ['/steps/9']],
    ['lists', 'PUT', '/steps/{before[*].s, response[*].s}', { before: '[{"s":7}]', response: '[]' }, ['/steps/7']],
    ['a gap', 'PUT', '/steps/{before[*].s, response[*].s}', { before: '[{"s":7},{}]', response: '[]' }, any],
  ];
  test.each(rows)('%s: %s %s', (_, method, target, bodies, expected) => {
    expect(described(resolved(target, bodies, { method }))).toEqual(expected);
  });

  test.each(unread)('a body that could not be read falls back to a wildcard: %s', (missing) => {
    for (const method of ['PUT', 'DELETE']) {
      const after = resolved(parents, { before: in7, response: { missing } }, { method });
      expect(described(after)).toEqual(any);
      expect(after.unresolved).toEqual([
        { target: parents, placeholder: 'before.stepId, response.stepId', reason: `response.stepId: ${missing}` },
      ]);
      expect(described(resolved(parents, { before: { missing }, response: in9 }, { method }))).toEqual(any);
      const asked = resolved(told, { before: in7, request: { missing }, response: in9 }, { method });
      expect(described(asked)).toEqual(any);
    }
  });

  test('a page instead of a representation falls back to a wildcard: the parent may be on it', () => {
    const bodies: Bodies = { before: { missing: 'not-json' }, response: in9 };
    expect(described(resolved(parents, bodies))).toEqual(any);
  });
});
