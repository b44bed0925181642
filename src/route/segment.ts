import { decodeSegment } from './path.ts';

/**
 * Parameters inside a segment, with literal text around them: `:id.json`, `issues.:format`, `:name.:ext`. A text
 * between two parameters is found where it occurs last: of `/:name.:ext`, `a.tar.gz` gives `a.tar` and `gz`.
 */
export interface MixedSegment {
  readonly kind: 'mixed';
  /** Decoded, one more than there are names. The first and the last may be empty. */
  readonly texts: readonly string[];
  readonly names: readonly string[];
}

/** Limit on the text between two parameters: searching for it costs that many comparisons per character of a path. */
export const MAX_BETWEEN = 32;

/** The values between the texts, none of them empty; undefined if the text does not match. Linear, no backtracking. */
export function valuesBetween(segment: string, texts: readonly string[]): string[] | undefined {
  const first = texts[0] ?? '';
  const last = texts.at(-1) ?? '';
  if (!segment.startsWith(first) || !segment.endsWith(last)) return undefined;
  const values: string[] = [];
  let end = segment.length - last.length;
  for (const text of texts.slice(1, -1).reverse()) {
    const latest = end - 1 - text.length;
    // At least one character remains for the value before it.
    const at = latest <= first.length ? -1 : segment.lastIndexOf(text, latest);
    if (at <= first.length) return undefined;
    values.unshift(segment.slice(at + text.length, end));
    end = at;
  }
  if (end <= first.length) return undefined;
  values.unshift(segment.slice(first.length, end));
  return values;
}

// Below, segments of shapes: `*` is any segment, and `*.json` one with any text, but not none, before ".json". A
// literal star is escaped. They are compared decoded: "2F" is no part of "%2F".

const isMixed = (shape: string): boolean => shape.includes('*') && shape !== '*';

const textsOf = (shape: string): string[] => shape.split('*').map(decodeSegment);

/** Whether a segment of a path, or a literal one, matches the segment of a shape. */
export function segmentMatches(segment: string, shape: string): boolean {
  if (segment === shape || shape === '*') return true;
  return isMixed(shape) && valuesBetween(decodeSegment(segment), textsOf(shape)) !== undefined;
}

/** Whether some segment matches both shapes. */
export function segmentsOverlap(a: string, b: string): boolean {
  if (a === '*' || b === '*') return true;
  if (!isMixed(a)) return segmentMatches(a, b);
  if (!isMixed(b)) return segmentMatches(b, a);
  const [ours, theirs] = [textsOf(a), textsOf(b)];
  const [beginnings, ends] = [0, -1].map((at) => [ours.at(at) ?? '', theirs.at(at) ?? ''] as const);
  // What lies between can always be filled in.
  return agree(beginnings, (x, y) => x.startsWith(y)) && agree(ends, (x, y) => x.endsWith(y));
}

function agree(pair: readonly [string, string] | undefined, has: (long: string, short: string) => boolean): boolean {
  const [a, b] = pair ?? ['', ''];
  return a.length > b.length ? has(a, b) : has(b, a);
}

/** Stands for the value of a parameter. No path contains it: "%00" is refused. */
const ANY_VALUE = '\0';

/** Whether every segment that matches `narrow` matches `wide`. */
export function isSegmentWithin(narrow: string, wide: string): boolean {
  if (wide === '*' || narrow === wide) return true;
  return isMixed(wide) && valuesBetween(textsOf(narrow).join(ANY_VALUE), textsOf(wide)) !== undefined;
}
