import type { Hits } from './tag.ts';

/**
 * Where a write may change something, in a form that needs no patterns to be compared: its resource and what is below, what it names
 * exactly (`=/inns/42`), and whatever is below the literal beginning of a pattern. Canonical paths hold no comma. Named tags
 * are not in it: which resources carry them is not known before they are read.
 */
export function placesOf(resource: string, { tags, patterns }: Hits): string {
  const places = new Set([resource]);
  for (const tag of tags) if (tag.startsWith('p:')) places.add(`=${tag.slice(2)}`);
  for (const pattern of patterns) {
    const segments = pattern.split('/');
    const wild = segments.findIndex((segment) => segment === '*' || segment === '**');
    places.add(segments.slice(0, wild < 0 ? segments.length : wild).join('/'));
  }
  return [...places].join(',');
}

/** Whether a resource is at, or below, one of the places. The same is said in Lua in redis/scripts.ts. */
export function isAmong(resource: string, places: string): boolean {
  return places.split(',').some((place) => {
    return place.startsWith('=') ? place.slice(1) === resource : resource === place || resource.startsWith(`${place}/`);
  });
}
