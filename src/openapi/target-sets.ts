import { remembered } from './remembered.ts';

/* Targets and tags as sets: what one covers, another need not name. */

/** A placeholder may contain slashes in its quotes; it is one segment. */
const segmentsOf = remembered((path): readonly string[] => {
  if (!path.includes('{')) return path.split('/');
  return path
    .replaceAll(/\{[^}]*\}/g, (placeholder) => placeholder.replaceAll('/', '\0'))
    .split('/')
    .map((segment) => segment.replaceAll('\0', '/'));
});

/** Whether a target invalidates whatever another one does: `/steps/*` and `/steps/{id}`, `{a, b}` and `{a}`. */
export function coversTarget(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  // Without a wildcard or several sources it covers nothing but itself. That is most of them.
  if (!/[*]|, /.test(wide) || wide.startsWith('/') !== narrow.startsWith('/')) return false;
  if (!wide.startsWith('/')) {
    const [a, b] = [wide.indexOf(':'), narrow.indexOf(':')];
    return wide.slice(0, a) === narrow.slice(0, b) && coversSegment(wide.slice(a + 1), narrow.slice(b + 1));
  }
  const [outer, inner] = [segmentsOf(wide), segmentsOf(narrow)];
  for (const [i, segment] of outer.entries()) {
    if (segment === '**') return true;
    const other = inner[i];
    if (other === undefined || other === '**' || !coversSegment(segment, other)) return false;
  }
  return outer.length === inner.length;
}

function coversSegment(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === '*') return true;
  const [a, b] = [sourcesOf(wide), sourcesOf(narrow)];
  return (
    a !== undefined && b !== undefined && a.around === b.around && b.sources.every((each) => a.sources.includes(each))
  );
}

/** Of `{id, response.id}.json`. JSONPaths that contain commas are left as they are. */
function sourcesOf(segment: string): { around: string; sources: string[] } | undefined {
  const [, begin = '', inner, end = ''] = /^([^{}]*)\{([^{}]*)\}([^{}]*)$/.exec(segment) ?? [];
  if (inner === undefined || /[[\]"']/.test(inner)) return undefined;
  return { around: `${begin}\0${end}`, sources: inner.split(', ') };
}

/** The target with one literal of its segments replaced by a wildcard, for each that has one. */
export function widened(path: string): string[] {
  const segments = segmentsOf(path);
  return segments.flatMap((segment, i) =>
    // Not the first one, which is a version or says what all of it is about.
    i < 2 || /[*{]/.test(segment) ? [] : [segments.map((each, k) => (k === i ? '*' : each)).join('/')],
  );
}

/** Whether, of a route, a target covers all that a wider one does. */
export function isAsWideOn(route: string, target: string, wider: string): boolean {
  const [own, wide, literal] = [segmentsOf(target), segmentsOf(wider), route.split('/')];
  if (own.length !== wide.length) return false;
  return own.every((segment, i) => coversSegment(segment, wide[i] ?? '') || segment === literal[i]);
}
