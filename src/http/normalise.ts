import { commonCredentials } from './credentials.ts';
import { splitList, trimWhitespace } from './list.ts';

/** No client of good will sends more; taking a longer value apart costs milliseconds for each request that has one. */
const MAX_NORMALISED_LENGTH = 1_024;

/**
 * Normalises the value of a request field for comparison (RFC 9111 §4.1). Only meaningless differences are removed:
 * white space around commas, and for `Accept-Language` and `Accept-Encoding` also case, order and the spelling of
 * weights.
 */
export function normaliseField(name: string, value: string): string {
  // A cookie or a token that differs by a space belongs to another user.
  if (commonCredentials.has(name) || value.length > MAX_NORMALISED_LENGTH) return value;
  if (name === 'accept-language' || name === 'accept-encoding') {
    const preferences = parsePreferences(value);
    if (preferences !== undefined) return serialise(preferences);
  }
  // Empty members may have a meaning in an unknown field, and so may commas in quotes.
  if (value.includes('"')) return trimWhitespace(value);
  return value.split(',').map(trimWhitespace).join(',');
}

/** What a client accepts, with its weight (RFC 9110 §12.4.2) in thousandths. */
interface Preference {
  /** Lower case. */
  range: string;
  weight: number;
}

const range = /^(?:\*|[A-Za-z0-9!#$%&'*+\-.^_`|~]+)$/;
/** RFC 9110 §12.4.2: at most three decimal places. */
const weight = /^[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/** RFC 9110 §8.4.1.1, §8.4.1.3. No language has these names. */
const aliases = new Map([
  ['x-compress', 'compress'],
  ['x-gzip', 'gzip'],
]);

/** undefined if the field is malformed, or a range has two weights. */
function parsePreferences(value: string): Preference[] | undefined {
  const weights = new Map<string, number>();
  for (const member of splitList(value)) {
    const semicolon = member.indexOf(';');
    const written = trimWhitespace(semicolon < 0 ? member : member.slice(0, semicolon)).toLowerCase();
    const name = aliases.get(written) ?? written;
    const match = semicolon < 0 ? undefined : weight.exec(member.slice(semicolon));
    if (!range.test(name) || match === null) return undefined;
    const thousandths = match === undefined ? 1000 : Math.round(Number(match[1]) * 1000);
    if ((weights.get(name) ?? thousandths) !== thousandths) return undefined;
    weights.set(name, thousandths);
  }
  return [...weights].map(([range, weight]) => ({ range, weight }));
}

/** As a client would write it: what is fetched again for a stored variant is asked for with this. */
function serialise(preferences: readonly Preference[]): string {
  return preferences
    .map(({ range, weight }) => (weight === 1000 ? range : `${range};q=${weight / 1000}`))
    .sort()
    .join(',');
}

/** The most preferred language of `Accept-Language`, in lower case; undefined if there is not exactly one. */
export function preferredLanguage(value: string): string | undefined {
  const preferences = value.length > MAX_NORMALISED_LENGTH ? [] : (parsePreferences(value) ?? []);
  const most = Math.max(0, ...preferences.map(({ weight }) => weight));
  const preferred = preferences.filter(({ weight }) => weight === most && weight > 0);
  const first = preferred[0];
  return preferred.length === 1 && first !== undefined && first.range !== '*' ? first.range : undefined;
}

/** RFC 4647 §2.1. */
const languageRange = /^(?:\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)$/;

/**
 * The language by which others may select the response to a request with this `Accept-Language`: that of the response,
 * where the request asked for it, and for nothing but languages. What else stood in the field may have changed the
 * response, and is in no key of theirs.
 */
export function selectableLanguage(
  contentLanguage: string | undefined,
  acceptLanguage: string | undefined,
): string | undefined {
  const language = contentLanguage === undefined ? undefined : trimWhitespace(contentLanguage).toLowerCase();
  if (acceptLanguage === undefined || acceptLanguage.length > MAX_NORMALISED_LENGTH) return undefined;
  const preferences = parsePreferences(acceptLanguage) ?? [];
  const asked = preferences.some(({ range, weight }) => range === language && weight > 0);
  return asked && preferences.every(({ range }) => languageRange.test(range)) ? language : undefined;
}
