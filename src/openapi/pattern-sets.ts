import { remembered } from './remembered.ts';

/** Whether every path of a pattern is one of another pattern. */
export function isWithin(inner: string, outer: string): boolean {
  const [a, b] = [inner.split('/'), outer.split('/')];
  return b.every((segment, i) => segment === '**' || (a[i] !== undefined && (isWhole(segment) || segment === a[i])));
}

/** Any segment, or with text around it, which may be any as far as this matters. */
const isAny = (segment: string | undefined): boolean => segment === '*' || /[:{]/.test(segment ?? '');
const isWhole = (segment: string): boolean => /^(?:\*|:[A-Za-z0-9_]+)$/.test(segment);

/** Whether a pattern covers the route of another one. A parameter matches any segment. */
export function covers(pattern: string, match: string): boolean {
  const [a, b] = [pattern.split('/'), match.split('/')];
  for (const [i, segment] of a.entries()) {
    if (segment === '**') return true;
    if (b[i] === undefined || !(isAny(segment) || segment === b[i])) return false;
  }
  return a.length === b.length;
}

/** Whether two patterns, or a target and a route, have a path in common. */
export function patternsMeet(target: string, match: string): boolean {
  const [a, b] = [segmentsOf(target), segmentsOf(match)];
  for (const [i, segment] of a.entries()) {
    if (segment === '**') return true;
    if (b[i] === undefined || !(isAny(segment) || isAny(b[i]) || segment === b[i])) return false;
  }
  return a.length === b.length;
}

/** A placeholder may contain slashes in its quotes; it is one segment. */
const segmentsOf = remembered((target): readonly string[] => target.replaceAll(/\{[^}]*\}/g, '{}').split('/'));
