import { compareIds } from './event-id.ts';

/**
 * The position up to which a response is known to be current (`events.cursor` of the gateway). Undefined if the gateway
 * did not say so, or if the page may not read it (`Access-Control-Expose-Headers`).
 */
export function cursorOf(response: { readonly headers: { get(name: string): string | null } }): string | undefined {
  return response.headers.get('Unstale-Event-Cursor') ?? undefined;
}

/**
 * The oldest cursor of what a query's fetch has been answered, by the query's key: the array itself, which a query
 * hands to each call of its function. Empty once there was a response without one.
 */
export type Notes = WeakMap<object, string | undefined>;

/** All that was ever noted: a fetch may have begun before its client was followed. */
export const noted: Notes = new WeakMap();

/**
 * Each client that is followed has notes of its own, as the queries of two may share an array: the fetch of one begins
 * or ends while that of the other runs. What is noted counts for both, since nobody knows whose response it was.
 */
export const allNotes = new Set([noted]);

/**
 * Says which response a query's data is made of. Call it for every response, before the function returns:
 *
 *     queryFn: async (context) => {
 *       const response = await fetch('/steps/7', { signal: context.signal });
 *       noteCursor(context, response);
 *       return response.json();
 *     }
 */
export function noteCursor(
  { queryKey }: { readonly queryKey: readonly unknown[] },
  response: { readonly headers: { get(name: string): string | null } },
): void {
  const cursor = cursorOf(response) ?? '';
  for (const notes of allNotes) notes.set(queryKey, older(cursor, notes.get(queryKey)));
}

/**
 * Data that is made of several responses is as old as the oldest of them. This holds for a response of a cancelled
 * fetch, too, which may come at any time.
 */
function older(cursor: string, other = cursor): string {
  const order = compareIds(cursor, other);
  if (order < 0) return cursor;
  // NaN, if one of them is missing, or is of another log.
  return order >= 0 ? other : '';
}
