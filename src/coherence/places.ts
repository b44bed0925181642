/**
 * Where a write may change what other writes select from: paths that it names, and paths below which it may change anything. All
 * are canonical. A write elsewhere that depends on such a resource is not answered before this one is recorded.
 */
export interface Places {
  readonly exact: readonly string[];
  /** The path itself, and what is below; the empty one is the root. */
  readonly below: readonly string[];
}

/** In a text without blanks: canonical paths hold no comma. */
export function encodePlaces({ exact, below }: Places): string {
  return [...exact.map((path) => `=${path}`), ...below].join(',');
}

/** Whether a resource is one of the places, or below one. The same is said in Lua in redis/scripts.ts. */
export function isAmong(resource: string, encoded: string): boolean {
  return encoded.split(',').some((place) => {
    return place.startsWith('=') ? place.slice(1) === resource : resource === place || resource.startsWith(`${place}/`);
  });
}

/** A path and all above it: `/a/b`, `/a`, and the root as an empty one. */
export function ancestry(path: string): string[] {
  const found: string[] = [];
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) found.push(at);
  found.push('');
  return found;
}

/** The literal beginning of a pattern. */
export function headOf(pattern: string): string {
  const segments = pattern.split('/');
  const wild = segments.findIndex((segment) => segment === '*' || segment === '**');
  return segments.slice(0, wild < 0 ? segments.length : wild).join('/');
}
