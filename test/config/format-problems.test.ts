import { expect, it } from 'vitest';
import { formatProblems } from '../../src/config/format-problems.ts';
import { ConfigError, type Problem } from '../../src/config/problem.ts';
import { problemsOf } from './parse.ts';

const text =
  'origin: { url: http://x }\nroutes:\n  - match: /a\n    cache: { tll: 60s }\ncoherence: { onPartition: queue }\n';

it('shows where, what, the line with a caret, and what to do', () => {
  expect(formatProblems(problemsOf(text), { color: false })).toBe(
    [
      'gateway.yaml:4:14: error: unknown key "tll"',
      '      cache: { tll: 60s }',
      '               ^',
      '  hint: did you mean "ttl"?',
      'gateway.yaml:5:14: warning: onPartition has no effect without store.redis [no-partition]',
      '  coherence: { onPartition: queue }',
      '               ^',
      '  hint: remove it: without store.redis there is no partition',
      '',
    ].join('\n'),
  );
});

it('colours for a terminal, and says the same', () => {
  const coloured = formatProblems(problemsOf(text), { color: true });
  expect(coloured).toContain('\u001b[31merror: \u001b[0m');
  expect(coloured).toContain('\u001b[33mwarning: \u001b[0m');
  // biome-ignore lint/complexity/useRegexLiterals: a literal would hold a control character
  const escapes = new RegExp('\u001b\\[\\d+m', 'g');
  expect(coloured.replace(escapes, '')).toBe(formatProblems(problemsOf(text), { color: false }));
});

const problem: Problem = {
  file: 'f',
  line: 1,
  column: 3,
  message: 'm',
  hint: 'h',
  severity: 'error',
  excerpt: '\t\tx',
};

it('puts the caret under what is behind tabs', () => {
  expect(formatProblems([problem], { color: false })).toBe('f:1:3: error: m\n  \t\tx\n  \t\t^\n  hint: h\n');
});

it('shows no line where there is none', () => {
  expect(formatProblems([{ ...problem, excerpt: '' }], { color: false })).toBe('f:1:3: error: m\n  hint: h\n');
});

it('cuts a long line around the caret', () => {
  const shown = formatProblems([{ ...problem, excerpt: `${'a'.repeat(5000)}B${'c'.repeat(5000)}`, column: 5001 }], {
    color: false,
  });
  const [, line = '', caret = ''] = shown.split('\n');
  expect(line.length).toBeLessThan(300);
  expect(line[caret.indexOf('^')]).toBe('B');
});

it('has a message for those who catch it', () => {
  expect(new ConfigError(problemsOf(text)).message).toBe('gateway.yaml:4:14: unknown key "tll"');
  expect(new ConfigError([problem, problem, { ...problem, severity: 'warning' }]).message).toBe(
    'f:1:3: m (and 1 more)',
  );
});
