import { describe, expect, test } from 'vitest';
import { faultsOf, isRead, readRepository } from './citations.ts';

const repository = readRepository();

/** The table below plants what does not exist. */
const others = repository.files.filter((file) => isRead(file) && file !== 'test/docs/citations.test.ts');

test.each(others)('%s cites only what exists', (file) => {
  expect(faultsOf(file, repository.textOf(file), repository)).toEqual([]);
});

describe('a citation of what does not exist is found', () => {
  const code = 'src/coherence/lease.ts';

  test.each([
    ['a file', code, '// see coherence/no-such-file.ts', 'file coherence/no-such-file.ts'],
    ['a file by its name', code, '/** As no-such-file.ts does. */', 'file no-such-file.ts'],
    ['one of several files', code, '// src/coherence/{lease,gone}.ts', 'file src/coherence/gone.ts'],
    ['a folder', code, '// the tests are in test/no-such-folder/', 'file test/no-such-folder'],
    ['a document', code, '/* what is promised: SPEC.md */', 'file SPEC.md'],
    ['a section', code, '// coherence.md, "No such heading"', 'coherence.md, section "No such heading"'],
    ['an invariant', code, '/** Keeps invariant 11. */', 'invariant 11'],
    [
      'a section, on two lines',
      code,
      '/**\n * See coherence.md,\n * "Nothing".\n */',
      'coherence.md, section "Nothing"',
    ],
    ['a test', code, '// parts.test.ts, "no such words"', 'parts.test.ts, test "no such words"'],
    ['a script', 'README.md', '`npm run no-such-script`', 'npm run no-such-script'],
    ['a link', 'docs/coherence.md', '[map](../src/MAP.md)', 'link to ../src/MAP.md'],
    [
      'an anchor',
      'README.md',
      '[x](docs/coherence.md#no-such-heading)',
      'link to docs/coherence.md#no-such-heading: no such heading',
    ],
    ['a setting', 'README.md', '`coherence.leese`', 'setting coherence.leese'],
    ['a setting by the end of its key', 'README.md', '`cache.tll`', 'setting cache.tll'],
  ])('%s', (_, file, text, fault) => {
    expect(faultsOf(file, text, repository)).toContain(fault);
  });

  test.each([
    ['a path in a text that is no comment', code, "const path = '/steps/*'; // the same */\nconst file = 'gone.ts';"],
    ['a file in the same folder', code, '// as fence.ts does'],
    ['a link to a heading', 'README.md', '[x](docs/coherence.md#which-redis)'],
    ['a setting', 'README.md', '`store.redis.tier.maxSize`, `tier.maxSize`, `response.stepId`'],
  ])('and not %s', (_, file, text) => {
    expect(faultsOf(file, text, repository)).toEqual([]);
  });
});
