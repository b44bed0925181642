import type { Clock } from '../../clock.ts';
import { resourceOf } from '../../route/path.ts';
import { placesOf } from '../../rules/resolve.ts';
import type { BodySources, Json, RuleMatch, Sources } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import { readJson } from '../body.ts';
import { cacheKey } from '../cache-key.ts';
import { hasCredentials, withoutIdleCookies } from '../credentials.ts';
import type { ClientRequest, Route, RouteTable } from '../ports.ts';
import { decide } from '../read/decide.ts';
import { type RepresentationOptions, readFor, readRepresentation } from './representation.ts';

export interface BeforeOptions extends RepresentationOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly mode: 'read' | 'stored';
}

/** Where the representation of a written resource is, and the request that reads it. */
export interface BeforeAddress {
  readonly get: ClientRequest;
  readonly route: Route;
}

/**
 * Where the representation of the written resource is: at the written path, or at the path of the route's `before`.
 * Undefined if the write does not have the values for that path, or they give several paths.
 */
export function addressOf(
  request: ClientRequest,
  { route, params }: { route: Route; params: Sources['params'] },
  routes: RouteTable,
  sources: BodySources,
): BeforeAddress | undefined {
  const { path: written, resource } = request.target;
  if (route.before === undefined) return { get: readFor(request, { path: written, resource, route }), route };
  const [path, ...others] = placesOf(route.before, { ...sources, params }, request.method) ?? [];
  if (path === undefined || others.length > 0) return undefined;
  const { route: other } = routes.find(resourceOf(path));
  return { get: readFor(request, { path, resource: resourceOf(path), route: other }), route: other };
}

/** How `before` is read for these rules; undefined if none of them needs it. */
export function beforeModeOf(matches: readonly RuleMatch[]): 'read' | 'stored' | undefined {
  const modes = matches.filter(({ rule }) => rule.needs.before).map(({ rule }) => rule.config.before);
  return modes.includes('read') ? 'read' : modes.includes('stored') ? 'stored' : undefined;
}

/**
 * Reads the representation of the written resource before the write is forwarded: from the store if the writer would be
 * served from it, otherwise from the origin with the writer's credentials.
 */
export async function readBefore({ get, route }: BeforeAddress, options: BeforeOptions): Promise<Json> {
  const policy = route.policy.cache;
  const asked = withoutIdleCookies(get, policy);
  const decision = decide({
    policy,
    stored: options.store.select(cacheKey(asked, policy), asked.headers),
    otherVariant: false,
    // Other clients may see less than the writer. A parent that is missing in their response would not be invalidated.
    credentials: hasCredentials(asked, policy),
    directives: undefined,
    now: options.clock.wall(),
  });
  if (decision.kind === 'hit' && decision.stored.status === 200) {
    const json = readJson(decision.stored.body, decision.stored.headers);
    if ('value' in json) return json;
  }
  if (options.mode === 'stored') return { missing: 'not-read' };
  return readRepresentation(get, route, options);
}
