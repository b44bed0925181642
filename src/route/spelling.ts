import { decodeSegment, escapeText, resourceOf } from './path.ts';

/** Letters' case; what follows a ";" in a segment; what follows the last "." of the last segment. */
export type PathDifference = 'case' | 'parameters' | 'extension';

/**
 * A resource as an origin sees it that makes no difference of these: without parameters (`/users/me;x.css`) and
 * segments that are nothing else, and without an extension (`/users/me.json`). Letters keep their case: values of
 * parameters are made of them.
 */
export function spelledPlainly(resource: string, ignored: readonly PathDifference[]): string {
  let segments = resource.slice(1).split('/');
  if (ignored.includes('parameters')) {
    // In a resource a ";" is escaped.
    segments = segments.map((segment) => segment.split('%3B', 1)[0] as string).filter((segment) => segment !== '');
  }
  const last = segments.at(-1);
  if (ignored.includes('extension') && last !== undefined) {
    const at = last.lastIndexOf('.');
    if (at > 0) segments = [...segments.slice(0, -1), last.slice(0, at)];
  }
  return `/${segments.join('/')}`;
}

/**
 * One form of all spellings of a resource, values of parameters included; undefined if it has that form. For tags only:
 * nobody is asked for it.
 */
export function foldedPath(resource: string, ignored: readonly PathDifference[]): string | undefined {
  if (ignored.length === 0) return undefined;
  const plain = spelledPlainly(resource, ignored);
  const folded = ignored.includes('case') ? resourceOf(plain.split('/').map(lowerCased).join('/')) : plain;
  return folded === resource ? undefined : folded;
}

const lowerCased = (segment: string): string => escapeText(inOneCase(segment));

/** A literal segment of a pattern, or one that is compared with it. */
export function inOneCase(segment: string): string {
  return decodeSegment(segment).toLowerCase();
}
