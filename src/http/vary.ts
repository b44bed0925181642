import type { Fields } from './fields.ts';
import { isToken, splitList } from './list.ts';
import { normaliseField, preferredLanguage } from './normalise.ts';

/**
 * The request fields that a response was selected by (RFC 9110 §12.5.5): lower case, sorted, each once. `*` where it is anywhere
 * in the list, and where a member is no field name: what else selected the response is not known then either.
 */
export function parseVary(value: string | undefined): readonly string[] | '*' {
  if (value === undefined) return [];
  const names = splitList(value).map((name) => name.toLowerCase());
  if (names.some((name) => name === '*' || !isToken(name))) return '*';
  return [...new Set(names)].sort();
}

/** What stands for a field that the request does not have, and for one that is empty: RFC 9111 §4.1 tells them apart. */
const ABSENT = '';
const EMPTY = ' ';

/**
 * The secondary key of a request (RFC 9111 §4.1): for each of `names` (from `parseVary`) the field's normalised value. Two requests
 * with equal values select the same variant. Values hold no line feed, being field values.
 */
export function selectingValues(names: readonly string[], request: Fields): string[] {
  return names.map((name) => selectingValue(name, request));
}

function selectingValue(name: string, request: Fields): string {
  const value = request.get(name);
  if (value === undefined) return ABSENT;
  return normaliseField(name, value) || EMPTY;
}

/** Fields of a request whose `selectingValues` are these. */
export function selectingFields(names: readonly string[], values: readonly string[]): string[] {
  return names.flatMap((name, i) => {
    const value = values[i] ?? ABSENT;
    return value === ABSENT ? [] : [name, value === EMPTY ? '' : value];
  });
}

/**
 * Whether a request selects the variant stored under `values`. With the variant's `Content-Language`, a request whose one
 * preferred language that is selects it too, whatever else it would accept (RFC 9110 §12.5.4).
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
