/**
 * Whether two representations have the same form: objects have the same member names, and each member the same form;
 * arrays are compared by their elements, scalars by their type (`42` is not `"42"`). Null fits anything, an empty array
 * any array. It errs towards false: an array of mixed elements is judged by its first.
 * @param names `shared`: compare only members that both have, at every depth
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
