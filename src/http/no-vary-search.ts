import {
  type BareItem,
  type Dictionary,
  type InnerList,
  type Item,
  isInnerList,
  parseDictionary,
} from 'structured-headers';

/** Which differences between queries matter, according to the origin (the `No-Vary-Search` field). */
export interface SearchVariance {
  /** The parameters that matter: all except these, or only these. */
  readonly params: { readonly allBut: readonly string[] } | { readonly only: readonly string[] };
  /** Whether the order of parameters matters. */
  readonly order: boolean;
}

/** Every difference matters: the field is missing or malformed. */
export const everyDifference: SearchVariance = { params: { allBut: [] }, order: true };

/** Parses `No-Vary-Search`: `key-order`, `params`, `except`. With any mistake, every difference matters. */
export function parseNoVarySearch(value: string | undefined): SearchVariance {
  if (value === undefined) return everyDifference;
  let members: Dictionary;
  try {
    members = parseDictionary(value);
  } catch {
    // The parser throws if the text is not a structured field (RFC 9651 §4.2).
    return everyDifference;
  }
  // An unknown directive may restrict the others.
  for (const name of members.keys()) if (!['key-order', 'params', 'except'].includes(name)) return everyDifference;
  const keyOrder = members.get('key-order')?.[0] ?? false;
  const params = paramsOf(members.get('params'), members.get('except'));
  if (typeof keyOrder !== 'boolean' || params === undefined) return everyDifference;
  return { params, order: !keyOrder };
}

function paramsOf(
  params: Item | InnerList | undefined,
  except: Item | InnerList | undefined,
): SearchVariance['params'] | undefined {
  if (params?.[0] === true) {
    const names = except === undefined ? [] : namesOf(except);
    return names === undefined ? undefined : { only: names };
  }
  // `except` is valid only with `params=?1`.
  if (except !== undefined) return undefined;
  if (params === undefined || params[0] === false) return { allBut: [] };
  const names = namesOf(params);
  return names === undefined ? undefined : { allBut: names };
}

/** The strings of an inner list, decoded like parameter names. */
function namesOf(member: Item | InnerList): string[] | undefined {
  if (!isInnerList(member)) return undefined;
  const names: string[] = [];
  for (const [name] of member[0] as readonly (readonly [BareItem, unknown])[]) {
    if (typeof name !== 'string') return undefined;
    // "&" and "=" end a name in a query, but are part of a name in the list.
    const [decoded] = new URLSearchParams(name.replace(/[&=]/g, encodeURIComponent)).keys();
    names.push(decoded ?? '');
  }
  return names;
}

/**
 * Normalises a query (without "?"): queries that the origin declares equivalent give the same result. Only for cache
 * keys; the gateway forwards what the client sent.
 */
export function normaliseQuery(query: string, variance: SearchVariance): string {
  const { params, order } = variance;
  if (order && 'allBut' in params && params.allBut.length === 0) return query;
  const parameters = new URLSearchParams(query);
  const matters = (name: string): boolean =>
    'only' in params ? params.only.includes(name) : !params.allBut.includes(name);
  const kept = new URLSearchParams([...parameters].filter(([name]) => matters(name)));
  // Stable sort by name: the order of values with the same name always matters.
  if (!order) kept.sort();
  return kept.toString();
}
