/** The name of the single `origin:`, and of the one among `origins:` that takes what names none. */
export const DEFAULT_ORIGIN = 'default';

/** Which origin takes what names none, where `defaults` does not say: the one called "default", else the only one. */
export function defaultOrigin(names: readonly string[]): string | undefined {
  if (names.includes(DEFAULT_ORIGIN)) return DEFAULT_ORIGIN;
  return names.length === 1 ? names[0] : undefined;
}
