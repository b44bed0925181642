import type { Clock } from '../../clock.ts';
import { hasCredentials } from '../../http/storable.ts';
import { resourceOf } from '../../route/path.ts';
import { placesOf } from '../../rules/resolve.ts';
import type { BodySources, Json, RuleMatch, Sources } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import { readJson } from '../body.ts';
import { cacheKey } from '../cache-key.ts';
import type { ClientRequest, Route, RouteTable } from '../ports.ts';
import { decide } from '../read/decide.ts';
import { type RepresentationOptions, readFor, readRepresentation } from './representation.ts';

export interface BeforeOptions extends RepresentationOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly mode: 'read' | 'stored';
}

/** Where the representation of a written resource lives, and how it is read. */
export interface Address {
  readonly get: ClientRequest;
  readonly route: Route;
}

/**
 * Where the representation of the written resource lives: at its own path, or where its route's `before` says. Undefined where
 * that takes what the write does not tell.
 */
export function addressOf(
  request: ClientRequest,
  { route, params }: { route: Route; params: Sources['params'] },
  routes: RouteTable,
  sources: BodySources,
): Address | undefined {
  if (route.before === undefined) return { get: readFor(request, request.target.path, request.target.resource), route };
  const [path, ...others] = placesOf(route.before, { ...sources, params }, request.method) ?? [];
  if (path === undefined || others.length > 0) return undefined;
  return { get: readFor(request, path, resourceOf(path)), route: routes.find(resourceOf(path)).route };
}

/** How `before` is got for these rules; undefined where none of them needs it. */
export function beforeModeOf(matches: readonly RuleMatch[]): 'read' | 'stored' | undefined {
  const modes = matches.filter(({ rule }) => rule.needs.before).map(({ rule }) => rule.config.before);
  return modes.includes('read') ? 'read' : modes.includes('stored') ? 'stored' : undefined;
}

/**
 * The representation of the written resource as it was: what its writer would be served from the store, else what the origin
 * answers to its credentials, before the write is forwarded.
 */
export async function readBefore({ get, route }: Address, options: BeforeOptions): Promise<Json> {
  const policy = route.policy.cache;
  const decision = decide({
    policy,
    stored: options.store.select(cacheKey(get, policy), get.headers),
    otherVariant: false,
    // Others may be shown less than the writer: a parent that is missing there would be missed.
    credentials: hasCredentials(get.headers),
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
