import { noteCursor } from 'unstale/tanstack-query';

export interface Accommodation {
  readonly id: number;
  readonly stepId: number;
  readonly name: string;
  readonly nights: number;
  readonly priceCents: number;
  readonly bookingReference: string | null;
  readonly notes: string | null;
  readonly favouriteCount: number;
  readonly updatedBy: string | null;
  readonly createdAt: string;
  readonly version: number;
}

export interface Step {
  readonly id: number;
  readonly tripId: number;
  readonly title: string;
  readonly startsOn: string | null;
  readonly endsOn: string | null;
  readonly aggregateVersion: number;
  readonly accommodations: readonly Accommodation[];
  readonly totals: { readonly nights: number; readonly priceCents: number };
}

/** @throws Error for an answer that is not 2xx */
async function ask<T>(
  path: string,
  init: RequestInit,
  context?: { readonly queryKey: readonly unknown[] },
): Promise<T> {
  const response = await fetch(path, init);
  if (context !== undefined) noteCursor(context, response);
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path} was answered ${response.status}`);
  return (await response.json()) as T;
}

/**
 * Past the browser's own cache, which lets one request for a URL pass at a time: ten tabs that refetch a step would
 * wait for each other. Without a `Cache-Control` of ours, the browser would add `no-cache`, and the gateway would ask
 * the API each time.
 */
const fromGateway: RequestInit = { cache: 'no-store', headers: { 'Cache-Control': 'max-age=60' } };

export const readStep =
  (id: number) =>
  (context: { readonly queryKey: readonly unknown[]; readonly signal: AbortSignal }): Promise<Step> =>
    ask(`/steps/${id}`, { ...fromGateway, signal: context.signal }, context);

/**
 * Only what a window has changed, and `updatedBy`. This API resets what a PUT leaves out; the gateway's `writes` keeps
 * it, so that two windows can change one row at the same time.
 */
export function writeAccommodation(id: number, changes: Partial<Accommodation>): Promise<Accommodation> {
  const headers = { 'Content-Type': 'application/json' };
  return ask(`/accommodations/${id}`, { method: 'PUT', headers, body: JSON.stringify(changes) });
}
