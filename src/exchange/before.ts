import type { Clock } from '../clock.ts';
import { currentAgeMs } from '../http/freshness.ts';
import { resourceOf } from '../route/path.ts';
import { placesOf } from '../rules/resolve.ts';
import type { Json, Sources } from '../rules/types.ts';
import type { Store } from '../store/store.ts';
import { readJson } from './body.ts';
import { cacheKey } from './cache-key.ts';
import type { ClientRequest, Route, RouteTable } from './ports.ts';
import { type RepresentationOptions, readFor, readRepresentation } from './representation.ts';

export interface BeforeOptions extends RepresentationOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly routes: RouteTable;
  readonly mode: 'read' | 'stored';
}

/** Where the representation of a written resource lives, and how it is read. */
export interface Place {
  readonly get: ClientRequest;
  readonly route: Route;
}

/**
 * Where the representation of the written resource lives: at its own path, or where its route's `before` says. Undefined where
 * that takes what the write does not tell.
 */
export function placeOf(
  request: ClientRequest,
  { route, params }: { route: Route; params: Sources['params'] },
  routes: RouteTable,
  sources: Omit<Sources, 'params'>,
): Place | undefined {
  if (route.before === undefined) return { get: readFor(request, request.target.path, request.target.resource), route };
  const [path, ...others] = placesOf(route.before, { ...sources, params }, request.method) ?? [];
  if (path === undefined || others.length > 0) return undefined;
  return { get: readFor(request, path, resourceOf(path)), route: routes.find(resourceOf(path)).route };
}

/**
 * The representation of the written resource as it was: the stored one while it is fresh, else one read from the origin,
 * with the write's own credentials, before the write is forwarded.
 */
export async function readBefore({ get, route }: Place, options: BeforeOptions): Promise<Json> {
  const stored = options.store.select(cacheKey(get, route.policy.cache), get.headers);
  if (stored !== undefined && stored.status === 200 && currentAgeMs(stored, options.clock.wall()) < stored.lifetimeMs) {
    const json = readJson(stored.body, stored.headers);
    if ('value' in json) return json;
  }
  if (options.mode === 'stored') return { missing: 'not-read' };
  return readRepresentation(get, route, options);
}
