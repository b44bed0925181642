/** A number as it stands in a JSON text. */
export interface WrittenNumber {
  readonly start: number;
  readonly literal: string;
}

export interface JsonScan {
  /** Colons outside strings: how many members all objects have together. */
  readonly members: number;
  /** Those that a double may not hold as they are written. All others are exact. */
  readonly numbers: readonly WrittenNumber[];
}

/** A decimal of up to 15 digits survives the way into a double and back (IEEE 754 binary64). */
const FAITHFUL_DIGITS = 15;

const quote = 0x22;
const backslash = 0x5c;

/**
 * What `JSON.parse` does not tell: nesting, numbers as written, members per text. One pass, before anything is allocated; the
 * text need not be valid, `JSON.parse` decides that.
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

/** The index of the quote that ends the string, or the last index of a text that ends inside it. */
function endOfString(text: string, from: number): number {
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

/** Whether the double that the literal becomes is written as the same number, and without an exponent. */
export function isFaithful(literal: string): boolean {
  const double = Number(literal);
  const written = String(double);
  if (Math.abs(double) >= 2 ** 53 || written.includes('e')) return false;
  return written === literal || significand(written) === significand(literal);
}

/** Sign, digits without zeros around them, and exponent: equal for literals of equal numbers; "-0" stays apart from "0". */
function significand(literal: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? (['', '', '', '', ''] as const);
  const digits = `${whole}${fraction}`;
  const trimmed = trimZeros(digits);
  if (trimmed === '') return `${sign}0`;
  const trailing = digits.length - digits.indexOf(trimmed) - trimmed.length;
  return `${sign}${trimmed}e${Number(exponent) - fraction.length + trailing}`;
}

/** Without a regular expression: `/0+$/` takes the square of the length on a long run of zeros that ends in a one. */
function trimZeros(digits: string): string {
  let start = 0;
  let end = digits.length;
  while (start < end && digits.charCodeAt(start) === 0x30) start++;
  while (end > start && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(start, end);
}
