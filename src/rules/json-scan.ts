/** A number as written in a JSON text. */
export interface WrittenNumber {
  readonly start: number;
  readonly literal: string;
}

export interface JsonScan {
  /** The members of all objects together, counted as colons outside strings. */
  readonly members: number;
  /** Numbers that a double may not represent exactly. All others are exact. */
  readonly numbers: readonly WrittenNumber[];
}

/** A decimal with up to 15 digits survives conversion to a double and back (IEEE 754 binary64). */
const FAITHFUL_DIGITS = 15;

const quote = 0x22;
const backslash = 0x5c;

/**
 * What `JSON.parse` does not report: nesting, numbers as written, the number of members. One pass, before anything is
 * allocated. The text need not be valid: `JSON.parse` decides that.
 */
export function scanJson(text: string, maxDepth: number): JsonScan | 'too-deep' {
  const numbers: WrittenNumber[] = [];
  let members = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quote) {
      i = endOfString(text, i + 1);
    } else if (code === 0x3a /* : */) {
      members++;
    } else if (code === 0x7b /* { */ || code === 0x5b /* [ */) {
      if (++depth > maxDepth) return 'too-deep';
    } else if (code === 0x7d /* } */ || code === 0x5d /* ] */) {
      depth--;
    } else if (code === 0x2d /* - */ || (code >= 0x30 && code <= 0x39)) {
      const end = endOfNumber(text, i);
      const literal = text.slice(i, end);
      if (mayBeInexact(literal)) numbers.push({ start: i, literal });
      i = end - 1;
    }
  }
  return { members, numbers };
}

/** The index of the closing quote, or the length of the text if there is none. */
export function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

function endOfNumber(text: string, from: number): number {
  let end = from + 1;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    const digit = code >= 0x30 && code <= 0x39;
    if (!digit && code !== 0x2e && code !== 0x2b && code !== 0x2d && code !== 0x45 && code !== 0x65) break;
  }
  return end;
}

function mayBeInexact(literal: string): boolean {
  return literal.length > FAITHFUL_DIGITS || /^-0|^-?0\.000000|[eE]/.test(literal);
}

/** Whether the literal, as a double, prints as the same number without an exponent. */
export function isFaithful(literal: string): boolean {
  const double = Number(literal);
  const written = String(double);
  if (Math.abs(double) >= 2 ** 53 || written.includes('e')) return false;
  return written === literal || significand(written) === significand(literal);
}

/**
 * Sign, digits without surrounding zeros, exponent: equal for literals of equal numbers, except that "-0" is not "0".
 */
function significand(literal: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? (['', '', '', '', ''] as const);
  const digits = `${whole}${fraction}`;
  const trimmed = trimZeros(digits);
  if (trimmed === '') return `${sign}0`;
  const trailing = digits.length - digits.indexOf(trimmed) - trimmed.length;
  return `${sign}${trimmed}e${Number(exponent) - fraction.length + trailing}`;
}

/**
 * One spelling for all literals of a number; those of different numbers differ. An exponent that a double cannot count
 * leaves the literal as it is: it says more than any number of this world needs.
 */
export function canonicalNumber(literal: string): string {
  const found = significand(literal);
  const exponent = Number(found.slice(found.lastIndexOf('e') + 1));
  return found.includes('e') && !Number.isSafeInteger(exponent) ? literal : found;
}

/** No regular expression: `/0+$/` is quadratic for a long run of zeros followed by a one. */
function trimZeros(digits: string): string {
  let start = 0;
  let end = digits.length;
  while (start < end && digits.charCodeAt(start) === 0x30) start++;
  while (end > start && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(start, end);
}
