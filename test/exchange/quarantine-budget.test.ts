import { describe, expect, test } from 'vitest';
import { everything } from '../../src/coherence/record.ts';
import { charactersOf } from '../../src/coherence/record-size.ts';
import { pathTag } from '../../src/coherence/tag.ts';
import { QuarantineBudget } from '../../src/exchange/write/quarantine-budget.ts';

const cause = { method: 'PUT', path: '/a', rule: null };
const effect = (path: string) => ({
  coverage: { tags: new Set([pathTag(path)]), patterns: [], tagPatterns: [] },
  announcements: [{ type: 'changed', paths: [path], tags: [], cause, payload: { big: path } }],
});
const one = charactersOf(effect('/a'));

describe('what quarantines hold', () => {
  test('is counted by what it names, until it is given back, once', () => {
    const budget = new QuarantineBudget();
    const giveBack = [budget.take(effect('/a'), 'x'), budget.take(effect(`/${'a'.repeat(500)}`), undefined)];
    expect(budget.held).toBeGreaterThan(2 * one + 900);
    for (const give of [...giveBack, ...giveBack]) give();
    expect([budget.held, budget.addresses]).toEqual([0, 0]);
  });

  test('is bounded: a further one covers everything, in few words', () => {
    const budget = new QuarantineBudget({ characters: 2 * one, ofAddress: 2 * one });
    budget.take(effect('/a'), undefined);
    expect(budget.bounded(effect('/b'))).toEqual(effect('/b'));
    budget.take(effect('/b'), undefined);
    const { coverage, announcements } = budget.bounded({ ...effect(`/${'c'.repeat(9_000)}`) });
    expect(coverage).toEqual(everything);
    expect(announcements).toEqual([{ type: 'changed', paths: ['/**'], tags: ['*'], cause }]);
  });

  test('is bounded for one address, and others have room', () => {
    const budget = new QuarantineBudget({ characters: 100 * one, ofAddress: 2 * one });
    const give = budget.take(effect('/a'), 'x');
    expect(budget.hasRoom('x')).toBe(true);
    budget.take(effect('/b'), 'x');
    expect([budget.hasRoom('x'), budget.hasRoom('y')]).toEqual([false, true]);
    give();
    expect(budget.hasRoom('x')).toBe(true);
  });
});
