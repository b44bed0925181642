import { isCredential } from './credentials.ts';
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
 * @param credentials the fields to keep only a digest of: what is stored is shown to operators, and is in Redis and in
 * snapshots
 */
export function selectingValues(
  names: readonly string[],
  request: Fields,
  credentials?: ReadonlySet<string>,
): string[] {
  return names.map((name) => {
    const value = selectingValue(name, request);
    return credentials !== undefined && isCredential(name, credentials) ? digestOf(value) : value;
  });
}

function selectingValue(name: string, request: Fields): string {
  const value = request.get(name);
  if (value === undefined) return ABSENT;
  return nameOf(normaliseField(name, value), MAX_KEPT_LENGTH) || EMPTY;
}

/** The digest of a selecting value, or of one that is a digest already. */
export function digestOf(value: string): string {
  return value === ABSENT || value === EMPTY || isDigest(value) ? value : nameOf(value, 0);
}

/**
 * Whether two lists of selecting values are of the same requests. One may hold the digest of what the other holds
 * itself: responses outlive the version that stored them.
 */
export function selectAlike(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((value, i) => isAlike(value, others[i], digestOf));
}

function isAlike(value: string, other: string | undefined, digest: (value: string) => string): boolean {
  if (value === other) return true;
  return other !== undefined && isDigest(value) !== isDigest(other) && digest(value) === digest(other);
}

/** Fields of a request whose `selectingValues` are these; undefined where only the digest of a value was kept. */
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
    if (isAlike(selectingValue(name, request), values[i], digestOf)) return true;
    if (name !== 'accept-language' || language === undefined) return false;
    return preferredLanguage(request.get(name) ?? '') === language;
  });
}

/** The same for one request and many variants: each of its fields is taken apart once. */
export class VariantSelector {
  readonly #request: Fields;
  readonly #values = new Map<string, string>();
  /** Of these values: a digest for each of the variants would be too many. */
  readonly #digests = new Map<string, string>();
  #preferred: { readonly language: string | undefined } | undefined;

  constructor(request: Fields) {
    this.#request = request;
  }

  matches(names: readonly string[], values: readonly string[], language: string | undefined): boolean {
    return names.every((name, i) => {
      if (isAlike(this.#valueOf(name), values[i], this.#digestOf)) return true;
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

  readonly #digestOf = (value: string): string => {
    let digest = this.#digests.get(value);
    if (digest === undefined) {
      digest = digestOf(value);
      this.#digests.set(value, digest);
    }
    return digest;
  };

  #preferredLanguage(): string | undefined {
    this.#preferred ??= { language: preferredLanguage(this.#request.get('accept-language') ?? '') };
    return this.#preferred.language;
  }
}
