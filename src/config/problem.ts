import type { WarningCode } from './warnings.ts';

/** An error or a warning about a configuration, with its place. */
export interface Problem {
  /** As the caller named it, so that editors and terminals can open it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  readonly message: string;
  /** What to write instead. */
  readonly hint: string;
  readonly severity: 'error' | 'warning';
  /** Of a warning: the code that silences it. */
  readonly code?: WarningCode;
  /** The profiles that it concerns, if the file by itself does not have it. Only `check` knows. */
  readonly profiles?: readonly string[];
  /** The line of the file, secrets masked; empty if the file could not be read. */
  readonly excerpt: string;
}

/** An invalid configuration, with all its problems, including warnings. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Sorted by file, then line. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(first === undefined ? 'the configuration is invalid' : `${positionOf(first)}: ${first.message}${more}`);
    this.problems = problems;
  }
}

/** `file:line:column`. */
export function positionOf({ file, line, column }: Pick<Problem, 'file' | 'line' | 'column'>): string {
  return `${file}:${line}:${column}`;
}

/** Sorted by file, line and column, without duplicates. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const sorted = [...problems].sort(
    (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.message, b.message),
  );
  return sorted.filter((problem, i) => {
    const earlier = sorted[i - 1];
    return earlier === undefined || positionOf(earlier) !== positionOf(problem) || earlier.message !== problem.message;
  });
}

/** By code unit: the order must not depend on the machine's locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
