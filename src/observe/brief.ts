/** Limits on the values in a log line, so that it does not grow with what a client sends. */
export const MAX_LOGGED_NAMES = 50;
const MAX_LOGGED_LENGTH = 512;

/** Shortens a value for the log: long lists to their first elements, long texts to their beginning. */
export function brief(value: unknown): unknown {
  if (typeof value === 'string') return briefText(value);
  if (Array.isArray(value)) {
    const first = value.slice(0, MAX_LOGGED_NAMES).map(brief);
    return value.length > MAX_LOGGED_NAMES ? [...first, `… and ${value.length - MAX_LOGGED_NAMES} more`] : first;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [briefText(name), brief(member)]));
}

export function briefText(text: string): string {
  return text.length > MAX_LOGGED_LENGTH ? `${text.slice(0, MAX_LOGGED_LENGTH)}…` : text;
}
