/**
 * The value of a parameter for which an event has a wildcard. Wherever a key contains it, any value matches.
 * `encodeURIComponent` leaves it as it is, and it is no likely id.
 */
export const ANY = '*~unstale-any~*';

/**
 * Whether a key begins as `pattern` does, as TanStack Query compares keys: arrays by their first elements, objects by
 * the properties of the pattern. In addition, `7` matches `'7'` (a parameter of a path is always text), and `ANY`
 * matches everything.
 */
export function matchesKey(key: unknown, pattern: unknown): boolean {
  if (Object.is(key, pattern)) return true;
  if (typeof pattern === 'object' && pattern !== null) {
    if (typeof key !== 'object' || key === null || Array.isArray(key) !== Array.isArray(pattern)) return false;
    return Object.entries(pattern).every(([name, value]) => matchesKey((key as Record<string, unknown>)[name], value));
  }
  return matchesText(key, pattern);
}

function matchesText(key: unknown, pattern: unknown): boolean {
  // `Number(id)` of a wildcard.
  if (Number.isNaN(pattern) || pattern === ANY) return key !== undefined;
  if (!isText(key) || !isText(pattern)) return false;
  const text = String(pattern);
  // A page may have a thousand queries, and an event a hundred paths.
  return text.includes(ANY) ? textPattern(text, ANY).test(String(key)) : text === String(key);
}

const isText = (value: unknown): value is string | number | bigint =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';

/** Whether a function that was given wildcards has put one of them into the key. */
export function hasAny(key: unknown): boolean {
  if (typeof key === 'object' && key !== null) return Object.values(key).some(hasAny);
  return Number.isNaN(key) || (typeof key === 'string' && key.includes(ANY));
}

/** `wildcard` stands for any text. */
export function textPattern(text: string, wildcard: string): RegExp {
  return new RegExp(`^${text.split(wildcard).map(escaped).join('.*')}$`, 's');
}

export const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
