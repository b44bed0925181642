import { valueAt } from './shape.ts';
import type { Path, SourceDocument } from './source-document.ts';

/** The name of the single `origin:`, and of the one in `origins:` for requests that name none. */
export const DEFAULT_ORIGIN = 'default';

/** The origin of requests that name none, unless `defaults` says: the one called "default", or the only one. */
export function defaultOrigin(names: readonly string[]): string | undefined {
  if (names.includes(DEFAULT_ORIGIN)) return DEFAULT_ORIGIN;
  return names.length === 1 ? names[0] : undefined;
}

/** Where origins are written: `origin`, and each of `origins`. Nothing need be there. */
export function originPaths({ value }: SourceDocument): Path[] {
  const several = valueAt(value, ['origins']);
  const names = typeof several === 'object' && several !== null ? Object.keys(several) : [];
  return [['origin'], ...names.map((name) => ['origins', name])];
}
