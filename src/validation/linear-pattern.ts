import { RE2JS, RE2JSException } from 're2js';

/** A pattern whose time grows with the text, not exponentially with it. */
export interface LinearPattern {
  test(text: string): boolean;
}

/**
 * Compiles a `pattern` for RE2's algorithm instead of backtracking: with `^(a+)+$`, thirty characters would keep
 * JavaScript's own busy for minutes, and with it every client. RE2 has no look-around and no back references, because
 * nobody can match those in such a time.
 * @throws PatternError
 */
export function linearPattern(pattern: string): LinearPattern {
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    return { test: (text) => compiled.matcher(text).find() };
  } catch (error) {
    if (error instanceof RE2JSException) throw new PatternError(pattern, error.message);
    throw error;
  }
}

export class PatternError extends Error {
  override readonly name = 'PatternError';
  readonly pattern: string;

  constructor(pattern: string, reason: string) {
    super(`the pattern ${JSON.stringify(pattern)} cannot be matched in linear time (${reason})`);
    this.pattern = pattern;
  }
}
