import { describe, expect, test } from 'vitest';
import type { ConditionConfig } from '../../src/config/model.ts';
import { compileCondition, failing } from '../../src/rules/condition.ts';
import { type Bodies, sourcesOf } from './sources.ts';

const nothing: ConditionConfig = { status: [], present: [], absent: [], equals: [], changed: [] };

interface Case {
  readonly when: Partial<ConditionConfig>;
  readonly method?: string;
  readonly bodies?: Bodies;
  readonly unknownHolds?: boolean;
}

const whyNot = ({ when, method = 'PATCH', bodies = {}, unknownHolds = true }: Case): string | undefined =>
  failing(compileCondition({ ...nothing, ...when }), {
    method,
    sources: sourcesOf({ id: '42' }, bodies),
    status: 200,
    indeterminate: false,
    alone: true,
    unknownHolds,
  });

const isHotel = { equals: [{ source: 'response.kind', values: ['hotel'] }] };

describe('an answer without a body', () => {
  const rows: [string, Case, string | undefined][] = [
    ['does not tell what a field equals', { when: isHotel }, undefined],
    ['nor one of no JSON', { when: isHotel, bodies: { response: { missing: 'not-json' } } }, undefined],
    ['nor that a field is not there', { when: { present: ['response.kind'] } }, undefined],
    ['and holds that it is absent', { when: { absent: ['response.error'] } }, undefined],
    ['after DELETE leaves nothing', { when: isHotel, method: 'DELETE' }, 'response.kind is absent'],
    [
      'after DELETE, not there',
      { when: { present: ['response.kind'] }, method: 'DELETE' },
      'response.kind is not present: absent',
    ],
    [
      'is not enough for a rule that ignores what is not known',
      { when: isHotel, unknownHolds: false },
      'response.kind is absent',
    ],
    [
      'says nothing of a request without one',
      { when: { present: ['request.kind'] } },
      'request.kind is not present: absent',
    ],
    ['with the field tells', { when: isHotel, bodies: { response: '{"kind":"inn"}' } }, 'response.kind is "inn"'],
    ['with JSON without the field tells', { when: isHotel, bodies: { response: '{}' } }, 'response.kind is missing'],
  ];
  test.each(rows)('%s', (_, each, why) => expect(whyNot(each)).toBe(why));
});

describe('changed, of a field that neither has', () => {
  const when = { changed: ['stepId'] };
  const before = '{"id":42,"name":"Inn"}';
  const same = 'stepId did not change';
  const rows: [string, Bodies, string | undefined][] = [
    ['an answer that is no representation', { before, response: '{"ok":true}' }, undefined],
    ['one with a part of the members', { before, response: '{"id":42}' }, undefined],
    ['an array', { before, response: '[]' }, undefined],
    ['a scalar', { before, response: 'true' }, undefined],
    ['nothing to compare with', { before: '{}', response: '{"ok":true}' }, undefined],
    ['a representation', { before, response: '{"name":"New","id":42,"more":1}' }, same],
    ['a field that came', { before, response: '{"id":42,"name":"Inn","stepId":7}' }, undefined],
    ['a field that went', { before: '{"id":42,"stepId":7}', response: '{"id":42}' }, undefined],
    ['one that stayed', { before: '{"id":42,"stepId":7}', response: '{"stepId":7}' }, same],
  ];
  test.each(rows)('%s', (_, bodies, why) => expect(whyNot({ when, bodies })).toBe(why));
});
