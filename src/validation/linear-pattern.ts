import { RE2JS, RE2JSException } from 're2js';

/** A pattern whose time grows with the text, not exponentially with it. */
export interface LinearPattern {
  test(text: string): boolean;
  /** How many steps that may take for each character. */
  readonly stepsPerCharacter: number;
}

/**
 * A pattern of so few instructions has few sets of states, so RE2's automaton of them is built in no time. That of
 * a longer one may have exponentially many.
 */
const FEW_INSTRUCTIONS = 16;

/**
 * Compiles a `pattern` for RE2's algorithm instead of backtracking: with `^(a+)+$`, thirty characters would keep
 * JavaScript's own busy for minutes, and with it every client. RE2 has no look-around and no back references, because
 * nobody can match those in such a time.
 * @throws PatternError
 */
export function linearPattern(pattern: string): LinearPattern {
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    const size = compiled.programSize();
    // At each character there is one way to go on, or one known set of states.
    if (compiled.re2().onepass !== null || size <= FEW_INSTRUCTIONS) {
      return { test: (text) => compiled.test(text), stepsPerCharacter: 1 };
    }
    return { test: (text) => compiled.matcher(text).find(), stepsPerCharacter: size };
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
