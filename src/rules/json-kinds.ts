/**
 * Whether a representation is of the same form as another: objects with members of the same names, each of the same kind; arrays by
 * their elements, where both have some; scalars by their type. A null, and an array that is empty, tell nothing. What this
 * takes to be alike is: a list of ids is no list of objects, `42` no `"42"`. What it does not may still be: an array of several
 * kinds goes by its first.
 * @param names `shared`: only what both name is compared, down to the last
 */
export function fits(was: unknown, is: unknown, names: 'same' | 'shared'): boolean {
  if (was === null || is === null) return true;
  if (typeof was !== 'object' || typeof is !== 'object') return typeof was === typeof is;
  if (Array.isArray(was) !== Array.isArray(is)) return false;
  if (Array.isArray(was) && Array.isArray(is)) {
    const sample: unknown = was.find((element) => element !== null);
    return sample === undefined || is.every((element) => fits(sample, element, names));
  }
  const [known, fresh] = [was as Record<string, unknown>, is as Record<string, unknown>];
  const both = Object.keys(known).filter((name) => Object.hasOwn(fresh, name));
  if (names === 'same' && (both.length < Object.keys(known).length || both.length < Object.keys(fresh).length))
    return false;
  return both.every((name) => fits(known[name], fresh[name], names));
}
