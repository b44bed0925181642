import type { Fields } from './fields.ts';
import { isToken, splitList } from './list.ts';
import { normaliseField, preferredLanguage } from './normalise.ts';

/**
 * The request fields that selected a response (RFC 9110 §12.5.5): lower case, sorted, without duplicates. `*` if the
 * list contains it, or a member that is not a field name: then the selecting fields are unknown.
 */
export function parseVary(value: string | undefined): readonly string[] | '*' {
  if (value === undefined) return [];
  const names = splitList(value).map((name) => name.toLowerCase());
  if (names.some((name) => name === '*' || !isToken(name))) return '*';
  return [...new Set(names)].sort();
}

/** The values of an absent and of an empty field: RFC 9111 §4.1 distinguishes them. */
const ABSENT = '';
const EMPTY = ' ';

/**
 * The secondary key of a request (RFC 9111 §4.1): the normalised value of each field in `names` (from `parseVary`).
 * Requests with equal values select the same variant. Field values contain no line feeds.
 */
export function selectingValues(names: readonly string[], request: Fields): string[] {
  return names.map((name) => selectingValue(name, request));
}

function selectingValue(name: string, request: Fields): string {
  const value = request.get(name);
  if (value === undefined) return ABSENT;
  return normaliseField(name, value) || EMPTY;
}

/** Request fields with these `selectingValues`. */
export function selectingFields(names: readonly string[], values: readonly string[]): string[] {
  return names.flatMap((name, i) => {
    const value = values[i] ?? ABSENT;
    return value === ABSENT ? [] : [name, value === EMPTY ? '' : value];
  });
}

/**
 * Whether a request selects the variant stored under `values`. With `contentLanguage`, a request that prefers exactly
 * that language selects it too, whatever else it accepts (RFC 9110 §12.5.4).
 */
export function matchesVary(
  names: readonly string[],
  values: readonly string[],
  request: Fields,
  contentLanguage?: string,
): boolean {
  return names.every((name, i) => {
    if (selectingValue(name, request) === values[i]) return true;
    if (name !== 'accept-language' || contentLanguage === undefined) return false;
    return preferredLanguage(request.get(name) ?? '') === contentLanguage.toLowerCase();
  });
}
