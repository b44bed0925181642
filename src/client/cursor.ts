import { compareIds } from './event-id.ts';

/**
 * The position up to which a response is known to be current (`events.cursor` of the gateway). Undefined if the gateway
 * did not say so, or if the page may not read it (`Access-Control-Expose-Headers`).
 */
export function cursorOf(response: { readonly headers: { get(name: string): string | null } }): string | undefined {
  return response.headers.get('Unstale-Event-Cursor') ?? undefined;
}

/**
 * The cursors of the responses of the fetch that runs, by the query's key: the array itself, which a query hands to
 * each call of its function. Undefined once there was a response without one. Queries of two clients may share an
 * array, so what is noted stays until a fetch ends, and the older one counts.
 */
const noted = new WeakMap<object, string | undefined>();

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
  note(queryKey, cursorOf(response));
}

/**
 * Data that is made of several responses is as old as the oldest of them. This holds for a response of a cancelled
 * fetch, too, which may come at any time.
 */
export function note(queryKey: object, cursor: string | undefined): void {
  if (!noted.has(queryKey)) {
    noted.set(queryKey, cursor);
    return;
  }
  // NaN, if one of them is missing.
  const order = compareIds(cursor ?? '', noted.get(queryKey) ?? '');
  if (Number.isNaN(order)) noted.set(queryKey, undefined);
  else if (order < 0) noted.set(queryKey, cursor);
}

/** Ends a fetch. */
export function takeNotes(queryKey: object): string | undefined {
  const cursor = noted.get(queryKey);
  noted.delete(queryKey);
  return cursor;
}
