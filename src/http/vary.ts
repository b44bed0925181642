import type { Fields } from './fields.ts';
import { isToken, splitList } from './list.ts';
import { normaliseField, preferredLanguage } from './normalise.ts';
import { isDigest, nameOf } from './own-memory.ts';

/**
 * More fields than any API goes by: an origin that names thousands would have each request for it compared in all of
 * them.
 */
export const MAX_SELECTING_FIELDS = 64;

/**
 * The request fields that a response was selected by (RFC 9110 §12.5.5): lower case, sorted, each once. `*` where it is
 * anywhere in the list, and where a member is no field name: what else selected the response is not known then either.
 * Nor where there are too many.
 */
export function parseVary(value: string | undefined): readonly string[] | '*' {
  if (value === undefined) return [];
  const names = splitList(value).map((name) => name.toLowerCase());
  if (names.some((name) => name === '*' || !isToken(name))) return '*';
  const distinct = [...new Set(names)].sort();
  return distinct.length > MAX_SELECTING_FIELDS ? '*' : distinct;
}

/** The values of an absent and of an empty field: RFC 9111 §4.1 distinguishes them. */
const ABSENT = '';
const EMPTY = ' ';

/**
 * A longer value is kept as a digest: a client that varies a field without end would fill the memory with what it sent.
 */
const MAX_KEPT_LENGTH = 256;

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
  return nameOf(normaliseField(name, value), MAX_KEPT_LENGTH) || EMPTY;
}

/** Fields of a request whose `selectingValues` are these; undefined where a value was too long to be kept. */
export function selectingFields(names: readonly string[], values: readonly string[]): string[] | undefined {
  if (values.some(isDigest)) return undefined;
  return names.flatMap((name, i) => {
    const value = values[i] ?? ABSENT;
    return value === ABSENT ? [] : [name, value === EMPTY ? '' : value];
  });
}

/**
 * Whether a request selects the variant stored under `values`. With the language of the variant (`selectableLanguage`),
 * a request whose one preferred language that is selects it too, whatever else it would accept (RFC 9110 §12.5.4).
 */
export function matchesVary(
  names: readonly string[],
  values: readonly string[],
  request: Fields,
  language?: string,
): boolean {
  return names.every((name, i) => {
    if (selectingValue(name, request) === values[i]) return true;
    if (name !== 'accept-language' || language === undefined) return false;
    return preferredLanguage(request.get(name) ?? '') === language;
  });
}

/** The same for one request and many variants: each of its fields is taken apart once. */
export class VariantSelector {
  readonly #request: Fields;
  readonly #values = new Map<string, string>();
  #preferred: { readonly language: string | undefined } | undefined;

  constructor(request: Fields) {
    this.#request = request;
  }

  matches(names: readonly string[], values: readonly string[], language: string | undefined): boolean {
    return names.every((name, i) => {
      if (this.#valueOf(name) === values[i]) return true;
      return name === 'accept-language' && language !== undefined && this.#preferredLanguage() === language;
    });
  }

  #valueOf(name: string): string {
    let value = this.#values.get(name);
    if (value === undefined) {
      value = selectingValue(name, this.#request);
      this.#values.set(name, value);
    }
    return value;
  }

  #preferredLanguage(): string | undefined {
    this.#preferred ??= { language: preferredLanguage(this.#request.get('accept-language') ?? '') };
    return this.#preferred.language;
  }
}
