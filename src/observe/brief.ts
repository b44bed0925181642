/** Of one request: a line of the log must not grow with what somebody sends. */
export const MAX_LOGGED_NAMES = 50;
const MAX_LOGGED_LENGTH = 512;

/** What a line of the log says of a value: of long lists the first, of long texts the beginning. */
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
