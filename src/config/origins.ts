/** The name of the single `origin:`, and of the one in `origins:` for requests that name none. */
export const DEFAULT_ORIGIN = 'default';

/** The origin of requests that name none, unless `defaults` says: the one called "default", or the only one. */
export function defaultOrigin(names: readonly string[]): string | undefined {
  if (names.includes(DEFAULT_ORIGIN)) return DEFAULT_ORIGIN;
  return names.length === 1 ? names[0] : undefined;
}
