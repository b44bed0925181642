import {
  type BareItem,
  type Dictionary,
  type InnerList,
  type Item,
  isInnerList,
  parseDictionary,
} from 'structured-headers';

/** Which differences between queries an origin says do not matter (the `No-Vary-Search` field). */
export interface SearchVariance {
  /** The parameters that matter: all but these names, or only these. */
  readonly params: { readonly allBut: readonly string[] } | { readonly only: readonly string[] };
  /** Whether the order of parameters matters. */
  readonly order: boolean;
}

/** Every difference matters: without the field, and where it cannot be read. */
export const everyDifference: SearchVariance = { params: { allBut: [] }, order: true };

/** Parses a `No-Vary-Search`: `key-order`, `params`, `except`. Anything wrong in it makes every difference matter. */
export function parseNoVarySearch(value: string | undefined): SearchVariance {
  if (value === undefined) return everyDifference;
  let members: Dictionary;
  try {
    members = parseDictionary(value);
  } catch {
    // Throwing is how the parser says that the text is not one (RFC 9651 §4.2).
    return everyDifference;
  }
  // A directive that is not known may take back what the others give.
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
  // `except` takes names out of `params=?1`; beside anything else it means nothing.
  if (except !== undefined) return undefined;
  if (params === undefined || params[0] === false) return { allBut: [] };
  const names = namesOf(params);
  return names === undefined ? undefined : { allBut: names };
}

/** The strings of an inner list, decoded as parameter names are. */
function namesOf(member: Item | InnerList): string[] | undefined {
  if (!isInnerList(member)) return undefined;
  const names: string[] = [];
  for (const [name] of member[0] as readonly (readonly [BareItem, unknown])[]) {
    if (typeof name !== 'string') return undefined;
    // "&" and "=" would end the name in a query; in the list they are part of it.
    const [decoded] = new URLSearchParams(name.replace(/[&=]/g, encodeURIComponent)).keys();
    names.push(decoded ?? '');
  }
  return names;
}

/**
 * A query (without "?") in the form that stands for all that the origin says are the same: equal results are one resource.
 * Only for keys; what is forwarded is what the client sent.
 */
export function normaliseQuery(query: string, variance: SearchVariance): string {
  const { params, order } = variance;
  if (order && 'allBut' in params && params.allBut.length === 0) return query;
  const parameters = new URLSearchParams(query);
  const matters = (name: string): boolean =>
    'only' in params ? params.only.includes(name) : !params.allBut.includes(name);
  const kept = new URLSearchParams([...parameters].filter(([name]) => matters(name)));
  // Stable, by name alone: the order of values under one name always matters.
  if (!order) kept.sort();
  return kept.toString();
}
