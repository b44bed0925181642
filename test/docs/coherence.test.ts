import { describe, expect, test } from 'vitest';
import { mutants } from '../simulate/mutants.ts';
import { invariantsOf, readRepository } from './citations.ts';

const repository = readRepository();
const text = repository.textOf('docs/coherence.md').replaceAll(/\s+/g, ' ');
const invariants = invariantsOf(repository);

describe('docs/coherence.md', () => {
  test.each(mutants.map(({ invariant, name }) => [invariant, name] as const))(
    'lists at invariant %i the mutant "%s"',
    (invariant, name) => {
      expect(invariants.get(invariant)?.replaceAll(/\s+/g, ' ')).toContain(name);
    },
  );

  /** Strings of a union type, as its source declares them. */
  const words = (file: string, declaration: RegExp): string[] => {
    const [, union = ''] = declaration.exec(repository.textOf(file)) ?? [];
    return [...union.matchAll(/'([\w-]+)'/g)].map(([, word = '']) => word);
  };

  test.each([
    ['src/coherence/transaction.ts', /export type WriteState =([\s\S]*?);\n\n/],
    ['src/coherence/transaction.ts', /export type Outcome =([\s\S]*?);\n\n/],
    ['src/coherence/cluster-status.ts', /export type ClusterState =([\s\S]*?);\n/],
  ] as const)('names every state of %s', (file, declaration) => {
    const states = words(file, declaration);
    expect(states).not.toEqual([]);
    expect(states.filter((state) => !text.includes(state))).toEqual([]);
  });

  test('lists every key of the log', () => {
    const [, names = ''] = /const names = \[([^\]]*)\]/.exec(repository.textOf('src/redis/redis-bus.ts')) ?? [];
    const keys = [...names.matchAll(/['`](\w+)/g)].map(([, name]) => `prefix:{scope}:${name}`);
    expect(keys).not.toEqual([]);
    expect(keys.filter((key) => !text.includes(key))).toEqual([]);
  });
});
