import { exactNumber } from './json.ts';
import { canonicalNumber } from './json-scan.ts';
import type { ExactNumbers, Json } from './types.ts';

/**
 * A text that two JSON values share exactly if they are equal: members sorted by name, no white space, one spelling of
 * each string, and of each number at its full precision.
 */
export function canonicalJson({ value, exact }: Extract<Json, { value: unknown }>): string {
  return canonical(value, exact, undefined);
}

/** How deep it recurses is bounded by `MAX_JSON_DEPTH`. */
function canonical(value: unknown, exact: ExactNumbers | undefined, literal: string | undefined): string {
  if (typeof value === 'number') return canonicalNumber(literal ?? String(value));
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((element, i) => canonical(element, exact, exactNumber(exact, value, i))).join(',')}]`;
  }
  const record = value as Readonly<Record<string, unknown>>;
  const members = Object.keys(record)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(record[name], exact, exactNumber(exact, value, name))}`);
  return `{${members.join(',')}}`;
}
